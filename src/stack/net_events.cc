// See net_events.h. Codes of negotiations are Windows' ERROR_IPSEC_IKE_*, those of dropped packets its STATUS_IPSEC_*.
#include "stack/net_events.h"

#include "stack/sa_tally.h"

namespace sallyport::stack {
namespace {

using ipsec::Drop;
using policy::FailurePoint;

namespace code {
constexpr uint32_t kNoPolicy = 13825, kNoMmPolicy = 13850, kDisabled = 13883;
}  // namespace code

uint32_t status_of(Drop drop) {
  constexpr uint32_t kBadSpi = 0xC0360001, kLifetimeExpired = 0xC0360002, kWrongSa = 0xC0360003, kReplay = 0xC0360004,
                     kInvalidPacket = 0xC0360005, kIntegrity = 0xC0360006, kClearText = 0xC0360007,
                     kThrottle = 0xC0360009;
  const auto is = [drop](auto... any) { return ((drop == any) || ...); };
  if (is(Drop::no_sa)) return kBadSpi;
  if (is(Drop::lifetime_expired, Drop::sequence_cycled)) return kLifetimeExpired;
  if (is(Drop::selector_mismatch, Drop::selectors_narrowed, Drop::bundle_broken, Drop::not_encrypted)) return kWrongSa;
  if (is(Drop::replay, Drop::behind_window)) return kReplay;
  if (is(Drop::bad_icv)) return kIntegrity;
  if (is(Drop::clear_but_protect, Drop::no_policy, Drop::policy_discard, Drop::negotiation_suppressed))
    return kClearText;
  if (is(Drop::flow_limit, Drop::fragment_limit)) return kThrottle;
  return kInvalidPacket;
}

policy::Layer transport_layer(bool arriving, const IpAddr& local) {
  return layer_of(arriving ? Point::inbound_transport : Point::outbound_transport, local.family());
}

void set_flow(const HostFlow& flow, policy::NetEvent& event) {
  event.local = flow.local;
  event.remote = flow.remote;
  event.protocol = flow.protocol;
  if (!flow.ports_known) return;
  event.local_port = flow.local_port;
  event.remote_port = flow.remote_port;
}

std::string flow_text(const HostFlow& flow) {
  const auto end = [&](const IpAddr& address, uint16_t port) {
    return flow.ports_known ? IpEndpoint{address, port}.to_string() : address.to_string();
  };
  return "protocol " + std::to_string(flow.protocol) + " between " + end(flow.local, flow.local_port) + " and " +
         end(flow.remote, flow.remote_port);
}

FailurePoint point_of(const ike::AttemptFailed& failed) {
  return failed.by_peer ? FailurePoint::PEER : FailurePoint::ME;
}

policy::SaRole role_of(const ike::AttemptFailed& failed) {
  return failed.initiated ? policy::SaRole::INITIATOR : policy::SaRole::RESPONDER;
}

policy::MmFailure main_mode_failure(const ike::AttemptFailed& failed, const FilterKeying& keying) {
  policy::MmFailure out;
  out.code = ipsec_error(failed.code);
  out.point = point_of(failed);
  const bool late = failed.phase != ike::AttemptFailed::Phase::init;
  out.state = late ? policy::MmSaState::FINAL_SENT : policy::MmSaState::SA_SENT;
  if (!failed.initiated) out.state = late ? policy::MmSaState::FINAL : policy::MmSaState::NONE;
  out.role = role_of(failed);
  if (keying.proves_identity(failed.connection)) out.method = policy::AuthMethodType::CERTIFICATE;
  out.mm_id = failed.ike_id;
  out.filter = keying.main_mode_filter_of(failed.connection);
  out.local_name = failed.local_identity;
  out.remote_name = failed.remote_identity;
  return out;
}

policy::QmFailure quick_mode_failure(const ike::AttemptFailed& failed, const FilterKeying& keying) {
  policy::QmFailure out;
  out.code = ipsec_error(failed.code);
  out.point = point_of(failed);
  out.state = failed.initiated ? policy::QmSaState::INITIAL : policy::QmSaState::NONE;
  out.role = role_of(failed);
  out.traffic = keying.is_transport(failed.connection, failed.child) ? policy::TrafficType::TRANSPORT
                                                                     : policy::TrafficType::TUNNEL;
  const auto* origin = keying.origin_of(failed.connection, failed.child);
  out.filter = origin ? origin->quick_mode : 0;
  return out;
}

// Of the users, whom quick mode policy asks for.
policy::EmFailure extended_mode_failure(const ike::AttemptFailed& failed, const FilterKeying& keying) {
  policy::EmFailure out;
  out.code = ipsec_error(failed.code);
  out.point = point_of(failed);
  out.role = role_of(failed);
  out.method = policy::AuthMethodType::CERTIFICATE;
  out.filter = keying.quick_mode_filter_of(failed.connection);
  return out;
}

}  // namespace

policy::NetEvent failed_negotiation(const ike::AttemptFailed& failed, const FilterKeying& keying) {
  policy::NetEvent out;
  out.local = failed.local;
  out.remote = failed.remote;
  out.sentence = failed.sentence;
  if (failed.phase == ike::AttemptFailed::Phase::child) {
    out.what = quick_mode_failure(failed, keying);
  } else if (failed.of_user) {
    out.what = extended_mode_failure(failed, keying);
  } else {
    out.what = main_mode_failure(failed, keying);
  }
  return out;
}

uint32_t refusal_code(const FilterKeying::Refusal& why) {
  return why.gap ? code::kDisabled : why.main_mode ? code::kNoMmPolicy : code::kNoPolicy;
}

policy::NetEvent refused_negotiation(const HostFlow& flow, const FilterKeying::Refusal& why) {
  policy::NetEvent out;
  set_flow(flow, out);
  out.sentence = "no SA for " + flow_text(flow) + ": " + why.sentence;
  if (why.gap == policy::KeyingGap::second_authentication) {
    policy::EmFailure em;
    em.code = refusal_code(why);
    em.filter = why.filter;
    out.what = em;
  } else if (why.main_mode) {
    policy::MmFailure mm;
    mm.code = refusal_code(why);
    mm.point = FailurePoint::ME;
    mm.filter = why.filter;
    if (why.gap == policy::KeyingGap::needs_ike) mm.module = policy::KeyModule::IKE;
    if (why.gap == policy::KeyingGap::needs_authip) mm.module = policy::KeyModule::AUTHIP;
    out.what = std::move(mm);
  } else {
    policy::QmFailure qm;
    qm.code = refusal_code(why);
    qm.point = FailurePoint::ME;
    qm.filter = why.filter;
    if (why.gap == policy::KeyingGap::needs_ike) qm.module = policy::KeyModule::IKE;
    if (why.gap == policy::KeyingGap::needs_authip) qm.module = policy::KeyModule::AUTHIP;
    out.what = qm;
  }
  return out;
}

policy::NetEvent dropped_packet(const ipsec::DroppedPacket& packet) {
  policy::NetEvent out;
  policy::KernelDrop drop;
  drop.status = status_of(packet.drop);
  drop.direction = packet.arriving ? policy::PacketDirection::INBOUND : policy::PacketDirection::OUTBOUND;
  drop.spi = packet.spi;
  drop.layer = transport_layer(packet.arriving, packet.local);
  out.what = drop;
  out.local = packet.local;
  out.remote = packet.remote;
  if (packet.flow) set_flow(leaving_flow(*packet.flow), out);
  out.sentence = ipsec::describe(packet.drop);
  return out;
}

policy::NetEvent blocked_flow(const HostFlow& flow, const policy::Decision& decision, bool arriving) {
  policy::NetEvent out;
  policy::ClassifyDrop drop;
  drop.filter = decision.filter->id;
  drop.layer = decision.filter->layer;
  drop.direction = arriving ? policy::PacketDirection::INBOUND : policy::PacketDirection::OUTBOUND;
  out.what = drop;
  set_flow(flow, out);
  out.sentence = "filter " + std::to_string(decision.filter->id) + " (" + decision.filter->head.display.name +
                 ") blocks " + flow_text(flow);
  return out;
}

}  // namespace sallyport::stack
