//   inner packet ── decode ── another shard's flow ── HandOver
//                     └────── SPD ─┬─ BYPASS ── clear
//                                  ├─ nothing, or not alone ── FlowPolicy ── one of the others, or clear meanwhile
//                                  ├─ DISCARD, nothing ── dropped
//                                  └─ PROTECT ── SAD ─┬─ flow of a peer behind a NAT ── its SA, its ports
//                                                     ├─ none ── Acquire
//                                                     ├─ another shard's ── HandOver
//                                                     └─ cut, where a device left that to us ── each piece:
//   size ─┬─ too big ── ICMP, or fragments
//         └─ sequence number, lifetime ── outer header ── ESP, behind the last one where both go the same way
//   Where the cipher gains by it, the packets of an SA wait to be sealed together.
#include "ipsec/outbound.h"

#include <algorithm>
#include <array>
#include <utility>

#include "ipsec/departure.h"
#include "ipsec/ecn.h"
#include "ipsec/encapsulate.h"
#include "ipsec/esp_encap.h"
#include "ipsec/mss_clamp.h"
#include "ipsec/nat_peers.h"
#include "ipsec/outer_header.h"
#include "ipsec/tcp_reset.h"
#include "wire/ip/packet_view.h"
#include "wire/ip/split.h"

namespace sallyport::ipsec {

namespace {

constexpr size_t kLargestIp = 65535;
constexpr uint8_t kIpv4 = 4, kIpv6 = 41;  // as next headers
constexpr size_t kBurst = 64;             // packets whose policy and SAs are fetched together
constexpr uint8_t kMostHops = 4;          // shards learn of a new SA one after the other, and soon
struct Burst {
  std::array<wire::ip::PacketView, kBurst> views;
  std::array<bool, kBurst> decoded;
  std::array<bool, kBurst> same_flow;  // as the packet before
};

struct Leaving {
  PacketBuf& packet;
  wire::ip::PacketView& view;
  size_t index;
  NatFlows::Flow* client = nullptr;  // of a peer behind a NAT: its packets go to that one and to nobody else
};

Verdict bypass_one(ByteView packet, const wire::ip::PacketView& view, Outputs& out) {
  Outgoing& slot = out.add(packet.size());
  slot.packet.assign(packet);
  slot.packet.offload = {};
  slot.way = Way::clear;
  slot.remote = {view.flow.destination, 0};
  return Verdict::pass();
}

// Whole packets, as a wire takes them.
Verdict bypass(const Leaving& leaving, Outputs& out) {
  PacketBuf& packet = leaving.packet;
  // Without its SA nobody would know the port.
  if (leaving.client != nullptr && leaving.client->rewritten()) return Drop::nat_same_ports;
  if (packet.offload.segments != Offload::Segments::none) {
    auto pieces = wire::ip::Splitter::create(packet.bytes(), leaving.view, packet.offload);
    if (!pieces) return Drop::malformed_inner;
    for (MutableBytes piece = pieces->next(); !piece.empty(); piece = pieces->next())
      (void)bypass_one(piece, leaving.view, out);
    return Verdict::pass();
  }
  if (packet.offload.checksum_wanted && !wire::ip::finish_checksum(packet.bytes(), packet.offload))
    return Drop::malformed_inner;
  return bypass_one(packet.view(), leaving.view, out);
}

struct OuterMarks {
  uint8_t tos = 0;
  bool dont_fragment = false;
};

// counted: octets of the inner packet.
Verdict seal_one(Shard& shard, TimePoint now, SaOutbound& sa, const EspPayload& payload, const OuterMarks& marks,
                 size_t counted, Outputs& out) {
  if (const Verdict v = take_sequence(shard.sad, sa, out); !v.passed()) return v;
  const size_t outer = sa.udp_encap ? 0 : sa.local.addr.is_v4() ? 20 : 40;
  const size_t esp = esp_octets(sa, payload.octets);
  if (outer_octets(sa) + esp > kLargestIp) return Drop::no_room;
  const EspWay way{sa.udp_encap ? Way::esp_udp : Way::esp_native,
                   sa.local,
                   sa.remote,
                   marks.tos,
                   marks.dont_fragment,
                   static_cast<uint16_t>(outer),
                   sa.record->spec.child_id};
  PacketBuf& train = out.add_esp(way, outer + esp).packet;
  if (outer != 0) append_outer_header(sa, marks.tos, marks.dont_fragment, esp, train);
  if (sa.batched) {
    shard.sealing.add(shard.sad, sa, payload, out, shard.drops);
  } else if (const Verdict v = esp_encap(shard.sad, sa, payload, train); !v.passed()) {
    out.undo_esp(outer);
    return v;
  }
  count_sent(shard.sad, now, sa, counted, out);
  return Verdict::pass();
}

size_t plain_header_octets(Family family) { return family == Family::v4 ? 20 : 40; }

// Behind the IP header is what transport mode protects, and the UDP socket writes that header anew.
bool has_plain_header(const SaOutbound& sa, const wire::ip::PacketView& view) {
  return sa.udp_encap && !view.fragment && view.family == sa.local.addr.family() &&
         view.header_octets == plain_header_octets(view.family);
}

// packet: a whole one, in memory that goes on behind it for kTrailerRoom octets.
Verdict protect_one(Shard& shard, TimePoint now, SaOutbound& sa, MutableBytes packet, size_t room,
                    const Leaving& leaving, Outputs& out) {
  const wire::ip::PacketView& view = leaving.view;
  const bool plain_transport = sa.plain_transport && has_plain_header(sa, view);
  if (packet.size() > sa.inner_mtu || (sa.special && !plain_transport))
    return encapsulate(shard, now, sa, packet, leaving.index, out);
  const MutableBytes memory{packet.data(), room};
  if (plain_transport) {
    const size_t head = plain_header_octets(view.family);
    const EspPayload payload{memory.subspan(head), packet.size() - head, view.flow.protocol};
    return seal_one(shard, now, sa, payload, {view.tos, view.dont_fragment}, packet.size(), out);
  }
  const EspPayload payload{memory, packet.size(), view.family == Family::v4 ? kIpv4 : kIpv6};
  const OuterMarks marks{outer_tos_of(sa, read_tos(packet, view.family)), outer_df_of(sa, view.dont_fragment, true)};
  return seal_one(shard, now, sa, payload, marks, packet.size(), out);
}

// A packet that the host left to us to cut: one look at policy and SA serves all its pieces.
Verdict protect_pieces(Shard& shard, TimePoint now, SaOutbound& sa, const Leaving& leaving, Outputs& out) {
  PacketBuf& packet = leaving.packet;
  auto pieces = wire::ip::Splitter::create(packet.bytes(), leaving.view, packet.offload);
  if (!pieces) return Drop::malformed_inner;
  uint8_t* const end = packet.data() + packet.size() + packet.tailroom();
  for (MutableBytes piece = pieces->next(); !piece.empty(); piece = pieces->next()) {
    const auto room = static_cast<size_t>(end - piece.data());
    if (const Verdict v = protect_one(shard, now, sa, piece, room, leaving, out); !v.passed()) return v;
  }
  return Verdict::pass();
}

Verdict protect(Shard& shard, TimePoint now, SaOutbound& sa, const Leaving& leaving, Outputs& out) {
  PacketBuf& packet = leaving.packet;
  if (packet.tailroom() < kTrailerRoom) packet = PacketBuf::copy_of(packet.view(), packet.offload);
  if (packet.offload.segments != Offload::Segments::none) return protect_pieces(shard, now, sa, leaving, out);
  if (packet.offload.checksum_wanted) {
    if (!wire::ip::finish_checksum(packet.bytes(), packet.offload)) return Drop::malformed_inner;
    packet.offload = {};
  }
  return protect_one(shard, now, sa, packet.bytes(), packet.size() + packet.tailroom(), leaving, out);
}

Sad::Picked pick(Shard& shard, Spd::Decision& decision, uint32_t reqid, const model::FlowKey& flow) {
  const Sad::Picked picked = shard.sad.pick(reqid, flow);
  decision.sa = picked.sa;
  decision.elsewhere = picked.elsewhere;
  decision.may_copy = picked.may_copy;
  decision.shard = picked.shard;
  decision.reqid = reqid;
  decision.child = picked.child;
  decision.sad_generation = shard.sad.generation();
  return picked;
}

bool encrypts(const SaOutbound& sa) {
  const model::SaSpec& spec = sa.record->spec;
  return model::encrypts(spec.protocol, spec.encr);
}

bool is_picked(const Shard& shard, const Spd::Decision& decision, uint32_t reqid) {
  const bool known = decision.sa != nullptr || decision.elsewhere;
  return known && decision.reqid == reqid && decision.sad_generation == shard.sad.generation();
}

Verdict find_sa(Shard& shard, Spd::Decision& decision, const Leaving& leaving, Outputs& out) {
  if (is_picked(shard, decision, (*decision.entry)->reqid)) return Verdict::pass();
  const Sad::Picked picked = pick(shard, decision, (*decision.entry)->reqid, leaving.view.flow);
  if (picked.sa != nullptr || picked.elsewhere) return Verdict::pass();
  if (!picked.none) return Drop::selectors_narrowed;
  out.report(Acquire{*decision.entry, leaving.view.flow, leaving.index});
  return Drop::sa_wait;
}

// RFC 4301 7: where policy names ports, a packet is judged when all of it is there.
// there: it is, in `packet`.
Verdict wait_for_whole(Shard& shard, TimePoint now, PacketBuf& packet, wire::ip::PacketView& view, bool& there) {
  MutableBytes whole;
  there = false;
  if (const Verdict v = shard.reassembly.add(now, 0, packet.view(), shard.drops, whole); !v.passed()) return v;
  if (whole.empty()) return Verdict::pass();
  packet.assign(whole);
  if (!wire::ip::PacketView::decode(packet.view(), view)) return Drop::malformed_inner;
  there = true;
  return Verdict::pass();
}

// seen_port: by which the host knows the flow, where the packet's is another one by now; 0: it is the same.
Verdict clamp_and_protect(Shard& shard, TimePoint now, SaOutbound& sa, const Leaving& leaving, uint16_t seen_port,
                          Outputs& out) {
  PacketBuf& packet = leaving.packet;
  if (sa.clamp_mss) clamp_mss(packet.bytes(), leaving.view, sa.inner_mtu, packet.offload.checksum_wanted);
  const size_t slots = out.packets().size();
  const Verdict verdict = protect(shard, now, sa, leaving, out);
  if (seen_port != 0 && !verdict.passed() && verdict.drop() == Drop::too_big && out.packets().size() > slots)
    show_to_host(out.packets().back().packet, seen_port);
  return verdict;
}

// encrypted: the SA has to encrypt, and where it is another shard's that one sees to it.
Verdict protect_by(Shard& shard, TimePoint now, const Spd::Decision& decision, bool encrypted, const Leaving& leaving,
                   Outputs& out) {
  const bool client = leaving.client != nullptr;
  const uint16_t seen_port = client && leaving.client->rewritten() ? leaving.client->seen_port : uint16_t{0};
  if (decision.elsewhere) {
    out.report(HandOver{decision.shard, leaving.index, decision.may_copy ? decision.child : 0,
                        SendBy{decision.reqid, decision.child, encrypted, 0, client, seen_port}});
    return Verdict::pass();
  }
  return clamp_and_protect(shard, now, *decision.sa, leaving, seen_port, out);
}

bool finds(Shard& shard, Spd::Decision& decision, uint32_t reqid, const model::FlowKey& flow) {
  const Sad::Picked picked = pick(shard, decision, reqid, flow);
  return picked.sa != nullptr || picked.elsewhere;
}

// A flow of a peer behind a NAT that is to be protected: another SA of the same policy may be another peer's.
Verdict send_to_client(Shard& shard, TimePoint now, Spd::Decision& decision, FlowFlags* flags, const Leaving& leaving,
                       Outputs& out) {
  NatFlows::Flow& client = *leaving.client;
  const uint32_t reqid = client.client.reqid;
  if (!is_picked(shard, decision, reqid)) {
    const Sad::Picked picked = pick(shard, decision, reqid, as_client_has_it(leaving.view.flow, client));
    if (picked.sa == nullptr && !picked.elsewhere) return picked.none ? Drop::sa_gone : Drop::selectors_narrowed;
  }
  const bool encrypted = flags != nullptr && flags->guaranteed_encryption;
  if (encrypted && decision.sa != nullptr && !encrypts(*decision.sa)) return Drop::not_encrypted;
  if (flags != nullptr) flags->secure = true;
  client.life.last = now;
  client.life.note_tcp(leaving.view, false);
  if (!show_to_client(leaving.packet, leaving.view, client)) return Drop::nat_same_ports;
  return protect_by(shard, now, decision, encrypted, leaving, out);
}

// An entry of the SPD that FlowPolicy has found to prevail.
Verdict send_by_entry(Shard& shard, TimePoint now, Spd::Decision& decision, FlowFlags& flags, const Leaving& leaving,
                      Outputs& out) {
  if (const Verdict v = find_sa(shard, decision, leaving, out); !v.passed()) return v;
  if (flags.guaranteed_encryption && decision.sa != nullptr && !encrypts(*decision.sa)) return Drop::not_encrypted;
  flags.secure = true;
  return protect_by(shard, now, decision, flags.guaranteed_encryption, leaving, out);
}

// A flow that only FlowPolicy knows of. The flag `secure` is set before the first protected packet leaves.
// of_spd: where to remember the SA of a peer behind a NAT.
Verdict send_by_flow(Shard& shard, TimePoint now, const Leaving& leaving, Spd::Decision& of_spd, Outputs& out) {
  const auto ruling = shard.flows->outbound(now, leaving.view);
  using Way = FlowPolicy::Ruling::Way;
  if (ruling.way == Way::none) return Drop::no_policy;
  if (ruling.way == Way::drop) return ruling.drop;
  if (ruling.way == Way::reset) {
    if (const auto reset = reset_for_sender(leaving.packet.view(), leaving.view))
      out.add(reset->size()).packet.assign(*reset);
    return ruling.drop;
  }
  if (ruling.way == Way::clear) return bypass(leaving, out);
  Spd::Decision& decision = *ruling.decision;
  FlowFlags& flags = *ruling.flags;
  if (leaving.client != nullptr && ruling.answers) return send_to_client(shard, now, of_spd, &flags, leaving, out);
  if (ruling.filter == 0) return send_by_entry(shard, now, decision, flags, leaving, out);
  const model::FlowKey& flow = leaving.view.flow;
  const bool known = decision.sa != nullptr || decision.elsewhere;
  if ((known && decision.sad_generation == shard.sad.generation()) ||
      // A flow that need not be encrypted leaves the SAs for those that must to them, where it has one of its own.
      (ruling.other_reqid != 0 && finds(shard, decision, ruling.other_reqid, flow)) ||
      finds(shard, decision, (*decision.entry)->reqid, flow)) {
    flags.secure = true;
    return protect_by(shard, now, decision, flags.guaranteed_encryption, leaving, out);
  }
  const bool clear = ruling.clear_meanwhile && !flags.secure;
  if (ruling.negotiate && (!clear || !flags.acquire)) {
    out.report(Acquire{*decision.entry, flow, leaving.index, ruling.filter, flags.guaranteed_encryption, !clear});
    flags.acquire = true;
  }
  if (clear) return bypass(leaving, out);
  return ruling.negotiate ? Drop::sa_wait : Drop::negotiation_suppressed;
}

// Policy's word about a packet that is judged here.
Verdict decide(Shard& shard, TimePoint now, Spd::Decision& decision, const Leaving& leaving, Outputs& out) {
  if (decision.entry == nullptr) {
    return shard.flows == nullptr ? Verdict(Drop::no_policy) : send_by_flow(shard, now, leaving, decision, out);
  }
  if (shard.flows != nullptr && !shard.flows->leaves_to_spd(leaving.view, decision))
    return send_by_flow(shard, now, leaving, decision, out);
  switch ((*decision.entry)->action) {
    case model::Action::DISCARD: return Drop::policy_discard;
    case model::Action::BYPASS: return bypass(leaving, out);
    case model::Action::PROTECT: break;
  }
  if (leaving.client != nullptr) return send_to_client(shard, now, decision, nullptr, leaving, out);
  if (const Verdict v = find_sa(shard, decision, leaving, out); !v.passed()) return v;
  return protect_by(shard, now, decision, false, leaving, out);
}

Verdict hand_to_judge(const Shard& shard, const Leaving& leaving, Outputs& out) {
  out.report(HandOver{judge_of(shard, leaving.view.flow), leaving.index});
  return Verdict::pass();
}

// Peers behind a NAT share an address with this packet's, and another shard knows their flows.
bool is_of_clients_elsewhere(const Shard& shard, const model::FlowKey& flow) {
  return is_judged_elsewhere(shard, flow) && shard.sad.serves_nat(flow.destination);
}

// Both generations only grow: their sum is as it was where both are.
void find_client(Shard& shard, const Leaving& leaving, Spd::Decision& decision) {
  const uint64_t generation = shard.nat.generation() + shard.sad.generation();
  if (decision.nat_generation == generation) return;
  decision.nat_generation = generation;
  decision.nat_elsewhere = is_of_clients_elsewhere(shard, leaving.view.flow);
  decision.nat_flow = decision.nat_elsewhere ? nullptr : flow_to_client(shard, leaving.packet.view(), leaving.view);
}

// What is decided for type and code alone serves every peer, so that nothing of these is remembered with it.
Verdict send_icmp_beside_clients(Shard& shard, TimePoint now, Spd::Decision& decision, Leaving& leaving, Outputs& out) {
  if (is_of_clients_elsewhere(shard, leaving.view.flow)) return hand_to_judge(shard, leaving, out);
  PacketBuf& packet = leaving.packet;
  leaving.client = flow_to_client(shard, packet.view(), leaving.view);
  if (leaving.client == nullptr) return decide(shard, now, decision, leaving, out);
  if (packet.offload.checksum_wanted) {
    if (!wire::ip::finish_checksum(packet.bytes(), packet.offload)) return Drop::malformed_inner;
    packet.offload = {};
  }
  Spd::Decision once = decision;
  once.sa = nullptr;
  once.elsewhere = false;
  return decide(shard, now, once, leaving, out);
}

// decided: what was decided for the packet before, where this one is of the same flow; else nullptr. Left behind for
// the packet after this.
Verdict send_one(Shard& shard, TimePoint now, PacketBuf& packet, size_t index, wire::ip::PacketView& view,
                 Spd::Decision*& decided, Outputs& out) {
  Spd::Decision* const before = std::exchange(decided, nullptr);
  const bool nat = shard.sad.serves_nat() || !shard.nat.empty();
  if (judged_elsewhere(shard, view.flow) || (nat && view.fragment && is_of_clients_elsewhere(shard, view.flow)))
    return hand_to_judge(shard, {packet, view, index}, out);
  // Filters may name ports at any time, and those of peers behind a NAT may have to be rewritten.
  const bool put_together = view.fragment && (shard.spd.selects_ports() || shard.flows != nullptr ||
                                              (nat && shard.sad.serves_nat(view.flow.destination)));
  if (put_together) {
    bool there = false;
    if (const Verdict v = wait_for_whole(shard, now, packet, view, there); !v.passed() || !there) return v;
  }
  Spd::Decision& decision = before != nullptr && !put_together ? *before : shard.spd.decide_outbound(view.flow);
  if (!put_together) decided = &decision;
  Leaving leaving{packet, view, index};
  if (nat) {
    if (view.flow.protocol == wire::ip::kIcmp || view.flow.protocol == wire::ip::kIcmpv6)
      return send_icmp_beside_clients(shard, now, decision, leaving, out);
    find_client(shard, leaving, decision);
    if (decision.nat_elsewhere) return hand_to_judge(shard, leaving, out);
    leaving.client = decision.nat_flow;
  }
  return decide(shard, now, decision, leaving, out);
}

// What was judged for an SA that has gone since is judged again where its flow is remembered: what has come in the SA's
// place may be another peer's. Without such a memory, whatever serves the same policy will do.
Verdict send_instead(Shard& shard, TimePoint now, const SendBy& by, const Leaving& leaving, Outputs& out) {
  const model::FlowKey& flow = leaving.view.flow;
  const bool judged = shard.flows != nullptr && !by.of_client;
  const Sad::Picked picked = judged ? Sad::Picked{} : shard.sad.pick(by.reqid, flow);
  if (picked.sa != nullptr) {
    if (by.of_client && by.encrypted && !encrypts(*picked.sa)) return Drop::not_encrypted;
    return clamp_and_protect(shard, now, *picked.sa, leaving, by.seen_port, out);
  }
  if (by.hops >= kMostHops || (judged ? !judged_elsewhere(shard, flow) : !picked.elsewhere)) return Drop::sa_gone;
  const uint16_t to = judged ? model::owner_of_flow(flow.source, flow.destination, shard.sad.shards()) : picked.shard;
  const auto hops = static_cast<uint8_t>(by.hops + 1);
  out.report(
      HandOver{to, leaving.index, 0, SendBy{by.reqid, picked.child, by.encrypted, hops, by.of_client, by.seen_port}});
  return Verdict::pass();
}

Verdict send_judged(Shard& shard, TimePoint now, const SendBy& by, const Leaving& leaving, Outputs& out) {
  SaOutbound* const sa = shard.sad.outbound_of(by.child);
  if (sa == nullptr) return send_instead(shard, now, by, leaving, out);
  if (by.encrypted && !encrypts(*sa)) return Drop::not_encrypted;
  return clamp_and_protect(shard, now, *sa, leaving, by.seen_port, out);
}

// Decodes the packets and has what they will be asked of brought into the caches, for all of them together.
void look_ahead(const Shard& shard, std::span<PacketBuf> in, Burst& burst) {
  for (size_t i = 0; i < in.size(); ++i) {
    burst.decoded[i] = wire::ip::PacketView::decode(in[i].view(), burst.views[i]).has_value();
    burst.same_flow[i] =
        i != 0 && burst.decoded[i] && burst.decoded[i - 1] && burst.views[i].flow == burst.views[i - 1].flow;
  }
  if (in.size() < 2) return;
  const auto another = [&](size_t i) { return burst.decoded[i] && !burst.same_flow[i]; };
  for (size_t i = 0; i < in.size(); ++i) {
    if (another(i)) shard.spd.prefetch(burst.views[i].flow);
  }
  for (size_t i = 0; i < in.size(); ++i) {
    const SaOutbound* const sa = another(i) ? shard.spd.used_last(burst.views[i].flow) : nullptr;
    if (sa != nullptr) prefetch(*sa);
  }
}

}  // namespace

void outbound(Shard& shard, TimePoint now, std::span<PacketBuf> in, Outputs& out) {
  Burst burst;
  for (size_t done = 0; done < in.size(); done += kBurst) {
    const auto packets = in.subspan(done, std::min(kBurst, in.size() - done));
    look_ahead(shard, packets, burst);
    Spd::Decision* decided = nullptr;
    for (size_t i = 0; i < packets.size(); ++i) {
      if (!burst.same_flow[i]) decided = nullptr;
      const Verdict verdict = burst.decoded[i]
                                  ? send_one(shard, now, packets[i], done + i, burst.views[i], decided, out)
                                  : Verdict(Drop::malformed_inner);
      if (verdict.passed()) continue;
      shard.drops.count(verdict.drop());
      if (burst.decoded[i]) shard.dropped.leaving(now, verdict.drop(), burst.views[i].flow);
    }
  }
  shard.sealing.flush(out, shard.drops);
}

void outbound_judged(Shard& shard, TimePoint now, PacketBuf& packet, const SendBy& by, Outputs& out) {
  wire::ip::PacketView view;
  const bool decoded = wire::ip::PacketView::decode(packet.view(), view).has_value();
  const Verdict verdict =
      decoded ? send_judged(shard, now, by, {packet, view, 0}, out) : Verdict(Drop::malformed_inner);
  if (!verdict.passed()) {
    shard.drops.count(verdict.drop());
    if (decoded) shard.dropped.leaving(now, verdict.drop(), view.flow);
  }
  shard.sealing.flush(out, shard.drops);
}

}  // namespace sallyport::ipsec
