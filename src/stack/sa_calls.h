// Calls of programs about SAs: rights and rules of the interface here, the SAs in Control. An enumeration is of the SAs
// that stood when it began; one that is gone by the time it is asked for is passed over. Pure; one thread (Control's).
#pragma once
#include "policy/sa_calls.h"
#include "stack/ipsec_connections.h"
#include "stack/sa_statistics.h"

namespace sallyport::stack {

class SaCalls final : public policy::SaCalls {
 public:
  // packets: asks the data plane.
  SaCalls(Control& control, std::function<PacketFacts()> packets) : control_(control), packets_(std::move(packets)) {}

  policy::Outcome<Bytes> call(TimePoint now, policy::SessionId session, policy::call::SaFunction function,
                              ByteView octets) override;
  policy::Outcome<Pages> enumerate(policy::SessionId session, policy::call::SaFunction function,
                                   ByteView octets) override;
  policy::Outcome<policy::SubscriptionId> subscribe(policy::SessionId session, uint32_t kind, ByteView detail) override;
  policy::Outcome<> unsubscribe(policy::SessionId session, policy::SubscriptionId id) override;
  std::vector<Bytes> subscriptions(policy::SessionId session, uint32_t kind) const override;
  std::optional<Change> poll_change() override;
  void closed(policy::SessionId session) override;

  // Takes from Control what has changed. True: some session is to hear of it.
  bool hear();
  static constexpr size_t kMostChanges = 4096;   // that wait for their sessions; more are lost
  static constexpr size_t kMostDictators = 256;  // of all sessions

 private:
  using Function = policy::call::SaFunction;
  // The caller may change SAs now, with this right: not in a transaction, nor in a dynamic session where `not_dynamic`.
  policy::Outcome<> may_change(policy::SessionId session, uint32_t right, bool not_dynamic) const;
  policy::Outcome<Bytes> change(TimePoint now, policy::SessionId session, Function function, ByteView octets);

  policy::Outcome<Bytes> direct(policy::SessionId session, Function function, ByteView octets);

  // connection_watchers.cc
  void keep_connections();
  policy::Outcome<> may_see_connections(policy::SessionId session, uint32_t right);
  policy::Outcome<Bytes> get_connection(policy::SessionId session, ByteView octets);
  policy::Outcome<Pages> enumerate_connections(policy::SessionId session, ByteView octets);
  policy::Outcome<policy::SubscriptionId> watch_connections(policy::SessionId session, ByteView detail);
  void count_connection_watchers();
  void hear_connections(const SaChange& change);
  void tell_connection(std::optional<policy::IpsecConnection> what, bool gone);

  // key_notices.cc
  void hear_keys();
  policy::Outcome<Bytes> dictators(policy::SessionId session, Function function, ByteView octets);

  struct Subscribed {
    policy::SessionId session = 0;
    std::optional<policy::SubNets> wanted;
  };
  struct Watching {
    policy::SessionId session = 0;
    policy::ConnectionTemplate wanted;
  };
  struct Registered {
    policy::SessionId session = 0;
    policy::KeyDictator who;
  };

  Control& control_;
  std::function<PacketFacts()> packets_;
  std::map<policy::SubscriptionId, Subscribed> subscribed_;
  IpsecConnections connections_;
  bool keeps_connections_ = false;
  std::map<policy::SubscriptionId, Watching> watching_;  // connections
  std::deque<Change> changes_;
  std::map<policy::SubscriptionId, Registered> dictators_;
  uint64_t last_ = 0;
};

}  // namespace sallyport::stack
