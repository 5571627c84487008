// See filter_flows.h. The state rules of negotiation discovery, by the flow's flags:
//   leaving, no SA, not secure, NEGOTIATE_DISCOVER ── clear, and one negotiation
//   leaving, no SA, secure or no discovery ────────── held, and a negotiation
//   leaving, SA (that encrypts, where the flow must be) ── protected, secure from now on
//   arriving by an SA ── secure; blocked where a filter blocks, or it must be encrypted and is not
#include "stack/filter_flows.h"

#include "policy/callout.h"
#include "policy/provider_context.h"
#include "stack/socket_filters.h"

namespace sallyport::stack {
namespace {

using policy::CalloutAnswer;
using policy::Filter;
using policy::Guid;
namespace callout = policy::known::callout;
namespace raw = policy::raw_context;

bool is_outbound_tunnel(const Guid& key) {
  return key == callout::IPSEC_OUTBOUND_TUNNEL_V4 || key == callout::IPSEC_OUTBOUND_TUNNEL_V6;
}
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

bool encrypts(const model::SaSpec& sa) {
  return sa.protocol == model::Protocol::ESP && sa.encr != model::EncrId::NULL_ENCR &&
         sa.encr != model::EncrId::NULL_AES_GMAC;
}

std::optional<CalloutAnswer> SecuredCallouts::run(const Filter& filter, const policy::FieldValues&) {
  const Guid& key = filter.action.callout;
  // A third party's callout has no code here.
  if (policy::context_of_builtin(key) == policy::CalloutContext::any) return std::nullopt;
  if ((is_outbound_transport(key) || is_outbound_tunnel(key)) && protects == nullptr) protects = &filter;
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

void FilterFlows::set(std::shared_ptr<const policy::Snapshot> snapshot) {
  snapshot_ = std::move(snapshot);
  sockets_ = snapshot_ && snapshot_->contexts.find(secure_socket_quick_mode()) != nullptr;
  active_ = sockets_;
  constexpr Point kPoints[] = {Point::outbound_transport, Point::inbound_transport, Point::ale_auth_connect,
                               Point::ale_auth_recv_accept};
  for (const Point point : kPoints)
    for (const Family family : {Family::v4, Family::v6})
      active_ = active_ || (snapshot_ && !snapshot_->banks(layer_of(point, family)).empty());
}

void FilterFlows::learn(model::ChildId sa, std::shared_ptr<const policy::Token> machine) {
  if (machine) machines_[sa] = std::move(machine);
}

FilterFlows::Flow* FilterFlows::find(TimePoint now, const HostFlow& key, bool arriving) {
  auto found = flows_.find(key);
  if (found == flows_.end()) {
    if (flows_.size() >= kMostFlows) return nullptr;
    found = flows_.emplace(key, Flow{}).first;
    found->second.accepted = arriving;
  }
  found->second.last = now;
  if (!sweep_at_) sweep_at_ = now + kSweepEvery;
  return &found->second;
}

void FilterFlows::judge_outbound(const HostFlow& key, Flow& flow) {
  using Way = Ruling::Way;
  flow.out_generation = snapshot_->generation;
  flow.decision = {};
  flow.entry.reset();
  Ruling& ruling = flow.ruling;
  if (ruling.filter == kAskForEndpoint) flow.flags.acquire = false;  // that asked for no negotiation
  ruling = {};
  ruling.flags = &flow.flags;
  fill_fields(key, flow.flags.secure ? kFlagIpsecSecured : 0, nullptr, values_);
  SecuredCallouts callouts;
  const auto transport =
      policy::classify(*snapshot_, layer_of(Point::outbound_transport, key.family()), values_, &callouts, matches_);
  auto connect = policy::Decision{};
  if (!flow.accepted)
    connect =
        policy::classify(*snapshot_, layer_of(Point::ale_auth_connect, key.family()), values_, &callouts, matches_);
  if (transport.verdict == policy::Verdict::block || connect.verdict == policy::Verdict::block) {
    ruling.way = Way::drop;
    ruling.drop = ipsec::Drop::filter_block;
    return;
  }
  const Filter* filter = callouts.protects;
  const uint64_t connection = callouts.connect_context;
  if (filter == nullptr) {
    ruling.way = transport.decided || connect.decided ? Way::clear : Way::none;
    // A connection that has to be secured, and no filter that would have it negotiated.
    if (connection & (raw::kAleRequireSecurity | raw::kAleRequireEncryption)) ruling.way = Way::none;
    if (ruling.way == Way::none && sockets_ && !transport.decided) ask_for_endpoint(key, flow);
    return;
  }
  if (connection & raw::kAleRequireEncryption) flow.flags.guaranteed_encryption = true;
  ruling.way = Way::protect;
  ruling.filter = filter->id;
  const bool tunnel = filter->has_provider_context();
  const bool require = connection & (raw::kAleRequireSecurity | raw::kAleRequireEncryption);
  ruling.clear_meanwhile = !tunnel && (filter->raw_context & raw::kOutboundNegotiateDiscover) && !require &&
                           !flow.flags.guaranteed_encryption;
  const bool suppressed = !tunnel && (filter->raw_context & raw::kOutboundSuppressNegotiation);
  ruling.negotiate = !suppressed && !(filter->head.flags & Filter::kNoAcquireInitiate);
  IpAddr local = key.local, remote = key.remote;
  if (tunnel) {
    const auto* context = snapshot_->contexts.find(filter->provider_context);
    const auto* policy = context ? std::get_if<policy::TunnelPolicy>(&(*context)->policy) : nullptr;
    if (policy != nullptr) {
      local = policy->endpoints.local;
      remote = policy->endpoints.remote;
    }
  }
  auto entry = std::make_shared<model::SpdEntry>();
  entry->action = model::Action::PROTECT;
  entry->reqid = reqid_of_filter(filter->id, local, remote, true);
  flow.entry = std::move(entry);
  flow.decision.entry = &flow.entry;
  if (!flow.flags.guaranteed_encryption) ruling.other_reqid = reqid_of_filter(filter->id, local, remote, false);
}

// Only what is marked comes here, and a secured socket's first packet comes before its filters: it waits until whose it
// is has been looked up.
void FilterFlows::ask_for_endpoint(const HostFlow& key, Flow& flow) {
  auto entry = std::make_shared<model::SpdEntry>();
  entry->action = model::Action::PROTECT;
  entry->reqid = reqid_of_filter(kAskForEndpoint, key.local, key.remote, true);
  flow.entry = std::move(entry);
  flow.decision.entry = &flow.entry;
  flow.ruling.way = Ruling::Way::protect;
  flow.ruling.filter = kAskForEndpoint;
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
  if (flow->out_generation != snapshot_->generation) judge_outbound(key, *flow);
  flow->ruling.decision = &flow->decision;
  return flow->ruling;
}

void FilterFlows::judge_inbound(const HostFlow& key, Flow& flow, bool again) {
  flow.in_generation = snapshot_->generation;
  const uint32_t flags = kFlagIpsecSecured | (again ? kFlagReauthorize : 0);
  fill_fields(key, flags, flow.machine.get(), values_);
  SecuredCallouts callouts;
  const auto transport =
      policy::classify(*snapshot_, layer_of(Point::inbound_transport, key.family()), values_, &callouts, matches_);
  // The direction of its first packet selects the layer that a flow is authorised at, for good.
  const Point ale = flow.accepted ? Point::ale_auth_recv_accept : Point::ale_auth_connect;
  const auto connection = policy::classify(*snapshot_, layer_of(ale, key.family()), values_, &callouts, matches_);
  flow.in_blocked = transport.verdict == policy::Verdict::block || connection.verdict == policy::Verdict::block;
  const uint64_t context = callouts.accept_context | callouts.connect_context;
  flow.must_encrypt = context & raw::kAleRequireEncryption;
  flow.first_unencrypted = context & raw::kAleAllowFirstInboundUnencrypted;
}

ipsec::Verdict FilterFlows::inbound(TimePoint now, const wire::ip::PacketView& view, const ipsec::SaRecord& sa) {
  if (!active()) return ipsec::Verdict::pass();
  const HostFlow key = arriving_flow(view.flow);
  Flow* flow = find(now, key, true);
  if (flow == nullptr) return ipsec::Drop::flow_limit;
  const auto machine = machines_.find(sa.spec.child_id);
  const auto who = machine == machines_.end() ? nullptr : machine->second;
  const bool same_peer = who == flow->machine || (who && flow->machine && *who == *flow->machine);
  const bool fresh = flow->in_generation == 0;
  if (flow->in_generation != snapshot_->generation || !same_peer) {
    flow->machine = who;
    judge_inbound(key, *flow, !fresh);
  }
  if (flow->in_blocked) return ipsec::Drop::filter_block;
  if (flow->must_encrypt) {
    // What answers has to be encrypted already.
    if (!flow->flags.guaranteed_encryption) flow->out_generation = 0;
    flow->flags.guaranteed_encryption = true;
    if (!encrypts(sa.spec) && !(fresh && flow->first_unencrypted)) return ipsec::Drop::not_encrypted;
  }
  flow->flags.secure = true;
  return ipsec::Verdict::pass();
}

void FilterFlows::handle_deadline(TimePoint now) {
  if (!sweep_at_ || *sweep_at_ > now) return;
  std::erase_if(flows_, [&](const auto& each) {
    constexpr uint8_t kTcp = 6;
    return now - each.second.last > (each.first.protocol == kTcp ? kIdleTcp : kIdle);
  });
  sweep_at_ = flows_.empty() ? std::nullopt : std::optional(now + kSweepEvery);
}

}  // namespace sallyport::stack
