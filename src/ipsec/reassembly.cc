#include "ipsec/reassembly.h"

#include <algorithm>
#include <bitset>
#include <cstring>
#include <optional>

#include "base/packet_buf.h"
#include "wire/ip/ext_headers.h"

namespace sallyport::ipsec {

namespace {

constexpr size_t kHeaderRoom = 256;
constexpr size_t kMostPayload = 65535;
constexpr size_t kUnits = (kMostPayload + 7) / 8;

}  // namespace

// What one fragment says about itself.
struct Reassembly::Piece {
  Key key;
  ByteView header;            // what stands in front of the payload in the whole packet; of the first piece it is kept
  size_t next_header_at = 0;  // IPv6: the octet of `header` that named the fragment header
  size_t offset = 0;          // of payload
  ByteView payload;
  bool more = false;
  uint8_t ecn = 0;

  static std::optional<Piece> parse(uint64_t context, ByteView packet);
  static std::optional<Piece> parse_v4(ByteView packet);
  static std::optional<Piece> parse_v6(ByteView packet);
};

struct Reassembly::Packet {
  Key key;
  bool used = false;
  TimePoint begun{};
  size_t header_octets = 0;  // 0: the first piece is missing
  size_t payload_octets = 0;
  size_t known_end = 0;     // payload of the whole packet; 0: the last piece is missing
  size_t highest = 0;       // end of what was seen
  bool congestion = false;  // RFC 3168 5.3: a mark on any piece is a mark on the packet
  bool not_capable = false;
  std::bitset<kUnits> there;
  std::unique_ptr<uint8_t[]> store;

