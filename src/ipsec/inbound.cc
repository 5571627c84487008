//   ESP packet ── SPI ── SA ── replay check ── verify and open ── replay advance ── strip ── selectors ── ECN ── join
//   ── inner packet; in transport mode its IP header is written in front of what is opened; where the cipher gains by
//   it, packets of one SA wait after the replay check and are opened together clear packet ── decode ── SPD ── BYPASS:
//   inner packet; PROTECT, DISCARD, nothing: dropped
#include "ipsec/inbound.h"

#include <algorithm>
#include <cstring>

#include "crypto/aead.h"
#include "ipsec/arrival.h"
#include "ipsec/decapsulate.h"
#include "ipsec/ecn.h"
#include "ipsec/esn_resync.h"
#include "ipsec/esp_decap.h"
#include "ipsec/esp_encap.h"
#include "ipsec/mss_clamp.h"
#include "ipsec/tcp_reset.h"
#include "ipsec/transport_mode.h"
#include "wire/ip/join.h"
#include "wire/ip/packet_view.h"

namespace sallyport::ipsec {

namespace {

constexpr size_t kEspHeader = 8;
constexpr size_t kBurst = 64;  // packets or trains whose SAs are looked up together
constexpr uint8_t kTurns = wire::ip::kTcpSyn | wire::ip::kTcpFin | wire::ip::kTcpRst;  // of a connection

// 0, which no SA has, where the packet is too short to name one.
model::Spi spi_of(const Incoming& from, ByteView packet) {
  const size_t at = from.outer_octets + size_t{from.protocol == model::Protocol::AH ? 4u : 0u};
  return packet.size() < at + 4 ? 0 : load_be32(&packet[at]);
}

Verdict check_shape(const SaInbound& sa, ByteView packet) {
  const size_t around = kEspHeader + sa.iv_octets + sa.icv_octets;
  if (packet.size() < around + sa.block_octets) return Drop::runt;
  // RFC 4303 2.4: the trailer ends on a block of the cipher and on four octets.
  if ((packet.size() - around) % sa.block_octets != 0) return Drop::unaligned;
  return Verdict::pass();
}

bool open(const SaInbound& sa, ByteView packet, uint64_t sequence, MutableBytes plain) {
  const ByteView iv = packet.subspan(kEspHeader, sa.iv_octets);
  const ByteView cipher = packet.subspan(kEspHeader + sa.iv_octets, plain.size());
  uint8_t aad[12];
  const size_t aad_octets = write_aad(sa.spi, sequence, sa.esn && sa.combined, aad);
  uint8_t high[4];
  store_be32(high, static_cast<uint32_t>(sequence >> 32));
  const ByteView suffix = sa.esn && !sa.combined ? ByteView(high) : ByteView();
  return sa.aead->open({aad, aad_octets}, suffix, iv, cipher, packet.last(sa.icv_octets), plain);
}

// In decapsulate() all else is seen to.
bool is_for_decapsulate(const SaInbound& sa, const Incoming& from) {
  return sa.special && (!sa.plain_transport || sa.carries_nested || from.outer_octets != 0);
}

// Octets in front of what is opened: the IP header that transport mode is to get.
size_t lead_of(const SaInbound& sa, const Incoming& from) {
  return !sa.plain_transport ? 0 : from.from.addr.is_v4() ? 20 : 40;
}

// Down to the inner packet. dummy_packet, and what else may be wrong with a trailer.
Verdict strip(const Incoming& from, size_t lead, MutableBytes& plain, Family& family) {
  if (lead == 0) return esp_decap(plain, family);
  MutableBytes payload = plain.subspan(lead);
  uint8_t next_header = 0;
  if (const Verdict v = strip_esp_trailer(payload, next_header); !v.passed()) return v;
  if (next_header == wire::ip::kNoNextHeader) return Drop::dummy_packet;
  plain = plain.first(lead + payload.size());
  write_plain_header(from.from.addr, from.to.addr, next_header, from.tos, plain);
  return Verdict::pass();
}

// The batch being opened: the slot that segments may be joined to, and the flow found to fit its SA last.
class Opening {
 public:
  // several: what comes is more than one packet.
  Opening(Shard& shard, TimePoint now, bool several, Outputs& out)
      : shard_(shard), now_(now), out_(out), several_(several) {}
  ~Opening() {
    settle();
    close();
  }
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;

  // sa: the one of the packet's SPI, or nullptr.
  Verdict take(const Incoming& from, ByteView packet, SaInbound* sa);

