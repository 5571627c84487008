// The table of IPsec connections that programs watch (policy/ipsec_connection.h), kept up while SAs come and go: one
// stands as long as any SA of it does, over every rekeying. SAs made by hand have no keying module and make none. As
// many as there are Child SAs at most. Pure; one thread (Control's).
#pragma once
#include <map>
#include <set>

#include "ipsec/sa_record.h"
#include "policy/ipsec_connection.h"
#include "stack/control.h"

namespace sallyport::stack {

class IpsecConnections {
 public:
  using Id = uint64_t;

  // A Child SA is there. wall: FILETIME. What it began, if it is the first of its connection.
  std::optional<policy::IpsecConnection> added(const Control& control, model::ChildId child, uint64_t wall);
  // It is no more. What ended with it, if it was the last; its octets are those of SAs that ended before.
  std::optional<policy::IpsecConnection> removed(model::ChildId child);
  // What an SA has carried in all, told when the data plane has let go of it.
  void ended(const SaEnded& sa);
  // Those that are in the table and not in Control: somebody did not listen for long.
  std::vector<model::ChildId> stale(const Control& control) const;

  void clear();  // ids are not given again

  std::vector<Id> ids() const;
  // packets: what the SAs carry now; nullptr: octets are those of SAs that have ended.
  std::optional<policy::IpsecConnection> get(const Control& control, Id id,
                                             const std::vector<ipsec::SaStatus>* packets) const;

 private:
  using Key = std::tuple<IpAddr, IpAddr, policy::TrafficType, std::optional<policy::Guid>>;
  struct Standing {
    Key key;
    policy::IpsecConnection what;
    std::set<model::ChildId> children;
  };

  std::map<Id, Standing> standing_;
  std::map<Key, Id> by_key_;
  std::map<model::ChildId, Id> of_child_;  // that stand, and
  std::map<model::ChildId, Id> leaving_;   // that the data plane has yet to tell of, while their connection stands
  Id last_ = 0;
};

}  // namespace sallyport::stack
