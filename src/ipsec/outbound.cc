//   inner packet ── decode ── SPD ─┬─ BYPASS ── clear
//                                  ├─ DISCARD, nothing ── dropped
//                                  └─ PROTECT ── SAD ─┬─ none ── Acquire
//                                                     └─ sequence number, lifetime ── size ─┬─ too big ── ICMP, or
//                                                     fragments
//                                                                                           └─ ESP ── outer header or
//                                                                                           UDP
#include "ipsec/outbound.h"

#include "ipsec/departure.h"
#include "ipsec/ecn.h"
#include "ipsec/esp_encap.h"
#include "wire/ip/packet_view.h"

namespace sallyport::ipsec {

namespace {

constexpr size_t kIpv6Minimum = 1280;  // RFC 8200 5

struct Leaving {
  PacketBuf& packet;
  const wire::ip::PacketView& view;
  size_t index;
};

bool has_df(ByteView packet) { return (packet[6] & 0x40) != 0; }

Verdict bypass(const PacketBuf& packet, Outputs& out) {
  Outgoing& slot = out.add(packet.size());
  slot.packet.assign(packet.view());
  slot.packet.offload = packet.offload;
  slot.way = Way::clear;
  return Verdict::pass();
}

Verdict seal_one(Shard& shard, TimePoint now, SaOutbound& sa, PacketBuf& inner, Family family, Outputs& out) {
  if (const Verdict v = take_sequence(shard.sad, sa, out); !v.passed()) return v;
  Outgoing& slot = out.add(esp_octets(sa, inner.size()));
  slot.way = sa.udp_encap ? Way::esp_udp : Way::esp_native;
  slot.local = sa.local;
  slot.remote = sa.remote;
  slot.child_id = sa.record->spec.child_id;
  slot.tos = outer_tos(read_tos(inner.view(), family));
  // RFC 4301 8.1: DF is copied. An inner IPv6 packet may never be fragmented on its way, unless it is no larger than
  // what every IPv6 path carries and this one does not.
  const bool fits = inner.size() <= sa.inner_mtu;
  slot.dont_fragment = fits && (family == Family::v6 || has_df(inner.view()));
  Verdict verdict = esp_encap(shard.sad, sa, inner, family, slot);
  if (verdict.passed() && !sa.udp_encap) verdict = write_outer_header(sa, slot);
  if (!verdict.passed()) {
    out.undo();
    return verdict;
  }
  count_sent(shard.sad, now, sa, inner.size(), out);
  return verdict;
}

Verdict seal_fragments(Shard& shard, TimePoint now, SaOutbound& sa, const PacketBuf& whole, Outputs& out) {
  PacketBuf piece;
  size_t offset = 0;
  while (const size_t taken = write_fragment(whole.view(), offset, sa.inner_mtu, piece)) {
    offset += taken;
    if (const Verdict v = seal_one(shard, now, sa, piece, Family::v4, out); !v.passed()) return v;
  }
  return offset == 0 ? Verdict(Drop::malformed_inner) : Verdict::pass();
}

// RFC 4301 8.2.1: what does not fit is answered with ICMP, so that path MTU discovery works through the tunnel.
Verdict answer_too_big(Shard& shard, TimePoint now, const SaOutbound& sa, const Leaving& leaving, Outputs& out) {
  const size_t told = leaving.view.family == Family::v6 && sa.inner_mtu < kIpv6Minimum ? kIpv6Minimum : sa.inner_mtu;
  Outgoing& slot = out.add(PacketBuf::kDefaultOctets);
  if (!write_too_big(leaving.packet.view(), static_cast<uint16_t>(told), slot.packet) || !shard.too_big.take(now)) {
    out.undo();
  }
  return Drop::too_big;
}

Verdict protect(Shard& shard, TimePoint now, SaOutbound& sa, const Leaving& leaving, Outputs& out) {
  const Family family = leaving.view.family;
  PacketBuf& packet = leaving.packet;
  if (packet.size() > sa.inner_mtu) {
    if (family == Family::v4 && !has_df(packet.view())) return seal_fragments(shard, now, sa, packet, out);
    if (family == Family::v4 || packet.size() > kIpv6Minimum) return answer_too_big(shard, now, sa, leaving, out);
  }
  if (packet.tailroom() < kTrailerRoom) {
    PacketBuf roomy = PacketBuf::copy_of(packet.view());
    return seal_one(shard, now, sa, roomy, family, out);
  }
  return seal_one(shard, now, sa, packet, family, out);
}

Verdict find_sa(Shard& shard, Spd::Decision& decision, const Leaving& leaving, Outputs& out) {
  if (decision.sa != nullptr && decision.sad_generation == shard.sad.generation()) return Verdict::pass();
  bool none = false;
  decision.sa = shard.sad.pick_outbound((*decision.entry)->reqid, leaving.view.flow, none);
  decision.sad_generation = shard.sad.generation();
  if (decision.sa != nullptr) return Verdict::pass();
  if (!none) return Drop::selectors_narrowed;
  out.report(Acquire{*decision.entry, leaving.view.flow, leaving.index});
  return Drop::sa_wait;
}

Verdict send_one(Shard& shard, TimePoint now, PacketBuf& packet, size_t index, Outputs& out) {
  const auto view = wire::ip::PacketView::decode(packet.view());
  if (!view) return Drop::malformed_inner;
  Spd::Decision& decision = shard.spd.decide_outbound(view->flow);
  if (decision.entry == nullptr) return Drop::no_policy;
  switch ((*decision.entry)->action) {
    case model::Action::DISCARD: return Drop::policy_discard;
    case model::Action::BYPASS: return bypass(packet, out);
    case model::Action::PROTECT: break;
  }
  const Leaving leaving{packet, *view, index};
  if (const Verdict v = find_sa(shard, decision, leaving, out); !v.passed()) return v;
  return protect(shard, now, *decision.sa, leaving, out);
}

}  // namespace

void outbound(Shard& shard, TimePoint now, std::span<PacketBuf> in, Outputs& out) {
  for (size_t i = 0; i < in.size(); ++i) {
    const Verdict verdict = send_one(shard, now, in[i], i, out);
    if (!verdict.passed()) shard.drops.count(verdict.drop());
  }
}

}  // namespace sallyport::ipsec
