// What the filter engine means for packets, in one shard: a table of flows, each classified when it is new, when the
// policy has changed or when another peer comes by it, and remembered in between. The decisions of the IPsec callouts
// are here: what is to be protected, what may leave in the clear meanwhile, what has to be secured or encrypted. WFP's
// stateful ALE layers; MS-IKEE 3.3 for the flags of a flow. Pure; one thread.
//
// A clear packet never comes by here on its way in: the host's packet filter judges those (docs/filters.md).
#pragma once
#include <memory>
#include <unordered_map>

#include "ipsec/flow_policy.h"
#include "policy/classify.h"
#include "stack/flow_fields.h"

namespace sallyport::stack {

class FilterFlows final : public ipsec::FlowPolicy {
 public:
  static constexpr size_t kMostFlows = 65536;
  static constexpr Duration kIdle = seconds(60);  // of everything but TCP
  static constexpr Duration kIdleTcp = hours(2);  // a connection that says nothing for so long is another one
  static constexpr Duration kSweepEvery = seconds(10);

  void set(std::shared_ptr<const policy::Snapshot> snapshot);
  // False: no filter stands at any layer that packets meet.
  bool active() const { return active_; }

  // Who authenticated the SA, for conditions on the remote machine. Forgotten with the SA.
  void learn(model::ChildId sa, std::shared_ptr<const policy::Token> machine);
  void forget(model::ChildId sa) { machines_.erase(sa); }
  template <class IsThere>
  void forget_all_but(const IsThere& is_there) {
    std::erase_if(machines_, [&](const auto& each) { return !is_there(each.first); });
  }
  size_t machines() const { return machines_.size(); }

  Ruling outbound(TimePoint now, const wire::ip::PacketView& view) override;
  ipsec::Verdict inbound(TimePoint now, const wire::ip::PacketView& view, const ipsec::SaRecord& sa) override;

  void handle_deadline(TimePoint now);
  std::optional<TimePoint> next_deadline() const { return sweep_at_; }
  size_t size() const { return flows_.size(); }

 private:
  struct Flow {
    ipsec::FlowFlags flags;
    bool accepted = false;  // its first packet came from the peer
    TimePoint last{};
    // Outbound, good while the generation is the snapshot's.
    uint64_t out_generation = 0;
    Ruling ruling;
    ipsec::Spd::Entry entry;
    ipsec::Spd::Decision decision;
    // Inbound, good while also the peer is the same.
    uint64_t in_generation = 0;
    std::shared_ptr<const policy::Token> machine;
    bool in_blocked = false;
    bool must_encrypt = false;
    bool first_unencrypted = false;  // the packet that starts it may be authenticated only
  };
  struct Hash {
    size_t operator()(const HostFlow& flow) const;
  };

  Flow* find(TimePoint now, const HostFlow& key, bool arriving);
  void judge_outbound(const HostFlow& key, Flow& flow);
  void ask_for_endpoint(const HostFlow& key, Flow& flow);
  void judge_inbound(const HostFlow& key, Flow& flow, bool again);

  std::shared_ptr<const policy::Snapshot> snapshot_;
  bool active_ = false;   // looked up once: every packet asks
  bool sockets_ = false;  // programs may secure sockets: a flow of nobody's may be such a one's
  std::unordered_map<HostFlow, Flow, Hash> flows_;
  std::unordered_map<model::ChildId, std::shared_ptr<const policy::Token>> machines_;
  std::optional<TimePoint> sweep_at_;
  policy::FieldValues values_;
  policy::Matches matches_;
};

// Whether an SA keeps its packets from being read.
bool encrypts(const model::SaSpec& sa);

// What the built-in callouts make of a flow that is (or is to be) secured; kept for the filters that ran.
class SecuredCallouts final : public policy::CalloutRunner {
 public:
  std::optional<policy::CalloutAnswer> run(const policy::Filter& filter, const policy::FieldValues& values) override;
  const policy::Filter* protects = nullptr;  // the first outbound callout asked
  uint64_t connect_context = 0;              // of IPSEC_ALE_CONNECT, all of them
  uint64_t accept_context = 0;               // of IPSEC_INBOUND_INITIATE_SECURE
};

}  // namespace sallyport::stack
