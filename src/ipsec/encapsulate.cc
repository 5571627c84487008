//   packet ── fragment, transport mode ── wait for the rest
//      └─ SA around this one ── none yet ── Acquire
//            └─ size ── too big ── ICMP, or cut before
//                  └─ sequence number ── ESP or AH ── [SA around] ── too big after all ── cut after
#include "ipsec/encapsulate.h"

#include <algorithm>
#include <utility>

#include "ipsec/ah_apply.h"
#include "ipsec/departure.h"
#include "ipsec/ecn.h"
#include "ipsec/esp_packet.h"
#include "ipsec/outer_header.h"
#include "ipsec/pmtu.h"
#include "wire/ip/ext_headers.h"
#include "wire/ip/fragment_cutter.h"
#include "wire/ip/packet_view.h"

namespace sallyport::ipsec {

namespace {

constexpr size_t kLargestIp = 65535;
constexpr size_t kIpv6Minimum = 1280;  // RFC 8200 5
constexpr int kMostNested = 4;
constexpr uint8_t kEsp = 50;
constexpr uint8_t kAh = 51;
constexpr uint8_t kNoNextHeader = 59;
constexpr size_t kDummyOctets = 64;

// One packet on its way onto one SA.
struct Leaving {
  Shard& shard;
  TimePoint now;
  SaOutbound& sa;
  ByteView packet;
  wire::ip::PacketView view;
  wire::ip::HeaderPlace place;  // transport mode: where the IPsec header goes
  size_t index;                 // in the caller's batch
  int depth;                    // SAs that have protected it already
  uint16_t path_mtu;            // of this SA's path, or what the SA around it takes
  bool udp = false;

