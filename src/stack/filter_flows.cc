// See filter_flows.h. The state rules of negotiation discovery, by the flow's flags:
//   leaving, no SA, not secure, NEGOTIATE_DISCOVER ── clear, and one negotiation
//   leaving, no SA, secure or no discovery ────────── held, and a negotiation
//   leaving, no SA, of a connection ───────────────── as the SPD has it
//   leaving, SA (that encrypts, where the flow must be) ── protected, secure from now on
//   arriving by an SA ── secure; blocked where a filter blocks, or it must be encrypted and is not, or the SA is not of
//   the tunnel that the deciding filter names, or serves other sockets
// What leaves a socket has no place in the policy until the flow was placed in its group; a connection that begins on
// an old flow is asked for again, because it may be another program's. A packet that the host only passes on is judged
// at IPFORWARD. The device does not tell which packets those are; the packet filter has brought each here by the filter
// that is found again.
#include "stack/filter_flows.h"

#include "policy/callout.h"
#include "policy/provider_context.h"
#include "stack/net_events.h"
#include "stack/socket_filters.h"

namespace sallyport::stack {
namespace {

using policy::CalloutAnswer;
using policy::Filter;
using policy::Guid;
namespace callout = policy::known::callout;
namespace raw = policy::raw_context;

const SaOrigin kNobody{};

bool is_outbound_transport(const Guid& key) {
  return key == callout::IPSEC_OUTBOUND_TRANSPORT_V4 || key == callout::IPSEC_OUTBOUND_TRANSPORT_V6;
}
bool is_connect(const Guid& key) {
  return key == callout::IPSEC_ALE_CONNECT_V4 || key == callout::IPSEC_ALE_CONNECT_V6;
}
bool is_initiate_secure(const Guid& key) {
  return key == callout::IPSEC_INBOUND_INITIATE_SECURE_V4 || key == callout::IPSEC_INBOUND_INITIATE_SECURE_V6;
}

}  // namespace

bool encrypts(const model::SaSpec& sa) { return model::encrypts(sa.protocol, sa.encr); }

std::optional<CalloutAnswer> SecuredCallouts::run(const Filter& filter, const policy::FieldValues&) {
  const Guid& key = filter.action.callout;
  const auto* connection = connections_ != nullptr ? connections_->find(filter.id) : nullptr;
  if (connection != nullptr && !covers(**connection, flow_)) return CalloutAnswer{};
  if (const SocketGroup of = group_of(filter); of.number != 0) {
    if ((of.by_flow || placed_ != 0) && of.number != placed_) return CalloutAnswer{};
    if (group == 0) group = of.number;
  }
  // A third party's callout has no code here.
  if (policy::context_of_builtin(key) == policy::CalloutContext::any) return std::nullopt;
  if (const TunnelCallout tunnel = tunnel_callout(key); tunnel != TunnelCallout::none) {
    const auto* context = tunnel_context(snapshot_, filter);
    const bool bypass = context != nullptr && bypasses_tunnel(tunnel_policy(*context)->flags, flow_);
    const bool leaves = tunnel == TunnelCallout::outbound || tunnel == TunnelCallout::forward_outbound;
    if (leaves && !bypass && protects == nullptr) protects = &filter;
    if (!leaves && tunnelled == nullptr) tunnelled = &filter;
  }
  if (is_outbound_transport(key) && protects == nullptr) protects = &filter;
  if (is_connect(key) && !filter.has_provider_context()) connect_context |= filter.raw_context;
  if (is_initiate_secure(key)) accept_context |= filter.raw_context;
  return CalloutAnswer{CalloutAnswer::Kind::permit, false};
}

size_t FilterFlows::Hash::operator()(const HostFlow& flow) const {
  uint64_t hash = uint64_t{flow.protocol} << 32 | uint64_t{flow.local_port} << 16 | flow.remote_port;
  for (const IpAddr* address : {&flow.local, &flow.remote}) {
    const ByteView b = address->bytes();
    for (size_t at = 0; at + 4 <= b.size(); at += 4) hash = policy::mix64(hash ^ load_be32(&b[at]));
  }
  return static_cast<size_t>(hash);
}

void FilterFlows::set(std::shared_ptr<const policy::Snapshot> snapshot,
                      std::shared_ptr<const ConnectionSpd> connections) {
  snapshot_ = std::move(snapshot);
  connections_ = std::move(connections);
  generation_ = snapshot_ ? snapshot_->generation : 0;
  sockets_ = snapshot_ && snapshot_->contexts.find(secure_socket_quick_mode()) != nullptr;
  owners_ = snapshot_ ? OwnersAsked(*snapshot_) : OwnersAsked();
  active_ = sockets_ || (snapshot_ && others_stand(*snapshot_, connections_.get()));
}

void FilterFlows::learn(model::ChildId sa, Origin origin, const IpAddr& remote, bool encrypts) {
  hear_of(sa, origin, remote, encrypts);
  if (origin.machine || origin.user || origin.of_filter)
    origins_[sa] = std::make_shared<const Origin>(std::move(origin));
}

std::shared_ptr<const SaOrigin> FilterFlows::origin_of(model::ChildId sa) const {
  const auto known = origins_.find(sa);
  return known == origins_.end() ? nullptr : known->second;
}

void FilterFlows::hear_of(model::ChildId sa, const Origin& origin, const IpAddr& remote, bool encrypts) {
  // An SA that the peer asked for takes no flow from another one: may_come_by().
  if (origin.group != 0 && origin.answered == 0) {
    for (auto& [key, flow] : flows_) {
      if (key.remote != remote || flow.origin.group != origin.group || flow.broken != Broken::no) continue;
      flow.broken = breaks_latch(flow, origin, encrypts);
    }
  }
  if (origin.answered != 0 && answering_.emplace(sa, origin.answered).second) ++answering_reqids_[origin.answered];
}

void FilterFlows::retire(model::ChildId sa) {
  const auto node = answering_.extract(sa);
  if (node.empty()) return;
  const auto of_reqid = answering_reqids_.find(node.mapped());
  if (of_reqid != answering_reqids_.end() && --of_reqid->second == 0) answering_reqids_.erase(of_reqid);
}

void FilterFlows::place(TimePoint now, const HostFlow& flow, std::shared_ptr<const SocketGroup> group) {
  const auto before = flows_.find(flow);
  std::shared_ptr<const SocketOwner> owner = before == flows_.end() ? nullptr : std::move(before->second.owner);
  flows_.erase(flow);
  Flow* const fresh = find(now, flow, false);
  if (fresh == nullptr) return;
  fresh->owner = std::move(owner);
  fresh->owner_now = fresh->owner != nullptr;
  fresh->group = std::move(group);
  fresh->placed_now = true;
}

void FilterFlows::unplace(const HostFlow& flow, uint64_t group) {
  const auto found = flows_.find(flow);
  if (found != flows_.end() && found->second.group && found->second.group->number == group) flows_.erase(found);
}

void FilterFlows::place_user(TimePoint now, const HostFlow& key, uint64_t user) {
  Flow* const flow = find(now, key, false);
  if (flow == nullptr) return;
  flow->user = user;
  flow->placed_now = true;
  flow->flags.acquire = false;
  flow->out_generation = 0;
}

void FilterFlows::place_owner(TimePoint now, const HostFlow& key, std::shared_ptr<const SocketOwner> owner) {
  const auto found = flows_.find(key);  // one that is forgotten asks again
  if (found == flows_.end()) return;
  Flow& flow = found->second;
  flow.life.last = now;
  flow.owner = std::move(owner);
  flow.owner_now = true;
  flow.out_generation = 0;
}

bool FilterFlows::accepted(const HostFlow& key) const {
  const auto found = flows_.find(key);
  return found != flows_.end() && found->second.accepted;
}

bool FilterFlows::lacks_owner(const HostFlow& key, const Flow& flow) const {
  const Point ale = flow.accepted ? Point::ale_auth_recv_accept : Point::ale_auth_connect;
  return !flow.owner && has_owner(key) && owners_.at(ale, key.family());
}

// The same ports may be another program's by now.
void FilterFlows::forget_owner(const wire::ip::PacketView& view, Flow& flow) {
  if (!flow.owner || !view.opens_connection() || flow.owner_now) return;
  flow.owner.reset();
  flow.out_generation = flow.in_generation = 0;
}

// What the packet filter has brought here to be asked about, and no filter decides: the layer's default is to permit.
// Not for a secured socket, nor for one that is gone and may have been secured.
bool FilterFlows::leaves_undecided(const HostFlow& key, const Flow& flow) const {
  if (!flow.owner || flow.accepted || !owners_.at(Point::ale_auth_connect, key.family())) return false;
  return !flow.owner->secured && (flow.owner->user != nullptr || !sockets_);
}

FilterFlows::Flow* FilterFlows::find(TimePoint now, const HostFlow& key, bool arriving) {
  auto found = flows_.find(key);
  if (found == flows_.end()) {
    if (flows_.size() >= kMostFlows) return nullptr;
    found = flows_.emplace(key, Flow{}).first;
    found->second.accepted = arriving;
  }
  found->second.life.last = now;
  if (!sweep_at_) sweep_at_ = now + kSweepEvery;
  return &found->second;
}

void FilterFlows::use_reqid(Flow& flow, uint32_t reqid) {
  auto entry = std::make_shared<model::SpdEntry>();
  entry->action = model::Action::PROTECT;
  entry->reqid = reqid;
  flow.entry = std::move(entry);
  flow.decision.entry = &flow.entry;
}

// The tunnel filter that decides at IPFORWARD; nullptr: none, or something blocks.
const Filter* FilterFlows::forward_tunnel(const HostFlow& key, bool leaving) {
  fill_forward_fields(key, leaving, leaving ? 0 : kFlagIpsecSecured, values_);
  SecuredCallouts callouts(*snapshot_, connections_.get(), key);
  const auto forward =
      policy::classify(*snapshot_, layer_of(Point::ipforward, key.family()), values_, &callouts, matches_);
  if (forward.verdict == policy::Verdict::block) return nullptr;
  return leaving ? callouts.protects : callouts.tunnelled;
}

void FilterFlows::protect_by_tunnel(const Filter& filter, Flow& flow) {
  Ruling& ruling = flow.ruling;
  const auto* context = tunnel_context(*snapshot_, filter);
  if (context == nullptr) return;  // Way::none: nobody sends it
  const policy::TunnelPolicy& policy = *tunnel_policy(*context);
  ruling.filter = filter.id;
  if (flow.flags.guaranteed_encryption && !encrypts_always(policy)) {
    ruling.way = Ruling::Way::drop;
    ruling.drop = ipsec::Drop::not_encrypted;
    return;
  }
  ruling.way = Ruling::Way::protect;
  flow.outbound_clear = policy.flags & policy::policy_flag::kTunnelAllowOutboundClear;
  ruling.clear_meanwhile = flow.outbound_clear;
  ruling.negotiate = !(filter.head.flags & Filter::kNoAcquireInitiate);
  use_reqid(flow, reqid_of_tunnel(context->id));
}

void FilterFlows::judge_outbound(const HostFlow& key, Flow& flow) {
  using Way = Ruling::Way;
  flow.out_generation = snapshot_->generation;
  flow.decision = {};
  flow.entry.reset();
  flow.outbound_clear = false;
  Ruling& ruling = flow.ruling;
  if (ruling.filter >= kAskForOwner) flow.flags.acquire = false;  // that asked for no negotiation
  ruling = {};
  ruling.flags = &flow.flags;
  if (!flow.accepted && lacks_owner(key, flow)) return ask_for(kAskForOwner, key, flow);
  fill_fields(key, flow.flags.secure ? kFlagIpsecSecured : 0, flow.origin.machine.get(), values_,
              flow.origin.user.get());
  fill_owner(flow.owner.get(), values_);
  if (flow.group) values_.set_octets(policy::Field::PEER_NAME, policy::DataType::BYTE_BLOB, flow.group->peer_name);
  SecuredCallouts callouts(*snapshot_, connections_.get(), key, flow.group ? flow.group->number : 0);
  const auto transport =
      policy::classify(*snapshot_, layer_of(Point::outbound_transport, key.family()), values_, &callouts, matches_);
  auto connect = policy::Decision{};
  if (!flow.accepted)
    connect =
        policy::classify(*snapshot_, layer_of(Point::ale_auth_connect, key.family()), values_, &callouts, matches_);
  const bool own_tunnel = callouts.protects != nullptr && callouts.protects->has_provider_context();
  const ConnectionSpd::Entry* connection_entry = connection_of(callouts.protects);
  if (!own_tunnel && connection_entry == nullptr) {
    if (const Filter* forward = forward_tunnel(key, true)) return protect_by_tunnel(*forward, flow);
  }
  if (transport.verdict == policy::Verdict::block || connect.verdict == policy::Verdict::block) {
    ruling.way = Way::drop;
    ruling.drop = ipsec::Drop::filter_block;
    tell_blocked(flow.life.last, key, transport.verdict == policy::Verdict::block ? transport : connect, false);
    return;
  }
  const Filter* filter = callouts.protects;
  const uint64_t connection = callouts.connect_context;
  if (filter == nullptr) {
    const bool required = connection & (raw::kAleRequireSecurity | raw::kAleRequireEncryption);
    ruling.way = transport.decided || connect.decided ? Way::clear : Way::none;
    // A connection that has to be secured, and no filter that would have it negotiated.
    if (required) ruling.way = Way::none;
    // Who was placed a moment ago and still has no filter will have none by asking again.
    if (ruling.way == Way::none && !required && leaves_undecided(key, flow)) ruling.way = Way::clear;
    if (ruling.way == Way::none && sockets_ && !transport.decided && !flow.placed_now)
      ask_for(kAskForEndpoint, key, flow);
    return;
  }
  if (connection & raw::kAleRequireEncryption) flow.flags.guaranteed_encryption = true;
  if (connection_entry != nullptr) return protect_by_connection(*connection_entry, flow);
  if (own_tunnel) return protect_by_tunnel(*filter, flow);
  ruling.way = Way::protect;
  ruling.filter = filter->id;
  const bool require = connection & (raw::kAleRequireSecurity | raw::kAleRequireEncryption);
  ruling.clear_meanwhile =
      (filter->raw_context & raw::kOutboundNegotiateDiscover) && !require && !flow.flags.guaranteed_encryption;
  const bool suppressed = filter->raw_context & raw::kOutboundSuppressNegotiation;
  ruling.negotiate = !suppressed && !(filter->head.flags & Filter::kNoAcquireInitiate);
  if (flow.came_by != 0) {
    use_reqid(flow, flow.came_by);
    ruling.negotiate = false;
    return;
  }
  const auto reqid = [&](bool encrypted) {
    const uint32_t of_filter = reqid_of_filter(filter->id, key.local, key.remote, encrypted);
    return flow.user != 0 ? reqid_of_user(of_filter, flow.user) : of_filter;
  };
  use_reqid(flow, reqid(true));
  if (!flow.flags.guaranteed_encryption) ruling.other_reqid = reqid(false);
}

const ConnectionSpd::Entry* FilterFlows::connection_of(const Filter* filter) const {
  return filter != nullptr && connections_ ? connections_->find(filter->id) : nullptr;
}

void FilterFlows::protect_by_connection(const ConnectionSpd::Entry& entry, Flow& flow) {
  flow.ruling.way = Ruling::Way::protect;
  flow.entry = entry;
  flow.decision.entry = &flow.entry;
}

// Without the memory of the flow: where that would count, it is asked.
bool FilterFlows::decides_alone(const wire::ip::PacketView& view, const ipsec::Spd::Entry& entry) {
  if (!active_ || !connections_ || entry->action != model::Action::PROTECT) return true;
  const HostFlow key = leaving_flow(view.flow);
  if (has_owner(key) && owners_.at(Point::ale_auth_connect, key.family())) return false;
  fill_fields(key, 0, nullptr, values_);
  SecuredCallouts callouts(*snapshot_, connections_.get(), key);
  const auto at = [&](Point point) {
    return policy::classify(*snapshot_, layer_of(point, key.family()), values_, &callouts, matches_).verdict;
  };
  if (at(Point::outbound_transport) == policy::Verdict::block || at(Point::ale_auth_connect) == policy::Verdict::block)
    return false;
  const ConnectionSpd::Entry* prevails = connection_of(callouts.protects);
  return prevails != nullptr && **prevails == *entry && !(callouts.connect_context & raw::kAleRequireEncryption);
}

// Only what is marked comes here, and a secured socket's first packet comes before its filters: it waits until whose it
// is has been looked up. So does what a filter asks the owner of.
void FilterFlows::ask_for(uint64_t whom, const HostFlow& key, Flow& flow) {
  auto entry = std::make_shared<model::SpdEntry>();
  entry->action = model::Action::PROTECT;
  entry->reqid = reqid_of_endpoint(key);
  flow.entry = std::move(entry);
  flow.decision.entry = &flow.entry;
  flow.ruling.way = Ruling::Way::protect;
  flow.ruling.filter = whom;
  flow.ruling.answers = false;
}

ipsec::FlowPolicy::Ruling FilterFlows::outbound(TimePoint now, const wire::ip::PacketView& view) {
  if (!active()) return {};
  const HostFlow key = leaving_flow(view.flow);
  Flow* flow = find(now, key, false);
  if (flow == nullptr) {
    Ruling full;
    full.way = Ruling::Way::drop;
    full.drop = ipsec::Drop::flow_limit;
    return full;
  }
  flow->life.note_tcp(view, false);
  if (view.opens_connection()) {
    flow->latch.reset();
    flow->broken = Broken::no;
  }
  if (flow->broken != Broken::no) {
    Ruling over;
    over.way = Ruling::Way::reset;
    over.drop = ipsec::Drop::latch_broken;
    return over;
  }
  if (flow->group && view.opens_connection() && !flow->placed_now) {
    *flow = Flow{};
    flow->life.last = now;
  }
  // The same ports may be another user's by now.
  if (flow->user != 0 && view.opens_connection() && !flow->placed_now) {
    flow->user = 0;
    flow->flags.acquire = false;
    flow->out_generation = 0;
  }
  forget_owner(view, *flow);
  if (flow->came_by_socket && !answering_reqids_.contains(flow->came_by)) {
    flow->came_by = 0;
    flow->came_by_socket = false;
    flow->out_generation = 0;
  }
  if (flow->out_generation != snapshot_->generation) judge_outbound(key, *flow);
  flow->owner_now = false;
  if (flow->ruling.filter != kAskForOwner) flow->placed_now = false;
  flow->ruling.decision = &flow->decision;
  // Its own connections leave the tunnel alone; one that came by it is answered by it.
  if (flow->outbound_clear) flow->ruling.negotiate = flow->flags.secure;
  return flow->ruling;
}

void FilterFlows::tell_blocked(TimePoint now, const HostFlow& key, const policy::Decision& decision, bool arriving) {
  if (now - told_second_ >= seconds(1)) {
    told_second_ = now;
    told_in_second_ = 0;
  }
  if (decision.filter == nullptr || told_in_second_ >= kMostToldPerSecond) return;
  ++told_in_second_;
  told_.push_back(blocked_flow(key, decision, arriving));
}

void FilterFlows::judge_inbound(const HostFlow& key, Flow& flow, bool again) {
  flow.in_generation = snapshot_->generation;
  const uint32_t flags = kFlagIpsecSecured | (again ? kFlagReauthorize : 0);
  fill_fields(key, flags, flow.origin.machine.get(), values_, flow.origin.user.get());
  fill_owner(flow.owner.get(), values_);
  if (flow.group) values_.set_octets(policy::Field::PEER_NAME, policy::DataType::BYTE_BLOB, flow.group->peer_name);
  SecuredCallouts callouts(*snapshot_, connections_.get(), key, flow.group ? flow.group->number : 0);
  const auto inbound_transport = [&] {
    return policy::classify(*snapshot_, layer_of(Point::inbound_transport, key.family()), values_, &callouts, matches_);
  };
  auto transport = policy::Decision{};
  const auto original = before_rewriting(key);
  if (original) {
    values_.set_u16(policy::Field::IP_REMOTE_PORT, original->remote_port);
    transport = inbound_transport();
    values_.set_u16(policy::Field::IP_REMOTE_PORT, key.remote_port);
    values_.set_u32(policy::Field::FLAGS, flags | kFlagNattReclassify);
  }
  if (transport.verdict != policy::Verdict::block) transport = inbound_transport();
  values_.set_u32(policy::Field::FLAGS, flags);
  // The direction of its first packet selects the layer that a flow is authorised at, for good.
  const Point ale = flow.accepted ? Point::ale_auth_recv_accept : Point::ale_auth_connect;
  const auto connection = policy::classify(*snapshot_, layer_of(ale, key.family()), values_, &callouts, matches_);
  flow.in_refused.reset();
  if (transport.verdict == policy::Verdict::block || connection.verdict == policy::Verdict::block) {
    flow.in_refused = ipsec::Drop::filter_block;
    tell_blocked(flow.life.last, key, transport.verdict == policy::Verdict::block ? transport : connection, true);
  }
  // What a tunnel filter has secured came by that tunnel, and nothing else did. A connection's SA goes before filters.
  if (flow.origin.of_filter) {
    const Filter* filter = callouts.tunnelled != nullptr ? callouts.tunnelled : forward_tunnel(key, false);
    const auto* context = filter != nullptr ? tunnel_context(*snapshot_, *filter) : nullptr;
    const bool may_bypass = context != nullptr && bypasses_tunnel(tunnel_policy(*context)->flags, key);
    const uint64_t wanted = context != nullptr ? context->id : 0;
    if (wanted != flow.origin.tunnel && !(may_bypass && flow.origin.tunnel == 0))
      flow.in_refused = ipsec::Drop::other_sa;
  }
  // An SA of sockets is for these and for nothing else of the host.
  if (flow.origin.group != 0 && flow.origin.group != callouts.group) flow.in_refused = ipsec::Drop::other_sa;
  const uint64_t context = callouts.accept_context | callouts.connect_context;
  flow.must_encrypt = context & raw::kAleRequireEncryption;
  flow.first_unencrypted = context & raw::kAleAllowFirstInboundUnencrypted;
}

// Two SAs that peers have asked for one listener: a flow belongs to the SA that it was begun by, while that one stands;
// what we asked for ourselves serves every flow of its sockets.
bool FilterFlows::may_come_by(TimePoint now, const wire::ip::PacketView& view, Flow& flow, uint32_t reqid) {
  const bool bound = flow.origin.group != 0 || flow.origin.user != nullptr;
  const bool socket = bound && (flow.origin.answered != 0 || reqid == 0);
  if (socket && reqid == 0) return true;
  if (flow.came_by != 0) {
    const bool belongs = flow.came_by_socket ? answering_reqids_.contains(flow.came_by) && !view.opens_connection()
                                             : now - flow.came_last < kIdle;
    if (belongs) return false;
  }
  flow.came_by = reqid;
  flow.came_by_socket = socket;
  flow.out_generation = 0;
  return true;
}

// Peers behind one NAT were told apart before (ipsec/nat_peers.h), and so was which of them an error of ICMP is for.
bool FilterFlows::is_answered_by(TimePoint now, const wire::ip::PacketView& view, Flow& flow, const Origin& origin,
                                 uint32_t reqid) {
  const bool of_client = origin.nat_client && origin.answered == 0;
  const bool icmp = view.flow.protocol == wire::ip::kIcmp || view.flow.protocol == wire::ip::kIcmpv6;
  const uint32_t came_by = (of_client && !icmp) || origin.answered != 0 ? reqid : 0;
  if (came_by == flow.came_by) return true;
  if (!of_client) return may_come_by(now, view, flow, came_by);
  flow.came_by = came_by;
  flow.came_by_socket = false;
  flow.out_generation = 0;
  return true;
}

FilterFlows::Broken FilterFlows::breaks_latch(const Flow& flow, const Origin& origin, bool encrypted) {
  if (!flow.latch) return Broken::no;
  if (!origin.same_peer(*flow.latch)) return Broken::other_peer;
  return flow.latch->encrypted && !encrypted ? Broken::less_protection : Broken::no;
}

std::optional<FilterFlows::Standing> FilterFlows::standing(const HostFlow& flow) const {
  const auto found = flows_.find(flow);
  if (found == flows_.end()) return std::nullopt;
  return Standing{found->second.came_last_by, found->second.broken};
}

// A new connection in place of an old one of the same ports. Whoever is another peer waits until the old one is over.
std::optional<ipsec::Drop> FilterFlows::begin_anew(const wire::ip::PacketView& view, Flow& flow, const Origin& origin) {
  if (!flow.latch || !view.opens_connection()) return std::nullopt;
  const bool over = flow.broken != Broken::no || flow.life.closed();
  if (!over && breaks_latch(flow, origin, true) != Broken::no) return ipsec::Drop::other_sa;
  flow.latch.reset();
  flow.broken = Broken::no;
  return std::nullopt;
}

ipsec::Verdict FilterFlows::inbound(TimePoint now, const wire::ip::PacketView& view, const ipsec::SaRecord& sa) {
  if (!active()) return ipsec::Verdict::pass();
  const auto known = origins_.find(sa.spec.child_id);
  return accept(now, view, {sa.spec.reqid, encrypts(sa.spec), sa.spec.guaranteed_encryption},
                known == origins_.end() ? kNobody : *known->second);
}

ipsec::Verdict FilterFlows::inbound(TimePoint now, const wire::ip::PacketView& view, const CameBy& by) {
  if (!active()) return ipsec::Verdict::pass();
  return accept(now, view, {by.reqid, by.encrypts, by.guaranteed_encryption}, by.origin ? *by.origin : kNobody);
}

ipsec::Verdict FilterFlows::accept(TimePoint now, const wire::ip::PacketView& view, const Carrier& sa,
                                   const Origin& origin) {
  const HostFlow key = arriving_flow(view.flow);
  Flow* flow = find(now, key, true);
  if (flow == nullptr) return ipsec::Drop::flow_limit;
  if (const auto refused = begin_anew(view, *flow, origin)) return *refused;
  forget_owner(view, *flow);
  const bool fresh = flow->in_generation == 0;
  if (flow->in_generation != snapshot_->generation || !(origin == flow->origin)) {
    if (lacks_owner(key, *flow)) return ipsec::Drop::owner_unknown;
    flow->owner_now = false;
    flow->origin = origin;
    judge_inbound(key, *flow, !fresh);
  }
  if (flow->in_refused) return *flow->in_refused;
  if (!is_answered_by(now, view, *flow, origin, sa.reqid)) return ipsec::Drop::other_sa;
  if (flow->broken == Broken::no) flow->broken = breaks_latch(*flow, origin, sa.encrypts);
  if (flow->broken != Broken::no) return ipsec::Drop::latch_broken;
  // The same peer in another SA: from now on both are alike at a glance.
  if (flow->latch && (flow->latch->machine != origin.machine || flow->latch->user != origin.user)) {
    flow->latch->machine = origin.machine;
    flow->latch->user = origin.user;
  }
  flow->came_last = now;
  flow->came_last_by = sa.reqid;
  flow->life.note_tcp(view, true);
  if (flow->must_encrypt) {
    // What answers has to be encrypted already.
    if (!flow->flags.guaranteed_encryption) flow->out_generation = 0;
    flow->flags.guaranteed_encryption = true;
    if (!sa.encrypts && !(fresh && flow->first_unencrypted)) return ipsec::Drop::not_encrypted;
  }
  flow->flags.secure = true;
  // What the peer wants encrypted is answered encrypted.
  if (sa.guaranteed_encryption && !flow->flags.guaranteed_encryption) {
    flow->flags.guaranteed_encryption = true;
    flow->out_generation = 0;
  }
  const bool of_socket = flow->group || origin.group != 0;
  if (of_socket && key.protocol == wire::ip::kTcp && !flow->latch)
    flow->latch = {origin.machine, sa.encrypts, origin.user};
  return ipsec::Verdict::pass();
}

void FilterFlows::handle_deadline(TimePoint now) {
  if (!sweep_at_ || *sweep_at_ > now) return;
  std::erase_if(flows_, [&](const auto& each) {
    const Flow& flow = each.second;
    return !flow.group && flow.life.over(now, each.first.protocol);
  });
  sweep_at_ = flows_.empty() ? std::nullopt : std::optional(now + kSweepEvery);
}

}  // namespace sallyport::stack
