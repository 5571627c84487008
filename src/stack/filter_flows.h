// What the filter engine means for packets, in one shard: a table of its flows (model::owner_of_flow), each classified
// when it is new, when the policy has changed or when another peer comes by it, and remembered in between. The
// decisions of the IPsec callouts are here: what is to be protected, what may leave in the clear meanwhile, what has to
// be secured or encrypted. WFP's stateful ALE layers; MS-IKEE 3.3 for the flags of a flow. Pure; one thread.
//
// A clear packet never comes by here on its way in: the host's packet filter judges those (docs/filters.md).
#pragma once
#include <memory>
#include <unordered_map>

#include "ipsec/flow_policy.h"
#include "ipsec/nat_flows.h"
#include "policy/classify.h"
#include "policy/net_event.h"
#include "stack/connection_spd.h"
#include "stack/handed.h"
#include "stack/socket_filters.h"
#include "stack/socket_owner.h"
#include "stack/tunnel_traffic.h"

namespace sallyport::stack {

class FilterFlows final : public ipsec::FlowPolicy {
 public:
  static constexpr size_t kMostFlows = 65536;
  static constexpr Duration kIdle = ipsec::FlowLife::kIdle;
  static constexpr Duration kSweepEvery = seconds(10);

  // connections: of the same snapshot; nullptr: it has no filters of connections.
  void set(std::shared_ptr<const policy::Snapshot> snapshot,
           std::shared_ptr<const ConnectionSpd> connections = nullptr);
  // False: no filter stands at any layer that packets meet but those of connections, whose word the SPD has already.
  bool active() const { return active_; }
  // Whose remote ports were rewritten. It outlives this.
  void look_at(const ipsec::NatFlows& nat) { nat_ = &nat; }

  using Origin = SaOrigin;
  // remote: the peer's address. encrypts: as below. Connections of its sockets that began with another peer, or that
  // were encrypted and would not be any more, are over.
  void learn(model::ChildId sa, Origin origin, const IpAddr& remote = {}, bool encrypts = true);
  // The same of an SA that another shard has. What comes by that one brings its origin along.
  void hear_of(model::ChildId sa, const Origin& origin, const IpAddr& remote, bool encrypts);
  void forget(model::ChildId sa) { origins_.erase(sa); }
  // Good also when the SA is gone. nullptr: nothing is known of it.
  std::shared_ptr<const Origin> origin_of(model::ChildId sa) const;
  // Nothing is sent on it any more, though what is on its way is taken.
  void retire(model::ChildId sa);
  template <class IsThere>
  void forget_all_but(const IsThere& is_there) {
    std::erase_if(origins_, [&](const auto& each) { return !is_there(each.first); });
  }
  size_t origins() const { return origins_.size(); }

  // The flow is a socket's of this group from its next packet on, and starts anew; it is remembered until it is
  // forgotten, or begins another connection. One flow too many: nothing.
  void place(TimePoint now, const HostFlow& flow, std::shared_ptr<const SocketGroup> group);
  void unplace(const HostFlow& flow, uint64_t group);  // one of another group stays
  // The flow is of this user of the host, and asks for an SA of that user's. Not 0.
  void place_user(TimePoint now, const HostFlow& flow, uint64_t user);
  // Whose socket's the flow is, as long as it lives; a TCP connection that begins on its ports is asked for anew.
  // Not nullptr.
  void place_owner(TimePoint now, const HostFlow& flow, std::shared_ptr<const SocketOwner> owner);
  // Some filter asks for programs or users: inbound() may say owner_unknown, and the packet waits for place_owner().
  bool asks_owners() const override { return owners_.any(); }
  // The peer has begun the flow.
  bool accepted(const HostFlow& flow) const;

  // Also of flows that an entry of the SPD covers: it prevails or another filter does.
  Ruling outbound(TimePoint now, const wire::ip::PacketView& view) override;
  ipsec::Verdict inbound(TimePoint now, const wire::ip::PacketView& view, const ipsec::SaRecord& sa) override;
  bool would_protect(const model::FlowKey& leaving) override;
  bool is_of_other_peer(TimePoint now, const model::FlowKey& leaving) const override;
  // The same of a packet that another shard has opened.
  ipsec::Verdict inbound(TimePoint now, const wire::ip::PacketView& view, const CameBy& by);

  // Flows that filters have blocked since the last time, kMostToldPerSecond at most; each flow once for each policy.
  bool has_told() const { return !told_.empty(); }
  std::vector<policy::NetEvent> take_told() { return std::exchange(told_, {}); }
  static constexpr uint32_t kMostToldPerSecond = 16;

  // Why a secured socket's TCP connection is over, RFC 5660 2.
  enum class Broken : uint8_t { no, other_peer, less_protection };
  struct Standing {
    uint32_t reqid = 0;  // of the SA that its packets come by; 0: none has come
    Broken broken = Broken::no;
  };
  std::optional<Standing> standing(const HostFlow& flow) const;  // nothing: the flow is not known

  void handle_deadline(TimePoint now);
  std::optional<TimePoint> next_deadline() const { return sweep_at_; }
  size_t size() const { return flows_.size(); }

