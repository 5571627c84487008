//   arriving ─┬─ ICMP error ── quotes a flow of this peer ── the quotation is mended
//             └─ flow ─┬─ known ──────────────────────────────────┬─ its own port ── as it is
//                      └─ new ─┬─ nobody has these ports ─────────┘
//                              └─ another peer's ── a free port ──── rewritten, from now on
//   leaving ── to a flow of such a peer, or an error about one ── as the peer knows it ── by the peer's SA
#include "ipsec/nat_peers.h"

#include <algorithm>

#include "wire/ip/ports.h"

namespace sallyport::ipsec {

namespace {

using wire::ip::IcmpKind;
using Key = NatFlows::Key;
using Flow = NatFlows::Flow;

constexpr uint32_t kTries = 32;  // ports looked at, far off and near by
constexpr uint32_t kWellKnown = 1024;

bool is_icmp(uint8_t protocol) { return protocol == wire::ip::kIcmp || protocol == wire::ip::kIcmpv6; }
bool has_port_numbers(uint8_t protocol) { return protocol == wire::ip::kTcp || protocol == wire::ip::kUdp; }

model::FlowKey leaving_of(const Key& key) {
  const bool ports = !is_icmp(key.protocol);
  return {
      key.local, key.remote, key.protocol, ports ? key.local_port : uint16_t{0}, ports ? key.remote_port : uint16_t{0},
      ports};
}

// Policy says the same of both, and that they are protected: what the host answers is captured under either port.
bool may_be_seen_as(Shard& shard, const Key& own, const Key& seen) {
  if (is_icmp(own.protocol)) return true;
  const model::FlowKey leaving = leaving_of(seen);
  const Spd::Entry* entry = shard.spd.find_outbound(leaving);
  if (entry != shard.spd.find_outbound(leaving_of(own))) return false;
  if (entry != nullptr && (*entry)->action != model::Action::PROTECT) return false;
  return shard.flows == nullptr ? entry != nullptr : shard.flows->would_protect(leaving);
}

// RFC 4787 4.2.1 REQ-3: a well-known port is replaced by one of these. The choice needs no secret: who can send such a
// packet has an SA.
std::optional<Key> free_port(Shard& shard, const Key& own, const NatClient& client) {
  const bool any = is_icmp(own.protocol);
  const uint32_t low = any ? 1 : own.remote_port < kWellKnown ? 512 : kWellKnown;
  const uint32_t end = !any && own.remote_port < kWellKnown ? kWellKnown : 65536;
  const uint32_t start =
      (uint32_t{client.seen_at.port} * 40503u) ^ (uint32_t{own.remote_port} * 25717u) ^ own.local_port;
  Key seen = own;
  const auto fits = [&](uint32_t port) {
    seen.remote_port = static_cast<uint16_t>(port);
    return shard.nat.find(seen) == nullptr && may_be_seen_as(shard, own, seen);
  };
  for (uint32_t i = 0; i < kTries; ++i) {
    if (fits(low + (start + i) % (end - low))) return seen;
  }
  for (uint32_t i = 1; i <= kTries && own.remote_port + i < end; ++i) {
    if (fits(own.remote_port + i)) return seen;
  }
  return std::nullopt;
}

bool can_be_rewritten(ByteView packet, const wire::ip::PacketView& view) {
  return wire::ip::has_ports(packet, view) || wire::ip::echo_identifier(packet, view).has_value();
}

std::optional<Key> arriving_key(ByteView packet, const wire::ip::PacketView& view) {
  const model::FlowKey& flow = view.flow;
  if (!is_icmp(flow.protocol))
    return Key{flow.destination, flow.source, flow.protocol, flow.destination_port, flow.source_port};
  const auto identifier = wire::ip::echo_identifier(packet, view);
  if (!identifier) return std::nullopt;
  return Key{flow.destination, flow.source, flow.protocol, 0, *identifier};
}

// A flow that this peer begins. Whoever has its ports keeps them while the flow and an SA of that peer live.
Verdict begin(Shard& shard, TimePoint now, const NatClient& client, ByteView packet, const wire::ip::PacketView& view,
              Key key, Flow*& flow) {
  NatFlows& nat = shard.nat;
  const Flow* other = nat.find(key);
  const bool stands = other != nullptr && other->let_in && shard.sad.sends(other->client.reqid);
  if (other != nullptr && (!stands || other->life.over(now, key.protocol))) {
    nat.remove(key);
    other = nullptr;
  }
  const uint16_t own_port = key.remote_port;
  if (other != nullptr || (shard.flows != nullptr && shard.flows->is_of_other_peer(now, leaving_of(key)))) {
    if (!can_be_rewritten(packet, view)) return Drop::nat_same_ports;
    const auto seen = free_port(shard, key, client);
    if (!seen) return Drop::nat_same_ports;
    key = *seen;
  }
  flow = nat.add(now, key, client, own_port);
  return flow == nullptr ? Verdict(Drop::nat_flow_limit) : Verdict::pass();
}

void set_remote_port(PacketBuf& packet, wire::ip::PacketView& view, wire::ip::End end, uint16_t port) {
  if (is_icmp(view.flow.protocol)) return wire::ip::set_echo_identifier(packet.bytes(), view, port);
  wire::ip::set_port(packet.bytes(), view, end, port, packet.offload.checksum_wanted);
}

bool is_either(const IpAddr& address, const IpAddr& seen, const std::optional<IpAddr>& original) {
  return address == seen || (original && address == *original);
}

const IpAddr& peers_view(const IpAddr& seen, const std::optional<IpAddr>& original) {
  return original && original->family() == seen.family() ? *original : seen;
}

// The peer's answer to a packet of this host, in the peer's own terms.
Verdict arrive_error(Shard& shard, const NatClient& client, PacketBuf& packet, const wire::ip::PacketView& view) {
  const auto quoted = wire::ip::quoted_packet(packet.view(), view);
  if (!quoted) return Drop::nat_same_ports;
  model::FlowKey ours = quoted->flow;
  if (!is_either(ours.source, view.flow.destination, client.original_destination) ||
      !is_either(ours.destination, view.flow.source, client.original_source))
    return Verdict::pass();  // about nothing that this host sent to the peer
  if (has_port_numbers(ours.protocol) && !ours.ports_known) return Drop::nat_same_ports;
  ours.source = view.flow.destination;
  ours.destination = view.flow.source;
  const bool remembered = !is_icmp(ours.protocol) || quoted->icmp_reply;
  Key key{ours.source, ours.destination, ours.protocol, ours.source_port, ours.destination_port};
  if (remembered && shard.nat.find_own(client.seen_at, key) == nullptr && shard.nat.find(key) != nullptr)
    return Drop::nat_same_ports;
  ours.destination_port = key.remote_port;
  wire::ip::set_quoted(packet.bytes(), view, *quoted, ours);
  return Verdict::pass();
}

Flow* flow_of_quoted(Shard& shard, ByteView packet, const wire::ip::PacketView& view) {
  const auto quoted = wire::ip::quoted_packet(packet, view);
  if (!quoted || quoted->icmp_reply) return nullptr;
  const model::FlowKey& theirs = quoted->flow;
  return shard.nat.find(
      {view.flow.source, view.flow.destination, theirs.protocol, theirs.destination_port, theirs.source_port});
}

}  // namespace

Verdict arrive_from_client(Shard& shard, TimePoint now, const NatClient& client, PacketBuf& packet,
                           wire::ip::PacketView& view, Flow*& flow) {
  flow = nullptr;
  // Transport mode carries whole packets (RFC 4303 3.3.4).
  if (view.fragment) return Drop::nat_same_ports;
  const IcmpKind icmp = wire::ip::icmp_kind(view);
  if (icmp == IcmpKind::error) return arrive_error(shard, client, packet, view);
  if (icmp == IcmpKind::reply || icmp == IcmpKind::other) return Verdict::pass();
  const auto own = arriving_key(packet.view(), view);
  if (!own) return Drop::malformed_inner;
  Key key = *own;
  flow = shard.nat.find_own(client.seen_at, key);
  if (flow == nullptr) {
    if (const Verdict v = begin(shard, now, client, packet.view(), view, key, flow); !v.passed()) return v;
  }
  if (flow->rewritten()) {
    if (!can_be_rewritten(packet.view(), view)) return Drop::nat_same_ports;
    set_remote_port(packet, view, wire::ip::End::source, flow->seen_port);
  }
  flow->life.last = now;
  flow->life.note_tcp(view, true);
  return Verdict::pass();
}

Flow* flow_to_client(Shard& shard, ByteView packet, const wire::ip::PacketView& view) {
  if (shard.nat.empty()) return nullptr;
  Flow* flow = nullptr;
  if (!is_icmp(view.flow.protocol)) {
    const model::FlowKey& key = view.flow;
    flow = shard.nat.find({key.source, key.destination, key.protocol, key.source_port, key.destination_port});
  } else if (wire::ip::icmp_kind(view) == IcmpKind::error) {
    flow = flow_of_quoted(shard, packet, view);
  } else if (wire::ip::icmp_kind(view) == IcmpKind::reply) {
    const auto identifier = wire::ip::echo_identifier(packet, view);
    if (identifier)
      flow = shard.nat.find({view.flow.source, view.flow.destination, view.flow.protocol, 0, *identifier});
  }
  if (flow == nullptr || !flow->let_in) return nullptr;
  return flow->rewritten() || shard.sad.sends(flow->client.reqid) ? flow : nullptr;
}

model::FlowKey as_client_has_it(const model::FlowKey& flow, const Flow& client) {
  model::FlowKey out = flow;
  if (!is_icmp(flow.protocol)) out.destination_port = client.own_port;
  return out;
}

bool show_to_client(PacketBuf& packet, wire::ip::PacketView& view, const Flow& flow) {
  if (wire::ip::icmp_kind(view) == IcmpKind::error) {
    const auto quoted = wire::ip::quoted_packet(packet.view(), view);
    if (!quoted) return false;
    model::FlowKey theirs = quoted->flow;
    theirs.source = peers_view(view.flow.destination, flow.client.original_source);
    theirs.destination = peers_view(view.flow.source, flow.client.original_destination);
    theirs.source_port = flow.own_port;
    wire::ip::set_quoted(packet.bytes(), view, *quoted, theirs);
    return true;
  }
  if (!flow.rewritten()) return true;
  if (!can_be_rewritten(packet.view(), view)) return false;
  set_remote_port(packet, view, wire::ip::End::destination, flow.own_port);
  return true;
}

void show_to_host(PacketBuf& error, uint16_t seen_port) {
  const auto view = wire::ip::PacketView::decode(error.view());
  const auto quoted = view ? wire::ip::quoted_packet(error.view(), *view) : std::nullopt;
  if (!quoted || !quoted->flow.ports_known) return;
  model::FlowKey flow = quoted->flow;
  flow.destination_port = seen_port;
  wire::ip::set_quoted(error.bytes(), *view, *quoted, flow);
}

}  // namespace sallyport::ipsec