 private:
  Verdict open_behind(SaInbound& sa, const Incoming& from, ByteView packet, uint64_t sequence);
  Verdict open_alone(SaInbound& sa, const Incoming& from, ByteView packet, uint64_t sequence);
  Verdict wait(SaInbound& sa, const Incoming& from, ByteView packet, uint64_t sequence);
  void settle();
  Verdict settle_one(SaInbound& sa, const OpenQueue::Waiting& waiting, bool authentic, MutableBytes plain);
  bool may_join(const SaInbound& sa, size_t octets);
  Verdict accept(SaInbound& sa, const Incoming& from, ByteView packet, uint64_t sequence, bool authentic,
                 MutableBytes& plain);
  Verdict check_inside(const SaInbound& sa, const Incoming& from, MutableBytes& plain);
  Verdict tell_host(const Verdict& verdict, const std::optional<Bytes>& reset);
  void join_restored(size_t slots);
  void close() { close(out_.packets().size()); }
  void close(size_t slots);

  Shard& shard_;
  TimePoint now_;
  Outputs& out_;
  bool several_;
  wire::ip::Joiner joiner_;
  wire::ip::PacketView view_;          // of the packet opened last
  const SaInbound* fitted_ = nullptr;  // the SA that flow_ fits
  model::FlowKey flow_;
  Way way_ = Way::inner;  // of flow_
};

// slots: how many there were when the last packet was joined.
void Opening::close(size_t slots) {
  if (joiner_.count() > 1) joiner_.finish(out_.packets()[slots - 1].packet);
  joiner_.close();
}

// A packet that was put together outside of here (decapsulate.h) stands alone in the last slot, which was not there
// before: where it continues the one in front of it, its payload goes there.
void Opening::join_restored(size_t slots) {
  const auto packets = out_.packets();
  if (packets.size() == slots) return;
  if (!out_.shape().join_inner || packets.size() != slots + 1 ||
      !wire::ip::PacketView::decode(packets[slots].packet.view(), view_)) {
    return close(slots);
  }
  const ByteView whole = packets[slots].packet.view();
  if (joiner_.open() && packets[slots - 1].child_id == packets[slots].child_id &&
      whole.size() > joiner_.header_octets()) {
    PacketBuf& joined = packets[slots - 1].packet;
    const ByteView payload = whole.subspan(joiner_.header_octets());
    if (joined.tailroom() >= payload.size() && joiner_.confirm(joined.view()) && joiner_.follows(whole, view_)) {
      joiner_.add(whole);
      std::copy(payload.begin(), payload.end(), joined.append(payload.size()).begin());
      out_.undo();
      return;
    }
  }
  close(slots);
  joiner_.begin(whole, view_);
}

// Strips, checks and marks `plain`, which is cut down to the inner packet.
Verdict Opening::check_inside(const SaInbound& sa, const Incoming& from, MutableBytes& plain) {
  Family family{};
  const size_t lead = lead_of(sa, from);
  if (const Verdict v = strip(from, lead, plain, family); !v.passed()) return v;
  if (!wire::ip::PacketView::decode(plain, view_)) return Drop::malformed_inner;
  // Where a connection begins or ends, its flow is looked at again.
  if (fitted_ != &sa || (view_.tcp_flags & kTurns) != 0 || !(flow_ == view_.flow)) {
    fitted_ = nullptr;
    if (const Verdict v = check_selectors(sa.record->spec, view_.flow); !v.passed()) return v;
    way_ = judged_elsewhere(shard_, view_.flow) ? Way::to_judge : Way::inner;
    if (shard_.flows != nullptr && way_ == Way::inner) {
      const Verdict v = shard_.flows->inbound(now_, view_, *sa.record);
      if (!v.passed() && v.drop() != Drop::owner_unknown) return v;
      if (!v.passed()) way_ = Way::to_judge;  // it waits
    }
    fitted_ = &sa;
    flow_ = view_.flow;
  }
  if (sa.clamp_mss) clamp_mss(plain, view_, sa.record->out->inner_mtu);
  // RFC 4301 5.1.2.1: the inner hop limit is left alone; who forwards the packet beyond the tunnel takes one off.
  return lead == 0 ? merge_ecn(plain, family, from.tos) : Verdict::pass();
}

// reset: in place of the packet that the verdict is about, where this host's TCP is to be told.
Verdict Opening::tell_host(const Verdict& verdict, const std::optional<Bytes>& reset) {
  if (!reset) return verdict;
  close();
  shard_.drops.count(verdict.drop());
  out_.add(reset->size()).packet.assign(*reset);
  return Verdict::pass();
}

// authentic: it was opened into `plain`, behind the lead of its SA.
Verdict Opening::accept(SaInbound& sa, const Incoming& from, ByteView packet, uint64_t sequence, bool authentic,
                        MutableBytes& plain) {
  const size_t lead = lead_of(sa, from);
  const MutableBytes text = plain.subspan(lead);
  if (!authentic &&
      !resync_esn(sa, now_, sequence, [&](uint64_t further) { return open(sa, packet, further, text); })) {
    return Drop::bad_icv;
  }
  const bool newest = sequence > sa.replay.highest();
  if (const Verdict v = sa.replay.advance(sequence); !v.passed()) return v;
  if (newest) watch_address(*sa.record, now_, from, out_);
  const Verdict verdict = check_inside(sa, from, plain);
  count_authenticated(shard_.sad, now_, sa, lead == 0 ? plain.size() : text.size(), out_);
  return verdict;
}

// The packet is opened right where its payload belongs if it continues the one before: its headers come to lie over the
// end of the other's payload, which is put back afterwards.
Verdict Opening::open_behind(SaInbound& sa, const Incoming& from, ByteView packet, uint64_t sequence) {
  PacketBuf& joined = out_.packets().back().packet;
  const size_t before = joined.size();
  const size_t headers = joiner_.header_octets();
  const size_t lead = lead_of(sa, from);
  const size_t octets = lead + packet.size() - kEspHeader - sa.iv_octets - sa.icv_octets;
  uint8_t covered[wire::ip::Joiner::kMostHeaders];
  std::memcpy(covered, joined.data() + before - headers, headers);
  (void)joined.append(octets - headers);
  MutableBytes plain = joined.bytes().subspan(before - headers);
  const bool authentic = open(sa, packet, sequence, plain.subspan(lead));
  const Verdict verdict = accept(sa, from, packet, sequence, authentic, plain);
  if (!verdict.passed()) {
    const auto reset = broken_off(verdict, plain, view_);
    std::memcpy(joined.data() + before - headers, covered, headers);
    joined.trim_back(joined.size() - before);
    return tell_host(verdict, reset);
  }
  if (joiner_.follows(plain, view_)) {
    joiner_.add(plain);
    joined.trim_back(joined.size() - (before + plain.size() - headers));
    std::memcpy(joined.data() + before - headers, covered, headers);
    return verdict;
  }
  const size_t behind = out_.packets().size() - 1;
  Outgoing& alone = out_.add(wire::ip::Joiner::kMostOctets);
  alone.child_id = sa.record->spec.child_id;
  alone.way = way_;
  alone.packet.assign(plain);
  PacketBuf& other = out_.packets()[behind].packet;  // add() may have moved it
  std::memcpy(other.data() + before - headers, covered, headers);
  other.trim_back(other.size() - before);
  if (joiner_.count() > 1) joiner_.finish(other);
  joiner_.begin(alone.packet.view(), view_);
  return verdict;
}

Verdict Opening::open_alone(SaInbound& sa, const Incoming& from, ByteView packet, uint64_t sequence) {
  close();
  const bool join = out_.shape().join_inner;
  const size_t lead = lead_of(sa, from);
  const size_t octets = lead + packet.size() - kEspHeader - sa.iv_octets - sa.icv_octets;
  Outgoing& slot = out_.add(join ? wire::ip::Joiner::kMostOctets : octets);
  slot.child_id = sa.record->spec.child_id;
  MutableBytes plain = slot.packet.append(octets);
  const bool authentic = open(sa, packet, sequence, plain.subspan(lead));
  const Verdict verdict = accept(sa, from, packet, sequence, authentic, plain);
  if (!verdict.passed()) {
    const auto reset = broken_off(verdict, plain, view_);
    out_.undo();
    return tell_host(verdict, reset);
  }
  slot.packet.trim_back(octets - plain.size());
  slot.way = way_;
  if (join) joiner_.begin(plain, view_);
  return verdict;
}

// Whether a packet of so many octets, text of its ESP packet, may belong behind the one before.
bool Opening::may_join(const SaInbound& sa, size_t octets) {
  return joiner_.open() && fitted_ == &sa && octets > joiner_.header_octets() &&
         out_.packets().back().packet.tailroom() >= octets && joiner_.confirm(out_.packets().back().packet.view());
}

// To be opened together with those around it.
Verdict Opening::wait(SaInbound& sa, const Incoming& from, ByteView packet, uint64_t sequence) {
  if (shard_.opening.full()) settle();
  shard_.opening.add(sa, {&from, packet, sequence});
  return Verdict::pass();
}

void Opening::settle() {
  OpenQueue& queue = shard_.opening;
  SaInbound* const sa = queue.sa();
  if (sa == nullptr) return;
  queue.open();
  for (size_t i = 0; i < queue.size(); ++i) {
    const Verdict verdict = settle_one(*sa, queue.waiting(i), queue.authentic(i), queue.plain(i));
    if (verdict.passed()) continue;
    shard_.drops.count(verdict.drop());
    shard_.dropped.arriving(now_, verdict.drop(), *queue.waiting(i).from, sa->spi);
  }
  queue.clear();
}

Verdict Opening::settle_one(SaInbound& sa, const OpenQueue::Waiting& waiting, bool authentic, MutableBytes plain) {
  // One before it may have reached the limit.
  if (sa.dead || !sa.usage.may_carry()) return Drop::lifetime_expired;
  const bool behind = may_join(sa, plain.size());
  if (const Verdict v = accept(sa, *waiting.from, waiting.packet, waiting.sequence, authentic, plain); !v.passed())
    return v;
  if (behind && joiner_.follows(plain, view_)) {
    const ByteView payload = plain.subspan(joiner_.header_octets());
    joiner_.add(plain);
    PacketBuf& joined = out_.packets().back().packet;
    std::copy(payload.begin(), payload.end(), joined.append(payload.size()).begin());
    return Verdict::pass();
  }
  close();
  const bool join = out_.shape().join_inner;
  Outgoing& slot = out_.add(join ? wire::ip::Joiner::kMostOctets : plain.size());
  slot.child_id = sa.record->spec.child_id;
  slot.way = way_;
  slot.packet.assign(plain);
  if (join) joiner_.begin(slot.packet.view(), view_);
  return Verdict::pass();
}

Verdict Opening::take(const Incoming& from, ByteView packet, SaInbound* sa) {
  if (packet.size() < from.outer_octets + kEspHeader) return Drop::runt;
  const ByteView whole = packet;
  packet = packet.subspan(from.outer_octets);
  if (sa == nullptr || sa->protocol != from.protocol) return Drop::no_sa;
  const bool together = sa->batched && several_ && !sa->special && packet.size() <= OpenQueue::kMostOctets;
  // What waits comes first: in its order, and before its SA's state is looked at.
  if (!together || shard_.opening.sa() != sa) settle();
  if (is_for_decapsulate(*sa, from)) {
    fitted_ = nullptr;
    const size_t slots = out_.packets().size();
    const Verdict verdict = decapsulate(shard_, now_, *sa, from, whole, out_);
    join_restored(slots);
    return verdict;
  }
  if (sa->dead || !sa->usage.may_carry()) return Drop::lifetime_expired;
  // RFC 7296 2.23: with and without UDP encapsulation are both taken at any time, whatever we send ourselves.
  if (const Verdict v = check_shape(*sa, packet); !v.passed()) return v;
  uint64_t sequence = 0;
  if (const Verdict v = sa->replay.check(load_be32(packet.data() + 4), sequence); !v.passed()) return v;
  if (together) return wait(*sa, from, packet, sequence);
  return may_join(*sa, lead_of(*sa, from) + packet.size() - kEspHeader - sa->iv_octets - sa->icv_octets)
             ? open_behind(*sa, from, packet, sequence)
             : open_alone(*sa, from, packet, sequence);
}

// One packet, or all of a train, whose first one has this SPI and SA.
void take_train(Shard& shard, TimePoint now, Opening& opening, const Incoming& from, model::Spi spi, SaInbound* sa) {
  const size_t segment = from.segment_octets == 0 ? from.packet.size() : from.segment_octets;
  ByteView rest = from.packet;
  do {
    const ByteView packet = rest.first(std::min(segment, rest.size()));
    rest = rest.subspan(packet.size());
    if (const model::Spi own = spi_of(from, packet); own != spi) {
      spi = own;
      sa = shard.sad.find_inbound(own);
    }
    if (sa == nullptr && shard.early.hold(now, from, packet, spi)) continue;
    const Verdict verdict = opening.take(from, packet, sa);
    if (verdict.passed()) continue;
    shard.drops.count(verdict.drop());
    shard.dropped.arriving(now, verdict.drop(), from, spi);
  } while (!rest.empty());
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

void inbound(Shard& shard, TimePoint now, std::span<const Incoming> in, Outputs& out) {
  Opening opening(shard, now, in.size() > 1 || (!in.empty() && in[0].segment_octets != 0), out);
  model::Spi spis[kBurst];
  SaInbound* found[kBurst];
  while (!in.empty()) {
    const auto burst = in.first(std::min(kBurst, in.size()));
    in = in.subspan(burst.size());
    for (size_t i = 0; i < burst.size(); ++i) spis[i] = spi_of(burst[i], burst[i].packet);
    shard.sad.find_inbound({spis, burst.size()}, found);
    for (size_t i = 1; i < burst.size(); ++i) {
      if (found[i] != nullptr && found[i] != found[i - 1] && found[i]->aead != nullptr) found[i]->aead->prefetch();
    }
    for (size_t i = 0; i < burst.size(); ++i) take_train(shard, now, opening, burst[i], spis[i], found[i]);
  }
}

void inbound_clear(Shard& shard, TimePoint, std::span<PacketBuf> in, Outputs& out) {
  for (const PacketBuf& packet : in) {
    const Verdict verdict = take_clear(shard, packet, out);
    if (!verdict.passed()) shard.drops.count(verdict.drop());
  }
}

}  // namespace sallyport::ipsec