  bool transport() const { return sa.mode == model::Mode::transport; }
  bool ah() const { return sa.protocol == model::Protocol::AH; }
};

// may_cut: whatever the packet's own header says (IPv6 has nowhere to say it), its source lets it be fragmented.
Verdict run(Shard& shard, TimePoint now, SaOutbound& sa, ByteView packet, size_t index, int depth, bool may_cut,
            Outputs& out);

size_t outer_ip_octets(const SaOutbound& sa) { return sa.local.addr.is_v4() ? 20 : 40; }

// Octets on the wire, IP header included.
size_t sealed_octets(const Leaving& l, bool udp) {
  const size_t kept = l.transport() ? l.place.at : outer_ip_octets(l.sa);
  const size_t body = l.packet.size() - (l.transport() ? l.place.at : 0);
  if (l.ah()) return kept + ah_header_octets(l.sa, l.sa.local.addr.family()) + body;
  return kept + (udp ? 8 : 0) + esp_packet_octets(l.sa, body);
}

size_t sealed_octets(const Leaving& l) { return sealed_octets(l, l.udp); }

// A UDP socket writes the IP header itself: options and extension headers have no place there.
bool header_is_plain(const Leaving& l) {
  return !l.transport() || l.place.at == (l.view.family == Family::v4 ? size_t{20} : size_t{40});
}

// Fragments of UDP are not known for ours on their way, and those of protocol 50 are (docs/fail-closed.md).
bool goes_in_udp(const Leaving& l) {
  if (!l.sa.native_too) return l.sa.udp_encap;
  return header_is_plain(l) && sealed_octets(l, true) <= l.path_mtu;
}

// RFC 4303 2.7: octets to pad an inner packet with, as far as the path takes them.
size_t tfc_padding(const Leaving& l) {
  if (l.sa.tfc_octets <= l.packet.size()) return 0;
  const size_t most = inner_mtu(l.sa, l.path_mtu);
  const size_t wanted = std::min<size_t>(l.sa.tfc_octets, most);
  return wanted > l.packet.size() ? wanted - l.packet.size() : 0;
}

void copy_to(ByteView from, MutableBytes to) { std::copy(from.begin(), from.end(), to.begin()); }

// The headers that stay in front in transport mode, now naming `protocol` next.
void append_kept_headers(const Leaving& l, uint8_t protocol, PacketBuf& out) {
  const MutableBytes head = out.append(l.place.at);
  copy_to(l.packet.first(l.place.at), head);
  head[l.place.next_header_at] = protocol;
  // RFC 6864 4.1 lets the source of a packet that nobody may fragment choose its identification; see
  // identification_of().
  if (l.view.family == Family::v4 && load_be16(&head[4]) == 0) store_be16(&head[4], identification_of(l.sa));
}

struct OuterMarks {
  uint8_t tos = 0;
  bool dont_fragment = false;
};

OuterMarks marks_of(const Leaving& l) {
  const bool fits = sealed_octets(l) <= l.path_mtu;
  if (l.transport()) return {l.view.tos, l.view.dont_fragment && fits};
  return {outer_tos_of(l.sa, l.view.tos), outer_df_of(l.sa, l.view.dont_fragment, fits)};
}

size_t payload_octets(const Leaving& l) {
  return l.transport() ? l.packet.size() - l.place.at : l.packet.size() + tfc_padding(l);
}

Verdict write_esp(const Leaving& l, size_t payload, MutableBytes esp) {
  const ByteView body = l.transport() ? l.packet.subspan(l.place.at) : l.packet;
  const MutableBytes place = esp.subspan(esp_payload_at(l.sa), payload);
  copy_to(body, place);
  std::fill(place.begin() + static_cast<std::ptrdiff_t>(body.size()), place.end(), uint8_t{0});
  const uint8_t next = l.transport() ? l.place.protocol : l.view.family == Family::v4 ? 4 : 41;
  return seal_esp(l.shard.sad, l.sa, payload, next, esp) ? Verdict::pass() : Verdict(Drop::seal_refused);
}

Verdict write_esp_packet(const Leaving& l, Outgoing& slot) {
  PacketBuf& out = slot.packet;
  const size_t payload = payload_octets(l);
  const size_t octets = esp_packet_octets(l.sa, payload);
  if (l.transport()) {
    append_kept_headers(l, kEsp, out);
  } else {
    write_outer(l.sa, kEsp, slot.tos, slot.dont_fragment, octets, out.append(outer_ip_octets(l.sa)));
  }
  slot.outer_octets = static_cast<uint16_t>(out.size());
  if (const Verdict v = write_esp(l, payload, out.append(octets)); !v.passed()) return v;
  if (l.transport()) wire::ip::finish_ip_header(out.bytes());
  return Verdict::pass();
}

// Datagrams that go one way follow each other in one train, as those of plain tunnel mode do.
Verdict write_datagram(const Leaving& l, Outputs& out) {
  const size_t payload = payload_octets(l);
  const size_t octets = esp_packet_octets(l.sa, payload);
  const OuterMarks marks = marks_of(l);
  const EspWay way{
      Way::esp_udp, l.sa.local, l.sa.remote, marks.tos, marks.dont_fragment, 0, l.sa.record->spec.child_id};
  const Verdict verdict = write_esp(l, payload, out.add_esp(way, octets).packet.append(octets));
  if (!verdict.passed()) out.undo_esp(octets);
  return verdict;
}

Verdict write_ah_packet(const Leaving& l, Outgoing& slot) {
  PacketBuf& out = slot.packet;
  const size_t ah = ah_header_octets(l.sa, l.transport() ? l.view.family : l.sa.local.addr.family());
  const ByteView body = l.transport() ? l.packet.subspan(l.place.at) : l.packet;
  if (l.transport()) {
    append_kept_headers(l, kAh, out);
  } else {
    write_outer(l.sa, kAh, slot.tos, slot.dont_fragment, ah + body.size(), out.append(outer_ip_octets(l.sa)));
  }
  slot.outer_octets = static_cast<uint16_t>(out.size());
  (void)out.append(ah);
  copy_to(body, out.append(body.size()));
  wire::ip::finish_ip_header(out.bytes());
  slot.exact_header = true;
  const uint8_t next = l.transport() ? l.place.protocol : l.view.family == Family::v4 ? 4 : 41;
  return apply_ah(l.sa, slot.outer_octets, next, out.bytes());
}

// What the slot says about the way of a packet with a header of its own, besides its octets.
void address(const Leaving& l, Outgoing& slot) {
  const OuterMarks marks = marks_of(l);
  slot.way = Way::esp_native;
  slot.local = l.sa.local;
  slot.remote = l.sa.remote;
  slot.tos = marks.tos;
  slot.dont_fragment = marks.dont_fragment;
  slot.child_id = l.sa.record->spec.child_id;
  if (!l.transport()) return;
  slot.local.addr = l.view.flow.source;
  slot.remote.addr = l.view.flow.destination;
  slot.exact_header = l.place.at != outer_ip_octets(l.sa);
}

Verdict check_carried(const Leaving& l) {
  if (l.udp && !header_is_plain(l)) return Drop::header_not_carried;
  // Transport mode keeps the packet's own header, so its family is that of the path (RFC 4301 4.1).
  if (l.transport() && l.view.family != l.sa.local.addr.family()) return Drop::selectors_narrowed;
  return Verdict::pass();
}

Verdict write_packet(const Leaving& l, size_t octets, Outputs& out) {
  Outgoing& slot = out.add(octets + (l.sa.tfc_octets != 0 ? l.path_mtu : 0));
  address(l, slot);
  const Verdict verdict = l.ah() ? write_ah_packet(l, slot) : write_esp_packet(l, slot);
  if (!verdict.passed()) out.undo();
  return verdict;
}

Verdict seal(const Leaving& l, Outputs& out) {
  const size_t octets = sealed_octets(l);
  if (octets > kLargestIp) return Drop::no_room;
  if (const Verdict v = take_sequence(l.shard.sad, l.sa, out); !v.passed()) return v;
  const Verdict verdict = l.udp ? write_datagram(l, out) : write_packet(l, octets, out);
  if (verdict.passed()) count_sent(l.shard.sad, l.now, l.sa, l.packet.size(), out);
  return verdict;
}

// Takes away the slots first … last - 1 but keeps those behind them.
void keep_only_behind(Outputs& out, size_t first, size_t last) {
  const auto slots = out.packets();
  std::rotate(slots.begin() + static_cast<std::ptrdiff_t>(first), slots.begin() + static_cast<std::ptrdiff_t>(last),
              slots.end());
  for (size_t i = first; i < last; ++i) out.undo();
}

// The outer packet in the last slot is larger than its path and may be cut: RFC 4303 3.3.4, fragments after protection.
// A UDP socket leaves that to the kernel.
Verdict fragment_sealed(const Leaving& l, Outputs& out) {
  const size_t whole = out.packets().size() - 1;
  const Outgoing& sealed = out.packets()[whole];
  if (sealed.way != Way::esp_native || sealed.dont_fragment || sealed.packet.size() <= l.path_mtu) {
    return Verdict::pass();
  }
  const ByteView packet = sealed.packet.view();  // its memory stays where it is when slots move
  wire::ip::FragmentCutter cutter(packet, l.path_mtu, fragment_identification_of(l.sa));
  size_t pieces = 0;
  for (;;) {
    Outgoing& slot = out.add(l.path_mtu);
    const Outgoing& like = out.packets()[whole];
    slot.way = like.way;
    slot.local = like.local;
    slot.remote = like.remote;
    slot.tos = like.tos;
    slot.outer_octets = like.outer_octets;
    slot.child_id = like.child_id;
    slot.exact_header = true;
    if (!cutter.next(slot.packet)) {
      out.undo();
      break;
    }
    ++pieces;
  }
  if (pieces == 0) {
    out.undo();
    return Drop::no_room;
  }
  keep_only_behind(out, whole, whole + 1);
  return Verdict::pass();
}

// RFC 4301 appendix E: the packet just made is protected again by the SA around this one.
Verdict seal_around(const Leaving& l, SaOutbound& around, Outputs& out) {
  const size_t inside = out.packets().size() - 1;
  const Outgoing& sealed = out.packets()[inside];
  const Verdict verdict =
      run(l.shard, l.now, around, sealed.packet.view(), l.index, l.depth + 1, !sealed.dont_fragment, out);
  if (!verdict.passed()) {
    out.undo();
    return verdict;
  }
  keep_only_behind(out, inside, inside + 1);
  return verdict;
}

Verdict seal_complete(const Leaving& l, SaOutbound* around, Outputs& out) {
  if (const Verdict v = seal(l, out); !v.passed()) return v;
  return around != nullptr ? seal_around(l, *around, out) : fragment_sealed(l, out);
}

// RFC 4301 8.2.1: what does not fit is answered with ICMP, so that path MTU discovery works through the SA.
Verdict answer_too_big(const Leaving& l, uint16_t fitting, Outputs& out) {
  const size_t told = l.view.family == Family::v6 ? std::max<size_t>(fitting, kIpv6Minimum) : fitting;
  Outgoing& slot = out.add(PacketBuf::kDefaultOctets);
  if (!write_too_big(l.packet, static_cast<uint16_t>(told), slot.packet) || !l.shard.too_big.take(l.now)) out.undo();
  return Drop::too_big;
}

Verdict seal_pieces(Leaving l, uint16_t fitting, SaOutbound* around, Outputs& out) {
  wire::ip::FragmentCutter cutter(l.packet, fitting, 0);
  size_t pieces = 0;
  PacketBuf& piece = l.shard.piece;
  while (cutter.next(piece)) {
    ++pieces;
    l.packet = piece.view();
    l.udp = goes_in_udp(l);
    if (const Verdict v = seal_complete(l, around, out); !v.passed()) return v;
  }
  return pieces == 0 ? Verdict(Drop::malformed_inner) : Verdict::pass();
}

Verdict fit_and_seal(const Leaving& l, SaOutbound* around, Outputs& out) {
  if (sealed_octets(l) <= l.path_mtu) return seal_complete(l, around, out);
  const uint16_t fitting = inner_mtu(l.sa, l.path_mtu);
  if (l.view.family == Family::v4) {
    const bool may_cut = !l.view.dont_fragment;
    // RFC 4301 8.1: with the option to clear DF the outer packet may be fragmented whatever the inner one says.
    const bool cut_after = l.transport() || l.sa.fragment_after || l.sa.df == model::PacketShape::Df::clear;
    if (may_cut && !cut_after) return seal_pieces(l, fitting, around, out);
    if (may_cut || (!l.transport() && l.sa.df == model::PacketShape::Df::clear)) return seal_complete(l, around, out);
    return answer_too_big(l, fitting, out);
  }
  // RFC 8200 5: what is no larger than every IPv6 link carries is not refused; the outer packet is fragmented.
  if (l.view.dont_fragment && l.packet.size() > kIpv6Minimum) return answer_too_big(l, fitting, out);
  return seal_complete(l, around, out);
}

// The SA around this one; sa_wait when it is still to be made.
Verdict find_around(const Leaving& l, SaOutbound*& around, Outputs& out) {
  model::FlowKey flow = l.view.flow;
  if (!l.transport()) {
    flow.source = l.sa.local.addr;
    flow.destination = l.sa.remote.addr;
  }
  flow.protocol = l.ah() ? kAh : kEsp;
  flow.source_port = flow.destination_port = 0;
  flow.ports_known = false;
  bool none = false;
  around = l.shard.sad.pick_outbound(l.sa.outer_reqid, flow, none);
  if (around != nullptr) return Verdict::pass();
  if (!none) return Drop::selectors_narrowed;
  const Spd::Entry* entry = l.shard.spd.find_reqid(l.sa.outer_reqid);
  if (entry == nullptr) return Drop::no_policy;
  out.report(Acquire{*entry, flow, l.index});
  return Drop::sa_wait;
}

// RFC 4303 3.3.4, RFC 4302 3.3.4: transport mode takes whole packets only.
Verdict wait_for_whole(Shard& shard, TimePoint now, ByteView& packet, wire::ip::PacketView& view) {
  MutableBytes whole;
  if (const Verdict v = shard.reassembly.add(now, 0, packet, shard.drops, whole); !v.passed()) return v;
  packet = whole;
  if (whole.empty()) return Verdict::pass();
  const auto decoded = wire::ip::PacketView::decode(whole);
  if (!decoded) return Drop::malformed_inner;
  view = *decoded;
  view.dont_fragment = false;  // its source has cut it itself, so it may be cut again
  return Verdict::pass();
}

Verdict run(Shard& shard, TimePoint now, SaOutbound& sa, ByteView packet, size_t index, int depth, bool may_cut,
            Outputs& out) {
  if (depth >= kMostNested) return Drop::bundle_broken;
  auto view = wire::ip::PacketView::decode(packet);
  if (!view) return Drop::malformed_inner;
  if (may_cut) view->dont_fragment = false;
  const bool transport = sa.mode == model::Mode::transport;
  if (transport && view->fragment) {
    if (const Verdict v = wait_for_whole(shard, now, packet, *view); !v.passed()) return v;
    if (packet.empty()) return Verdict::pass();
  }
  Leaving l{shard, now, sa, packet, *view, {}, index, depth, sa.path_mtu};
  if (transport) {
    const auto place = wire::ip::transport_place(packet);
    if (!place) return Drop::malformed_inner;
    l.place = *place;
  }
  l.udp = goes_in_udp(l);
  if (const Verdict v = check_carried(l); !v.passed()) return v;
  SaOutbound* around = nullptr;
  if (sa.outer_reqid != 0) {
    if (const Verdict v = find_around(l, around, out); !v.passed()) return v;
    l.path_mtu = std::min(l.path_mtu, around->inner_mtu);
  }
  return fit_and_seal(l, around, out);
}

}  // namespace

Verdict encapsulate(Shard& shard, TimePoint now, SaOutbound& sa, ByteView packet, size_t index, Outputs& out) {
  return run(shard, now, sa, packet, index, 0, false, out);
}

Verdict send_dummy(Sad& sad, TimePoint now, SaOutbound& sa, Outputs& out) {
  if (const Verdict v = take_sequence(sad, sa, out); !v.passed()) return v;
  const size_t most = inner_mtu(sa, sa.path_mtu);
  const size_t payload = std::min<size_t>(sa.tfc_octets != 0 ? sa.tfc_octets : kDummyOctets, most);
  const size_t esp_octets = esp_packet_octets(sa, payload);
  Outgoing& slot = out.add(outer_ip_octets(sa) + esp_octets);
  slot.way = sa.udp_encap ? Way::esp_udp : Way::esp_native;
  slot.local = sa.local;
  slot.remote = sa.remote;
  slot.child_id = sa.record->spec.child_id;
  slot.dont_fragment = true;
  if (!sa.udp_encap) {
    slot.outer_octets = static_cast<uint16_t>(outer_ip_octets(sa));
    write_outer(sa, kEsp, 0, true, esp_octets, slot.packet.append(slot.outer_octets));
  }
  const MutableBytes esp = slot.packet.append(esp_octets);
  const MutableBytes text = esp.subspan(esp_payload_at(sa), payload);
  std::fill(text.begin(), text.end(), uint8_t{0});
  if (!seal_esp(sad, sa, payload, kNoNextHeader, esp)) {
    out.undo();
    return Drop::seal_refused;
  }
  sa.last_packet = now;
  return Verdict::pass();
}

}  // namespace sallyport::ipsec