  uint8_t* payload() const { return store.get() + kHeaderRoom; }
  Verdict take(const Piece& piece);
  bool holds(const Piece& piece) const;
  bool complete() const { return header_octets != 0 && known_end != 0 && payload_octets == known_end; }
  MutableBytes finish();
};

std::optional<Reassembly::Piece> Reassembly::Piece::parse_v4(ByteView p) {
  if (p.size() < 20) return std::nullopt;
  const size_t header = (p[0] & 15u) * 4u;
  if (header < 20 || header >= p.size() || load_be16(&p[2]) != p.size()) return std::nullopt;
  Piece out;
  const uint16_t field = load_be16(&p[6]);
  out.key.source = IpAddr::v4(p.subspan(12, 4));
  out.key.destination = IpAddr::v4(p.subspan(16, 4));
  out.key.identification = load_be16(&p[4]);
  out.key.protocol = p[9];
  out.header = p.first(header);
  out.offset = (field & 0x1FFFu) * 8u;
  out.more = (field & 0x2000) != 0;
  out.payload = p.subspan(header);
  out.ecn = p[1] & 3;
  return out;
}

std::optional<Reassembly::Piece> Reassembly::Piece::parse_v6(ByteView p) {
  const auto place = wire::ip::fragment_header(p);
  if (!place || load_be16(&p[4]) + size_t{40} != p.size() || place->at + 8 >= p.size()) return std::nullopt;
  Piece out;
  const uint16_t field = load_be16(&p[place->at + 2]);
  out.key.source = IpAddr::v6(p.subspan(8, 16));
  out.key.destination = IpAddr::v6(p.subspan(24, 16));
  out.key.identification = load_be32(&p[place->at + 4]);
  out.key.protocol = p[place->at];
  out.header = p.first(place->at);
  out.next_header_at = place->next_header_at;
  out.offset = field & 0xFFF8u;
  out.more = (field & 1) != 0;
  out.payload = p.subspan(place->at + 8);
  out.ecn = (p[1] >> 4) & 3;
  return out;
}

std::optional<Reassembly::Piece> Reassembly::Piece::parse(uint64_t context, ByteView packet) {
  if (packet.empty()) return std::nullopt;
  auto out = (packet[0] >> 4) == 4 ? parse_v4(packet) : parse_v6(packet);
  if (!out) return std::nullopt;
  out->key.context = context;
  // RFC 791 3.2, RFC 8200 4.5: all but the last are multiples of eight octets, and the whole fits an IP packet.
  if (out->more && out->payload.size() % 8 != 0) return std::nullopt;
  if (out->offset + out->payload.size() + out->header.size() > kMostPayload) return std::nullopt;
  if (out->header.size() > kHeaderRoom) return std::nullopt;
  return out;
}

bool Reassembly::Packet::holds(const Piece& piece) const {
  const size_t last = (piece.offset + piece.payload.size() - 1) / 8;
  for (size_t unit = piece.offset / 8; unit <= last; ++unit) {
    if (!there.test(unit)) return false;
  }
  const bool agrees = piece.more || known_end == piece.offset + piece.payload.size();
  return agrees && std::memcmp(payload() + piece.offset, piece.payload.data(), piece.payload.size()) == 0;
}

Verdict Reassembly::Packet::take(const Piece& piece) {
  const size_t end = piece.offset + piece.payload.size();
  // RFC 8200 4.5: an exact copy of what is there does no harm and is let go.
  if (payload_octets != 0 && end <= highest && holds(piece)) return Verdict::pass();
  if (!piece.more) {
    if (known_end != 0 || highest > end) return Drop::fragment_overlap;
    known_end = end;
  } else if (known_end != 0 && end > known_end) {
    return Drop::fragment_overlap;
  }
  const size_t last = (end - 1) / 8;
  for (size_t unit = piece.offset / 8; unit <= last; ++unit) {
    if (there.test(unit)) return Drop::fragment_overlap;
    there.set(unit);
  }
  std::memcpy(payload() + piece.offset, piece.payload.data(), piece.payload.size());
  payload_octets += piece.payload.size();
  highest = std::max(highest, end);
  congestion |= piece.ecn == 3;
  not_capable |= piece.ecn == 0;
  if (piece.offset == 0) {
    header_octets = piece.header.size();
    uint8_t* const header = payload() - header_octets;
    std::memcpy(header, piece.header.data(), header_octets);
    if ((header[0] >> 4) == 6) header[piece.next_header_at] = piece.key.protocol;
  }
  return Verdict::pass();
}

MutableBytes Reassembly::Packet::finish() {
  const MutableBytes whole(payload() - header_octets, header_octets + known_end);
  if ((whole[0] >> 4) == 4) {
    store_be16(&whole[6], 0);
    if (congestion) whole[1] |= 3;
  } else if (congestion) {
    whole[1] |= 0x30;
  }
  wire::ip::finish_ip_header(whole);
  return whole;
}

Reassembly::Reassembly() = default;
Reassembly::~Reassembly() = default;

size_t Reassembly::waiting() const {
  return static_cast<size_t>(
      std::count_if(packets_.begin(), packets_.end(), [](const auto& packet) { return packet->used; }));
}

void Reassembly::expire(TimePoint now, DropCounters& drops) {
  if (now - oldest_ < kPatience) return;
  oldest_ = now;
  for (const auto& packet : packets_) {
    if (!packet->used) continue;
    if (now - packet->begun >= kPatience) {
      packet->used = false;
      drops.count(Drop::fragment_timeout);
    } else {
      oldest_ = std::min(oldest_, packet->begun);
    }
  }
}

Reassembly::Packet* Reassembly::find(const Key& key) {
  for (const auto& packet : packets_) {
    if (packet->used && packet->key == key) return packet.get();
  }
  return nullptr;
}

Reassembly::Packet* Reassembly::begin(TimePoint now, const Key& key) {
  Packet* unused = nullptr;
  size_t of_source = 0;
  for (const auto& packet : packets_) {
    if (!packet->used) {
      unused = packet.get();
    } else if (packet->key.source == key.source && packet->key.context == key.context) {
      ++of_source;
    }
  }
  if (of_source >= kMostPerSource) return nullptr;
  if (unused == nullptr) {
    if (packets_.size() == kMostPackets) return nullptr;
    packets_.push_back(std::make_unique<Packet>());
    unused = packets_.back().get();
    unused->store.reset(new uint8_t[kHeaderRoom + kMostPayload + PacketBuf::kTailroom]);
  }
  auto store = std::move(unused->store);
  *unused = Packet{};
  unused->store = std::move(store);
  unused->key = key;
  unused->begun = now;
  unused->used = true;
  return unused;
}

Verdict Reassembly::add(TimePoint now, uint64_t context, ByteView fragment, DropCounters& drops, MutableBytes& whole) {
  whole = {};
  expire(now, drops);
  const auto piece = Piece::parse(context, fragment);
  if (!piece) return Drop::malformed_inner;
  Packet* packet = find(piece->key);
  if (packet == nullptr) packet = begin(now, piece->key);
  if (packet == nullptr) return Drop::fragment_limit;
  if (const Verdict v = packet->take(*piece); !v.passed()) {
    packet->used = false;
    return v;
  }
  if (!packet->complete()) return Verdict::pass();
  packet->used = false;
  // RFC 3168 5.3: a packet whose pieces disagree on whether they can be marked at all is not to be trusted with a mark.
  if (packet->congestion && packet->not_capable) return Drop::ecn_ce_on_not_ect;
  whole = packet->finish();
  return Verdict::pass();
}

}  // namespace sallyport::ipsec