 private:
  struct Flow {
    ipsec::FlowFlags flags;
    bool accepted = false;  // its first packet came from the peer
    ipsec::FlowLife life;
    std::shared_ptr<const SocketGroup> group;  // that it was placed in
    bool placed_now = false;                   // and has sent nothing since
    uint64_t user = 0;                         // of this host, that it was placed for; 0: not asked
    std::shared_ptr<const SocketOwner> owner;  // nullptr: not asked
    bool owner_now = false;                    // and nothing of the flow was judged since
    // Outbound, good while the generation is the snapshot's.
    uint64_t out_generation = 0;
    Ruling ruling;
    ipsec::Spd::Entry entry;
    ipsec::Spd::Decision decision;
    uint32_t came_by = 0;  // the reqid by whose SA it is answered: of a peer behind a NAT, or one that a peer
                           // asked for; 0: of no such
    bool came_by_socket = false;
    // RFC 5660 2: what a secured socket's TCP connection began with, and keeps.
    struct Latch {
      std::shared_ptr<const policy::Token> machine;
      bool encrypted = false;
      std::shared_ptr<const policy::Token> user = nullptr;
    };
    std::optional<Latch> latch;
    Broken broken = Broken::no;   // the latch
    TimePoint came_last{};        // arrived last
    uint32_t came_last_by = 0;    // the reqid of the SA that it arrived by
    bool outbound_clear = false;  // its tunnel takes it once it has brought a packet of it, and not before
    // Inbound, good while also the SA's origin is the same.
    uint64_t in_generation = 0;
    Origin origin;
    std::optional<ipsec::Drop> in_refused;
    bool must_encrypt = false;
    bool first_unencrypted = false;  // the packet that starts it may be authenticated only
  };
  struct Hash {
    size_t operator()(const HostFlow& flow) const;
  };

  struct Carrier {  // the SA that a packet came by
    uint32_t reqid = 0;
    bool encrypts = false;
    bool guaranteed_encryption = false;
  };
  ipsec::Verdict accept(TimePoint now, const wire::ip::PacketView& view, const Carrier& sa, const Origin& origin);
  Flow* find(TimePoint now, const HostFlow& key, bool arriving);
  static Broken breaks_latch(const Flow& flow, const Origin& origin, bool encrypted);
  bool decides_alone(const wire::ip::PacketView& view, const ipsec::Spd::Entry& entry) override;
  const ConnectionSpd::Entry* connection_of(const policy::Filter* filter) const;
  void protect_by_connection(const ConnectionSpd::Entry& entry, Flow& flow);
  std::optional<ipsec::Drop> begin_anew(const wire::ip::PacketView& view, Flow& flow, const Origin& origin);
  bool may_come_by(TimePoint now, const wire::ip::PacketView& view, Flow& flow, uint32_t reqid);
  void judge_outbound(const HostFlow& key, Flow& flow);
  const policy::Filter* forward_tunnel(const HostFlow& key, bool leaving);
  void protect_by_tunnel(const policy::Filter& filter, Flow& flow);
  void use_reqid(Flow& flow, uint32_t reqid);
  void ask_for(uint64_t whom, const HostFlow& key, Flow& flow);
  bool lacks_owner(const HostFlow& key, const Flow& flow) const;
  void forget_owner(const wire::ip::PacketView& view, Flow& flow);
  bool leaves_undecided(const HostFlow& key, const Flow& flow) const;
  void judge_inbound(const HostFlow& key, Flow& flow, bool again);
  std::optional<HostFlow> before_rewriting(const HostFlow& key) const;
  bool is_answered_by(TimePoint now, const wire::ip::PacketView& view, Flow& flow, const Origin& origin,
                      uint32_t reqid);
  void tell_blocked(TimePoint now, const HostFlow& key, const policy::Decision& decision, bool arriving);

  std::shared_ptr<const policy::Snapshot> snapshot_;
  std::shared_ptr<const ConnectionSpd> connections_;
  const ipsec::NatFlows* nat_ = nullptr;
  bool active_ = false;   // looked up once: every packet asks
  bool sockets_ = false;  // programs may secure sockets: a flow of nobody's may be such a one's
  OwnersAsked owners_;
  std::unordered_map<HostFlow, Flow, Hash> flows_;
  std::unordered_map<model::ChildId, std::shared_ptr<const Origin>> origins_;
  std::unordered_map<model::ChildId, uint32_t> answering_;   // reqids of those that a peer asked for, while they send
  std::unordered_map<uint32_t, uint32_t> answering_reqids_;  // how many have each
  std::optional<TimePoint> sweep_at_;
  std::vector<policy::NetEvent> told_;
  TimePoint told_second_{};
  uint32_t told_in_second_ = 0;
  policy::FieldValues values_;
  policy::Matches matches_;
};

// Whether an SA keeps its packets from being read.
bool encrypts(const model::SaSpec& sa);

// What the built-in callouts make of a flow that is (or is to be) secured; kept for the filters that ran. What it
// is made with outlives it.
class SecuredCallouts final : public policy::CalloutRunner {
 public:
  // connections: of the snapshot, where it has any. placed: the group of sockets that the flow was placed in; filters
  // of other such groups are passed over.
  SecuredCallouts(const policy::Snapshot& snapshot, const ConnectionSpd* connections, const HostFlow& flow,
                  uint64_t placed = 0)
      : snapshot_(snapshot), connections_(connections), flow_(flow), placed_(placed) {}
  std::optional<policy::CalloutAnswer> run(const policy::Filter& filter, const policy::FieldValues& values) override;
  const policy::Filter* protects =
      nullptr;  // the first outbound callout asked, of a packet that leaves or is passed on
  const policy::Filter* tunnelled = nullptr;  // the first inbound tunnel callout asked
  uint64_t connect_context = 0;               // of IPSEC_ALE_CONNECT, all of them
  uint64_t accept_context = 0;                // of IPSEC_INBOUND_INITIATE_SECURE
  uint64_t group = 0;                         // of the sockets whose filter was asked first

 private:
  const policy::Snapshot& snapshot_;
  const ConnectionSpd* connections_;
  const HostFlow& flow_;
  uint64_t placed_;
};

}  // namespace sallyport::stack
