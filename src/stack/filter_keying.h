// The keying half of the filter engine: the connections that the policy in force amounts to, and which of them a flow
// asks for. WFP's look-up of main mode policy at IKEEXT and of quick mode policy at IPSEC (wfp: heaviest filter whose
// context is the keying module's), done once for all peers: a connection is one main mode filter, a child is one pair
// of quick mode filter and outbound callout filter; what a group of sockets has is paired with its own alone. With whom
// is said when a negotiation starts, so that a filter for a whole network costs no more than one for a host; as
// responder the same connections accept whoever authenticates. Pure; one thread (Control's).
#pragma once
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "model/ike_policy.h"
#include "policy/enumerate.h"
#include "policy/match.h"
#include "policy/translate.h"
#include "stack/flow_fields.h"
#include "stack/machine_certificates.h"
#include "stack/socket_filters.h"

namespace sallyport::stack {

class FilterKeying {
 public:
  static constexpr size_t kMostChildren = 4096;

  // What stands in the way of a filter's policy, for people.
  struct Problem {
    uint64_t filter = 0;
    std::string sentence;
    std::optional<policy::KeyingGap> gap = std::nullopt;
    bool operator==(const Problem&) const = default;
  };
  // base: credentials and trust, the configuration's by the names of policy::credential_name(), and the machine's
  // store.
  void set(std::shared_ptr<const policy::Snapshot> snapshot, const model::IkePolicySet& base);
  const std::vector<model::ConnectionPolicy>& connections() const { return connections_; }
  const std::vector<Problem>& problems() const { return problems_; }
  const std::vector<model::TrustSet>& trust() const { return trust_; }  // what the connections name beside base's
  const model::ConnectionPolicy* connection(const std::string& name) const;
  bool owns(const std::string& name) const { return connection(name) != nullptr; }

  struct Wanted {
    std::string connection;
    std::string child;
    IpAddr local;  // outer addresses
    IpAddr remote;
    std::vector<IpAddr> others = {};                      // further ones of the peer, to be tried in order
    bool by_connection = false;                           // the connection says the addresses, or a name
    std::optional<model::LocalUser> user = std::nullopt;  // of this host, where it is for one account
  };
  // Why there can be no negotiation. main_mode: it is the policy for that which is missing.
  struct Refusal {
    std::string sentence;
    uint64_t filter = 0;
    std::optional<policy::KeyingGap> gap = std::nullopt;
    bool main_mode = false;
  };
  using Result = tl::expected<Wanted, Refusal>;
  // What an acquire of this outbound callout filter asks for.
  Result look_up(const HostFlow& flow, uint64_t filter, bool encrypted) const;
  // How long after its SA stands clear packets of a child's traffic are taken; zero: as long as filters let them.
  Duration clear_timeout(const std::string& connection, const std::string& child) const;
  // The filters that a child of a connection is made of; nullptr: of none.
  struct Origin {
    uint64_t outbound = 0;    // with an IPsec callout
    uint64_t quick_mode = 0;  // 0: a tunnel, whose outbound filter names the quick mode policy
    uint64_t main_mode = 0;
    uint64_t tunnel = 0;  // number of the tunnel policy; 0: it is no tunnel's
  };
  const Origin* origin_of(const std::string& connection, const std::string& child) const;
  uint64_t filter_of(const std::string& connection, const std::string& child) const;  // the outbound one; 0: none
  // The filter at IKEEXT whose policy it is; 0: none.
  uint64_t main_mode_filter_of(const std::string& connection) const;
  bool is_transport(const std::string& connection, const std::string& child) const;
  std::map<std::string, policy::Guid, std::less<>> policy_keys() const;  // main mode contexts by connection
  // The number of the tunnel policy that a child of a connection belongs to; 0: it is no tunnel's.
  uint64_t tunnel_of(const std::string& connection, const std::string& child) const;
  // The child that offers ESP alone in place of one that offers AH; empty: there is none.
  std::string without_ah(const std::string& connection, const std::string& child) const;
  // The connection's peers prove who they are each for themselves; a secret of many proves membership alone.
  bool proves_identity(const std::string& connection) const;
  // A filter with quick mode policy that a connection is made of; 0: it has none.
  uint64_t quick_mode_filter_of(const std::string& connection) const;

