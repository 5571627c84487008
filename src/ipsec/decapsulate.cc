//   ESP or AH ── outer fragment? ── shape ── replay check ── verify and open ── replay advance
//     ├─ tunnel ── inner packet, its ECN field
//     └─ transport ── its IP header again ── checksum behind a NAT
//          └─ another SA inside, this one carries it ── from the start
//          └─ fragment, by option ── wait for the rest ── selectors ── out
#include "ipsec/decapsulate.h"

#include <algorithm>

#include "ipsec/ah_verify.h"
#include "ipsec/arrival.h"
#include "ipsec/ecn.h"
#include "ipsec/esn_resync.h"
#include "ipsec/esp_decap.h"
#include "ipsec/esp_packet.h"
#include "ipsec/mss_clamp.h"
#include "ipsec/nat_peers.h"
#include "ipsec/tcp_reset.h"
#include "ipsec/transport_mode.h"
#include "wire/ip/ext_headers.h"
#include "wire/ip/join.h"
#include "wire/ip/packet_view.h"

namespace sallyport::ipsec {

namespace {

constexpr int kMostNested = 4;
constexpr uint8_t kEsp = 50;
constexpr uint8_t kAh = 51;

// One packet at one SA.
struct Arriving {
  Shard& shard;
  TimePoint now;
  const Incoming& from;
  ByteView packet;   // outer headers, if they are there, then ESP or AH
  size_t at;         // where ESP or AH starts
  uint8_t tos;       // of the outer header
  uint32_t came_by;  // reqid of the SA that carried it; 0: none
  int depth;
};

Verdict run(SaInbound& sa, const Arriving& a, Outputs& out);

void copy_to(ByteView from, MutableBytes to) { std::copy(from.begin(), from.end(), to.begin()); }

// RFC 4302 3.4.1, RFC 4303 3.4.1: a fragment has no business here.
bool is_outer_fragment(const Arriving& a) {
  if (a.at == 0) return false;
  if ((a.packet[0] >> 4) == 4) return (load_be16(&a.packet[6]) & 0x3FFF) != 0;
  return wire::ip::fragment_header(a.packet).has_value();
}

// After the ICV has verified: `octets` of payload are counted, whatever is found inside.
Verdict advance(SaInbound& sa, const Arriving& a, uint64_t sequence, size_t octets, Outputs& out) {
  const bool newest = sequence > sa.replay.highest();
  if (const Verdict v = sa.replay.advance(sequence); !v.passed()) return v;
  if (newest && a.depth == 0) watch_address(*sa.record, a.now, a.from, out);
  count_authenticated(a.shard.sad, a.now, sa, octets, out);
  return Verdict::pass();
}

// Opens into `plain`: payload alone, trailer and padding gone.
Verdict open_esp_payload(SaInbound& sa, const Arriving& a, PacketBuf& plain, uint8_t& next_header, Outputs& out) {
  const ByteView esp = a.packet.subspan(a.at);
  if (const Verdict v = check_esp_shape(sa, esp.size()); !v.passed()) return v;
  uint64_t sequence = 0;
  if (const Verdict v = sa.replay.check(load_be32(&esp[4]), sequence); !v.passed()) return v;
  MutableBytes text = plain.append(esp_cipher_octets(sa, esp.size()));
  if (!open_esp(sa, esp, sequence, text) &&
      !resync_esn(sa, a.now, sequence, [&](uint64_t further) { return open_esp(sa, esp, further, text); })) {
    return Drop::bad_icv;
  }
  if (const Verdict v = advance(sa, a, sequence, text.size(), out); !v.passed()) return v;
  const Verdict verdict = strip_esp_trailer(text, next_header);
  plain.trim_back(plain.size() - text.size());
  return verdict;
}

// An AH packet over IPv6 whose header the socket kept: without extension headers nothing in it is unknown.
Verdict with_header(const Arriving& a, Shard& shard, ByteView& packet, size_t& at) {
  packet = a.packet;
  at = a.at;
  if (at != 0) return Verdict::pass();
  if (a.from.from.addr.is_v4()) return Drop::no_outer_header;
  shard.piece.assign(packet);
  prepend_plain_header(a.from.from.addr, a.from.to.addr, kAh, a.tos, shard.piece);
  packet = shard.piece.view();
  at = 40;
  return Verdict::pass();
}

// In tunnel mode `plain` becomes what follows the header, in transport mode the same without the headers in front.
Verdict verify_ah_payload(SaInbound& sa, const Arriving& a, PacketBuf& plain, uint8_t& next_header, Outputs& out) {
  ByteView packet;
  size_t at = 0;
  if (const Verdict v = with_header(a, a.shard, packet, at); !v.passed()) return v;
  wire::AhHeader header;
  if (const Verdict v = parse_ah_of(sa, packet, at, header); !v.passed()) return v;
  uint64_t sequence = 0;
  if (const Verdict v = sa.replay.check(header.sequence, sequence); !v.passed()) return v;
  if (!verify_ah(sa, packet, at, header, sequence) &&
      !resync_esn(sa, a.now, sequence, [&](uint64_t further) { return verify_ah(sa, packet, at, header, further); })) {
    return Drop::bad_icv;
  }
  const ByteView payload = packet.subspan(at + header.octets);
  if (const Verdict v = advance(sa, a, sequence, payload.size(), out); !v.passed()) return v;
  next_header = header.next_header;
  copy_to(payload, plain.append(payload.size()));
  return Verdict::pass();
}

// RFC 4303 3.1.1: transport mode leaves the IP header and what stood behind it before; only the length and the name of
// the next protocol were changed.
Verdict restore_transport(const SaInbound& sa, const Arriving& a, uint8_t next_header, PacketBuf& plain) {
  if (a.at == 0) {
    prepend_plain_header(a.from.from.addr, a.from.to.addr, next_header, a.tos, plain);
  } else {
    const uint8_t protocol = sa.protocol == model::Protocol::AH ? kAh : kEsp;
    const auto place = wire::ip::find_header(a.packet, protocol);
    if (!place || place->at != a.at) return Drop::malformed_inner;
    const MutableBytes head = plain.prepend(a.at);
    copy_to(a.packet.first(a.at), head);
    head[place->next_header_at] = next_header;
    wire::ip::finish_ip_header(plain.bytes());
  }
  repair_checksum(sa.record->spec, plain.bytes());
  return Verdict::pass();
}

Verdict restore_tunnel(const Arriving& a, uint8_t next_header, PacketBuf& plain) {
  if (next_header != 4 && next_header != 41) return Drop::not_ip;
  const Family family = next_header == 4 ? Family::v4 : Family::v6;
  MutableBytes packet = plain.bytes();
  if (const Verdict v = cut_to_ip_length(packet, family); !v.passed()) return v;
  plain.trim_back(plain.size() - packet.size());
  return merge_ecn(plain.bytes(), family, a.tos);
}

// RFC 4301 appendix E: what came by this SA may be protected by another one, made between the same two ends.
Verdict open_nested(SaInbound& sa, const Arriving& a, const wire::ip::PacketView& view, Outputs& out) {
  const size_t slot = out.packets().size() - 1;
  const ByteView packet = out.packets()[slot].packet.view();  // its memory stays where it is when slots move
  const bool ah = view.flow.protocol == kAh;
  if (packet.size() < view.header_octets + 8) return Drop::runt;
  SaInbound* inside = a.shard.sad.find_inbound(load_be32(&packet[view.header_octets + (ah ? 4 : 0)]));
  const auto protocol = ah ? model::Protocol::AH : model::Protocol::ESP;
  if (inside == nullptr || inside->protocol != protocol) return Drop::no_sa;
  const Arriving next{a.shard, a.now, a.from, packet, view.header_octets, view.tos, sa.record->spec.reqid, a.depth + 1};
  if (const Verdict v = run(*inside, next, out); !v.passed()) return v;
  // The packet of the inner SA lies behind; this one is no longer needed.
  const auto slots = out.packets();
  if (slots.size() > slot + 1) std::swap(slots[slot], slots[slot + 1]);
  out.undo();
  return Verdict::pass();
}

Verdict wait_for_whole(SaInbound& sa, const Arriving& a, Outputs& out, wire::ip::PacketView& view) {
  PacketBuf& packet = out.packets().back().packet;
  MutableBytes whole;
  const uint64_t context = sa.record->spec.child_id;
  if (const Verdict v = a.shard.reassembly.add(a.now, context, packet.view(), a.shard.drops, whole); !v.passed()) {
    return v;
  }
  if (whole.empty()) {
    out.undo();
    return Verdict::pass();
  }
  const auto decoded = wire::ip::PacketView::decode(whole);
  if (!decoded) return Drop::malformed_inner;
  view = *decoded;
  packet.assign(whole);
  return Verdict::pass();
}

// Whose flow it is, and what the policy of flows says. A connection that is broken off: the packet tells the host so.
Verdict judge(const SaInbound& sa, const Arriving& a, PacketBuf& packet, wire::ip::PacketView& view) {
  const SaRecord& record = *sa.record;
  NatFlows::Flow* flow = nullptr;
  if (record.nat_client) {
    if (const Verdict v = arrive_from_client(a.shard, a.now, *record.nat_client, packet, view, flow); !v.passed())
      return v;
  }
  if (a.shard.flows != nullptr) {
    const Verdict v = a.shard.flows->inbound(a.now, view, record);
    if (const auto reset = broken_off(v, packet.view(), view)) {
      a.shard.drops.count(v.drop());
      packet.assign(*reset);
      packet.offload = {};
      return wire::ip::PacketView::decode(packet.view(), view) ? Verdict::pass() : Verdict(Drop::malformed_inner);
    }
    if (!v.passed()) return v;
  }
  if (record.nat_client) answer_by(flow, *record.nat_client);
  return Verdict::pass();
}

Verdict check_inside(SaInbound& sa, const Arriving& a, Outputs& out) {
  const size_t slots = out.packets().size();
  auto view = wire::ip::PacketView::decode(out.packets().back().packet.view());
  if (!view) return Drop::malformed_inner;
  const model::SaSpec& spec = sa.record->spec;
  const bool ipsec = view->flow.protocol == kEsp || view->flow.protocol == kAh;
  const bool nested = sa.carries_nested && ipsec && !view->fragment && view->flow.destination == spec.local.addr;
  if (sa.reassemble && view->fragment) {
    if (const Verdict v = wait_for_whole(sa, a, out, *view); !v.passed()) return v;
    if (out.packets().size() < slots) return Verdict::pass();
  }
  if (const Verdict v = check_selectors(spec, view->flow); !v.passed()) return v;
  const bool remembered = a.shard.flows != nullptr || sa.record->nat_client;
  if (!nested && remembered) {
    // What may have to wait is judged as it came, when it goes on.
    const bool may_wait = sa.record->nat_client && a.shard.flows != nullptr && a.shard.flows->asks_owners();
    if (may_wait || is_judged_elsewhere(a.shard, view->flow)) {
      out.packets().back().way = Way::to_judge;
    } else {
      const Verdict v = judge(sa, a, out.packets().back().packet, *view);
      if (!v.passed() && v.drop() != Drop::owner_unknown) return v;
      if (!v.passed()) out.packets().back().way = Way::to_judge;  // it waits
    }
  }
  if (sa.clamp_mss) clamp_mss(out.packets().back().packet.bytes(), *view, sa.record->out->inner_mtu);
  return nested ? open_nested(sa, a, *view, out) : Verdict::pass();
}

Verdict open_and_restore(SaInbound& sa, const Arriving& a, Outgoing& slot, Outputs& out) {
  uint8_t next_header = 0;
  const Verdict opened = sa.protocol == model::Protocol::AH ? verify_ah_payload(sa, a, slot.packet, next_header, out)
                                                            : open_esp_payload(sa, a, slot.packet, next_header, out);
  if (!opened.passed()) return opened;
  if (next_header == wire::ip::kNoNextHeader) return Drop::dummy_packet;
  return sa.mode == model::Mode::tunnel ? restore_tunnel(a, next_header, slot.packet)
                                        : restore_transport(sa, a, next_header, slot.packet);
}

Verdict run(SaInbound& sa, const Arriving& a, Outputs& out) {
  if (a.depth >= kMostNested) return Drop::bundle_broken;
  if (sa.dead || !sa.usage.may_carry()) return Drop::lifetime_expired;
  if (is_outer_fragment(a)) return Drop::outer_fragment;
  // RFC 4301 appendix E: an SA inside another is not used without it.
  if (sa.record->spec.outer_reqid != a.came_by && sa.record->spec.outer_reqid != 0) return Drop::bundle_broken;
  const size_t slots = out.packets().size();
  // Others may be joined to what is found (inbound.cc).
  Outgoing& slot = out.add(out.shape().join_inner ? wire::ip::Joiner::kMostOctets : a.packet.size() + 40);
  slot.packet.reset(PacketBuf::kHeadroom + a.at);
  slot.child_id = sa.record->spec.child_id;
  Verdict verdict = open_and_restore(sa, a, slot, out);
  if (verdict.passed()) verdict = check_inside(sa, a, out);
  if (!verdict.passed()) {
    while (out.packets().size() > slots) out.undo();
  }
  return verdict;
}

}  // namespace

Verdict decapsulate(Shard& shard, TimePoint now, SaInbound& sa, const Incoming& from, ByteView packet, Outputs& out) {
  return run(sa, {shard, now, from, packet, from.outer_octets, from.tos, 0, 0}, out);
}

}  // namespace sallyport::ipsec
