//   ESP packet ── SPI ── SA ── replay check ── verify and open ── replay advance ── strip ── selectors ── ECN ── inner
//   packet clear packet ── decode ── SPD ── BYPASS: inner packet; PROTECT, DISCARD, nothing: dropped
#include "ipsec/inbound.h"

#include "crypto/aead.h"
#include "ipsec/arrival.h"
#include "ipsec/ecn.h"
#include "ipsec/esp_decap.h"
#include "ipsec/esp_encap.h"
#include "wire/ip/packet_view.h"

namespace sallyport::ipsec {

namespace {

constexpr size_t kEspHeader = 8;

Verdict check_shape(const SaInbound& sa, ByteView packet) {
  const size_t around = kEspHeader + sa.iv_octets + sa.icv_octets;
  if (packet.size() < around + sa.block_octets) return Drop::runt;
  // RFC 4303 2.4: the trailer ends on a block of the cipher and on four octets.
  if ((packet.size() - around) % sa.block_octets != 0) return Drop::unaligned;
  return Verdict::pass();
}

bool open(const SaInbound& sa, ByteView packet, uint64_t sequence, PacketBuf& plain) {
  const size_t cipher_octets = packet.size() - kEspHeader - sa.iv_octets - sa.icv_octets;
  const ByteView iv = packet.subspan(kEspHeader, sa.iv_octets);
  const ByteView cipher = packet.subspan(kEspHeader + sa.iv_octets, cipher_octets);
  uint8_t aad[12];
  const size_t aad_octets = write_aad(sa.spi, sequence, sa.esn && sa.combined, aad);
  uint8_t high[4];
  store_be32(high, static_cast<uint32_t>(sequence >> 32));
  const ByteView suffix = sa.esn && !sa.combined ? ByteView(high) : ByteView();
  return sa.aead->open({aad, aad_octets}, suffix, iv, cipher, packet.last(sa.icv_octets), plain.append(cipher_octets));
}

Verdict deliver(const SaInbound& sa, uint8_t tos, PacketBuf& plain) {
  Family family{};
  if (const Verdict v = esp_decap(plain, family); !v.passed()) return v;
  if (const Verdict v = check_selectors(sa.record->spec, plain.view()); !v.passed()) return v;
  // RFC 4301 5.1.2.1: the inner hop limit is left alone; who forwards the packet beyond the tunnel takes one off.
  return merge_ecn(plain.bytes(), family, tos);
}

Verdict open_into(Shard& shard, TimePoint now, SaInbound& sa, const Incoming& in, Outgoing& slot, Outputs& events) {
  const ByteView packet = in.packet.view();
  uint64_t sequence = 0;
  if (const Verdict v = sa.replay.check(load_be32(packet.data() + 4), sequence); !v.passed()) return v;
  if (!open(sa, packet, sequence, slot.packet)) return Drop::bad_icv;
  const bool newest = sequence > sa.replay.highest();
  if (const Verdict v = sa.replay.advance(sequence); !v.passed()) return v;
  if (newest) watch_address(*sa.record, now, in, events);
  slot.child_id = sa.record->spec.child_id;
  const Verdict verdict = deliver(sa, in.tos, slot.packet);
  count_authenticated(shard.sad, now, sa, slot.packet.size(), events);
  return verdict;
}

Verdict take_one(Shard& shard, TimePoint now, const Incoming& in, Outputs& out) {
  const ByteView packet = in.packet.view();
  if (packet.size() < kEspHeader) return Drop::runt;
  SaInbound* sa = shard.sad.find_inbound(load_be32(packet.data()));
  if (sa == nullptr) return Drop::no_sa;
  if (sa->dead || !sa->usage.may_carry()) return Drop::lifetime_expired;
  // RFC 7296 2.23: with and without UDP encapsulation are both taken at any time, whatever we send ourselves.
  if (const Verdict v = check_shape(*sa, packet); !v.passed()) return v;
  Outgoing& slot = out.add(packet.size());
  const Verdict verdict = open_into(shard, now, *sa, in, slot, out);
  if (!verdict.passed()) out.undo();
  return verdict;
}

Verdict take_clear(Shard& shard, const PacketBuf& packet, Outputs& out) {
  const auto view = wire::ip::PacketView::decode(packet.view());
  if (!view) return Drop::malformed_inner;
  const Spd::Entry* entry = shard.spd.find_inbound(view->flow);
  if (entry == nullptr) return Drop::no_policy;
  switch ((*entry)->action) {
    case model::Action::DISCARD: return Drop::policy_discard;
    // RFC 4301 5.2 step 3b: what policy wants protected is not taken in the clear.
    case model::Action::PROTECT: return Drop::clear_but_protect;
    case model::Action::BYPASS: break;
  }
  Outgoing& slot = out.add(packet.size());
  slot.packet.assign(packet.view());
  slot.packet.offload = packet.offload;
  return Verdict::pass();
}

}  // namespace

void inbound(Shard& shard, TimePoint now, std::span<Incoming> in, Outputs& out) {
  for (const Incoming& packet : in) {
    const Verdict verdict = take_one(shard, now, packet, out);
    if (!verdict.passed()) shard.drops.count(verdict.drop());
  }
}

void inbound_clear(Shard& shard, TimePoint, std::span<PacketBuf> in, Outputs& out) {
  for (const PacketBuf& packet : in) {
    const Verdict verdict = take_clear(shard, packet, out);
    if (!verdict.passed()) shard.drops.count(verdict.drop());
  }
}

}  // namespace sallyport::ipsec
