// See split.h.
#include "wire/ip/split.h"

#include <algorithm>
#include <cstring>

#include "wire/ip/checksum.h"

namespace sallyport::wire::ip {

namespace {

constexpr size_t kUdpHeader = 8;
constexpr size_t kTcpHeader = 20;
constexpr size_t kTcpFlags = 13;
constexpr uint8_t kFin = 0x01;
constexpr uint8_t kPsh = 0x08;
constexpr uint8_t kCwr = 0x80;

Result<size_t> transport_header(ByteView transport, uint8_t protocol) {
  if (protocol == kUdp) {
    if (transport.size() < kUdpHeader) return fail(Errc::truncated);
    return kUdpHeader;
  }
  if (protocol != kTcp) return fail(Errc::bad_value, protocol);
  if (transport.size() < kTcpHeader) return fail(Errc::truncated);
  const size_t octets = (transport[12] >> 4) * size_t{4};
  if (octets < kTcpHeader || octets > transport.size()) return fail(Errc::bad_value);
  return octets;
}

bool names(const Offload& offload, const PacketView& view) {
  switch (offload.segments) {
    case Offload::Segments::none: return false;
    case Offload::Segments::tcp4: return view.family == Family::v4 && view.flow.protocol == kTcp;
    case Offload::Segments::tcp6: return view.family == Family::v6 && view.flow.protocol == kTcp;
    case Offload::Segments::udp: return view.flow.protocol == kUdp;
  }
  return false;
}

}  // namespace

Result<> finish_checksum(MutableBytes packet, const Offload& offload) {
  const size_t field = size_t{offload.checksum_start} + offload.checksum_offset;
  if (offload.checksum_start >= packet.size() || field + 2 > packet.size()) return fail(Errc::bad_value);
  // The field holds the sum of the pseudo-header already.
  const uint16_t sum = checksum(packet.subspan(offload.checksum_start));
  // RFC 768: a computed zero is sent as all ones; for TCP the two mean the same.
  store_be16(&packet[field], sum == 0 ? uint16_t{0xFFFF} : sum);
  return {};
}

Result<Splitter> Splitter::create(MutableBytes packet, const PacketView& view, const Offload& offload) {
  if (!names(offload, view) || view.fragment || offload.segment_octets == 0) return fail(Errc::bad_value);
  Splitter out;
  SP_TRY(const size_t transport, transport_header(packet.subspan(view.header_octets), view.flow.protocol));
  out.ip_octets_ = view.header_octets;
  out.header_octets_ = view.header_octets + transport;
  if (out.header_octets_ > kMostHeaders || out.header_octets_ >= packet.size()) return fail(Errc::bad_value);
  out.packet_ = packet;
  out.source_ = view.flow.source;
  out.destination_ = view.flow.destination;
  out.family_ = view.family;
  out.protocol_ = view.flow.protocol;
  out.payload_octets_ = packet.size() - out.header_octets_;
  out.segment_octets_ = offload.segment_octets;
  std::memcpy(out.headers_.data(), packet.data(), out.header_octets_);
  return out;
}

MutableBytes Splitter::next() {
  const size_t payload = std::min(segment_octets_, payload_octets_ - done_);
  if (payload == 0) return {};
  const MutableBytes piece = packet_.subspan(done_, header_octets_ + payload);
  std::memcpy(piece.data(), headers_.data(), header_octets_);
  write_ip(piece);
  write_transport(piece, done_ + payload == payload_octets_);
  done_ += payload;
  ++index_;
  return piece;
}

void Splitter::write_ip(MutableBytes piece) {
  if (family_ == Family::v6) {
    store_be16(&piece[4], static_cast<uint16_t>(piece.size() - 40));
    return;
  }
  store_be16(&piece[2], static_cast<uint16_t>(piece.size()));
  store_be16(&piece[4], static_cast<uint16_t>(load_be16(&headers_[4]) + index_));
  store_be16(&piece[10], 0);
  store_be16(&piece[10], checksum(piece.first(ip_octets_)));
}

void Splitter::write_transport(MutableBytes piece, bool last) {
  const MutableBytes segment = piece.subspan(ip_octets_);
  size_t field = 6;
  if (protocol_ == kTcp) {
    field = 16;
    store_be32(&segment[4], static_cast<uint32_t>(load_be32(&headers_[ip_octets_ + 4]) + done_));
    // What ends a stream or a write belongs to the last segment, CWR to the first (RFC 3168 6.1.2).
    if (!last) segment[kTcpFlags] = static_cast<uint8_t>(segment[kTcpFlags] & ~(kFin | kPsh));
    if (index_ > 0) segment[kTcpFlags] = static_cast<uint8_t>(segment[kTcpFlags] & ~kCwr);
  } else {
    store_be16(&segment[4], static_cast<uint16_t>(segment.size()));
  }
  store_be16(&segment[field], 0);
  const uint16_t sum = transport_checksum(source_, destination_, protocol_, segment);
  store_be16(&segment[field], sum == 0 && protocol_ == kUdp ? uint16_t{0xFFFF} : sum);
}

}  // namespace sallyport::wire::ip