 private:
  struct Ready {  // a filter with its tests and its context
    std::shared_ptr<const policy::Filter> filter;
    std::vector<policy::Test> tests;
    std::shared_ptr<const policy::ProviderContext> context;
    SocketGroup group = {};  // of the secured sockets that it is for
  };
  using ReadyList = std::vector<Ready>;
  // Those that name policy for transport mode, so that a socket's filter finds its own without asking the others'.
  class QuickModes {
   public:
    explicit QuickModes(const ReadyList& all);
    std::vector<const Ready*> serving(uint64_t asking) const;  // heaviest first

   private:
    const ReadyList& all_;
    std::map<uint64_t, std::vector<size_t>> by_group_;
  };

  ReadyList ready(policy::Layer layer) const;
  void add_connection(Family family, const Ready& main_mode, const QuickModes& quick, const model::IkePolicySet& base,
                      MachineCertificates& certificates);
  void add_children(const std::string& connection, const Ready& main_mode, const Ready& quick,
                    const policy::Filter& outbound, MachineCertificates& certificates, model::ConnectionPolicy& out);
  struct Tunnel {
    Wanted wanted;
    uint64_t policy = 0;
    bool only_by_peer = false;
  };
  void add_tunnel(const policy::Filter& outbound, Family inner, const model::IkePolicySet& base,
                  MachineCertificates& certificates);
  void place_tunnel(uint64_t filter, uint64_t main_mode, model::ConnectionPolicy made, model::ChildPolicy child,
                    Tunnel tunnel);
  Result look_up_tunnel(uint64_t filter) const;
  Refusal problem_of(uint64_t filter) const;
  static size_t index_of(Family family) { return family == Family::v4 ? 0 : 1; }
  static void take_identity(const model::IkePolicySet& base, model::ConnectionPolicy& out);
  // asking: the group of sockets whose filter wants it; 0: none.
  const Ready* first_match(const ReadyList& list, const policy::FieldValues& values, policy::ContextRole role,
                           Refusal& why, uint64_t asking = 0) const;
  void note(uint64_t filter, std::string sentence, std::optional<policy::KeyingGap> gap = std::nullopt);
  using Made = policy::Translated<model::ConnectionPolicy>;
  Made connection_of(const policy::ProviderContext& main_mode, const policy::ProviderContext& quick_mode,
                     const policy::Filter& outbound, policy::Negotiation negotiation,
                     MachineCertificates& certificates);

  std::shared_ptr<const policy::Snapshot> snapshot_;
  ReadyList main_mode_[2], quick_mode_[2], outbound_[2];  // by family, heaviest first
  std::vector<model::ConnectionPolicy> connections_;
  std::map<std::pair<std::string, std::string>, Origin> origins_;  // by connection and child
  struct MainMode {
    uint64_t filter = 0;
    policy::Guid policy;
  };
  std::map<std::string, MainMode> main_modes_;                                // by connection
  std::map<uint64_t, Tunnel> tunnels_;                                        // by filter
  std::map<std::tuple<uint64_t, IpAddr, IpAddr>, std::string> by_endpoints_;  // connections that tunnels have made
  std::vector<model::TrustSet> trust_;
  std::vector<Problem> problems_;
  size_t children_ = 0;
};

// "filter-7", and where quick mode policy asks for users "filter-7-users-9", because what proves a user is another IKE
// SA than what does not; and the child of a quick mode and an outbound filter, "filter-9-12"; of a tunnel "filter-12",
// in the connection of its endpoints, "filter-7-from-192-0-2-1-to-192-0-2-2".
std::string connection_name_of(uint64_t main_mode_filter, uint64_t asks_for_users = 0);
std::string child_name_of(uint64_t quick_mode_filter, uint64_t outbound_filter, bool encrypted);

// nullptr: the filter is gone, or has none.
const policy::ProviderContext* context_of_filter(const policy::Snapshot& snapshot, uint64_t filter);

// The quick mode policy says IPSEC_POLICY_FLAG_KEY_MANAGER_ALLOW_NOTIFY_KEY.
bool gives_keys_away(const policy::Snapshot& snapshot, const FilterKeying::Origin& origin);

}  // namespace sallyport::stack
