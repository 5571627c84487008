#include "ipsec/inbound_outer.h"

#include "ipsec/path_mtu.h"
#include "wire/ip/packet_view.h"

namespace sallyport::ipsec {

namespace {

constexpr uint8_t kAh = 51;
constexpr uint64_t kOutside = UINT64_MAX;  // context of reassembly; no Child SA has this id

Verdict take(Shard& shard, TimePoint now, ByteView packet, Outputs& out) {
  auto view = wire::ip::PacketView::decode(packet);
  if (!view) return Drop::not_ipsec;
  if (view->fragment) {
    MutableBytes whole;
    if (const Verdict v = shard.reassembly.add(now, kOutside, packet, shard.drops, whole); !v.passed()) return v;
    if (whole.empty()) return Verdict::pass();
    packet = whole;
    view = wire::ip::PacketView::decode(packet);
    if (!view) return Drop::not_ipsec;
  }
  const uint8_t protocol = view->flow.protocol;
  if (protocol == wire::ip::kIcmp || protocol == wire::ip::kIcmpv6) return learn_path_mtu(shard, now, packet);
  if (protocol != wire::ip::kEsp && protocol != kAh) return Drop::not_ipsec;
  Incoming in;
  in.packet = packet;
  in.outer_octets = static_cast<uint16_t>(view->header_octets);
  in.protocol = protocol == kAh ? model::Protocol::AH : model::Protocol::ESP;
  in.from.addr = view->flow.source;
  in.to.addr = view->flow.destination;
  in.tos = view->tos;
  inbound(shard, now, {&in, 1}, out);
  return Verdict::pass();
}

}  // namespace

void inbound_outer(Shard& shard, TimePoint now, std::span<const ByteView> in, Outputs& out) {
  for (const ByteView packet : in) {
    if (const Verdict v = take(shard, now, packet, out); !v.passed()) shard.drops.count(v.drop());
  }
}

}  // namespace sallyport::ipsec
