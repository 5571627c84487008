// See join.h.
#include "wire/ip/join.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "wire/ip/checksum.h"

namespace sallyport::wire::ip {

namespace {

constexpr uint8_t kAck = 0x10;
constexpr uint8_t kPsh = 0x08;
constexpr size_t kUdpHeader = 8;

// What Linux takes as one UDP packet with segments (UDP_MAX_SEGMENTS up to 6.8); a TUN device refuses more, and then
// all of them are lost.
constexpr size_t kMostDatagrams = 64;

bool checksum_right(const IpAddr& source, const IpAddr& destination, uint8_t protocol, ByteView segment) {
  return transport_checksum(source, destination, protocol, segment) == 0;
}

bool equal(ByteView a, const uint8_t* b, size_t from, size_t to) {
  return std::memcmp(a.data() + from, b + from, to - from) == 0;
}

// Header octets of a packet that may be joined; 0: it may not.
size_t joinable(ByteView packet, const PacketView& view) {
  const size_t ip = view.family == Family::v4 ? 20 : 40;
  // Options and extension headers are rare and not worth comparing; a fragment is no whole segment.
  if (view.header_octets != ip || view.fragment) return 0;
  // Without DF the identification counts (RFC 6864), and a cut made later could not tell it.
  if (!view.dont_fragment) return 0;
  const ByteView transport = packet.subspan(ip);
  if (view.flow.protocol == kUdp) {
    if (transport.size() <= kUdpHeader || load_be16(&transport[4]) != transport.size()) return 0;
    return load_be16(&transport[6]) == 0 ? 0 : ip + kUdpHeader;
  }
  if (view.flow.protocol != kTcp || transport.size() < 20) return 0;
  const size_t tcp = (transport[12] >> 4) * size_t{4};
  // Whoever opens, closes or resets wants to be seen alone; so does a pure acknowledgement.
  if (tcp < 20 || tcp >= transport.size() || (transport[13] & ~kPsh) != kAck) return 0;
  return ip + tcp;
}

}  // namespace

void Joiner::begin(ByteView packet, const PacketView& view) {
  header_octets_ = joinable(packet, view);
  open_ = header_octets_ != 0 && header_octets_ <= kMostHeaders;
  count_ = 1;
  confirmed_ = false;
  if (!open_) return;
  v4_ = view.family == Family::v4;
  tcp_ = view.flow.protocol == kTcp;
  ip_octets_ = view.header_octets;
  source_ = view.flow.source;
  destination_ = view.flow.destination;
  octets_ = packet.size();
  segment_octets_ = octets_ - header_octets_;
  std::memcpy(headers_.data(), packet.data(), header_octets_);
  pushed_ = tcp_ && (packet[ip_octets_ + 13] & kPsh) != 0;
  if (pushed_) open_ = false;  // the end of a write
  if (tcp_) next_sequence_ = load_be32(&packet[ip_octets_ + 4]) + static_cast<uint32_t>(segment_octets_);
}

bool Joiner::same_headers(ByteView packet) const {
  const uint8_t* ours = headers_.data();
  if (v4_) {
    // All but total length, identification and header checksum.
    if (!equal(packet, ours, 0, 2) || !equal(packet, ours, 6, 10) || !equal(packet, ours, 12, 20)) return false;
  } else if (!equal(packet, ours, 0, 4) || !equal(packet, ours, 6, 40)) {
    return false;
  }
  const size_t at = ip_octets_;
  if (!tcp_) return equal(packet, ours, at, at + 4);
  // All but sequence number, PSH and checksum; acknowledgement, window and options are equal or there is a boundary.
  return equal(packet, ours, at, at + 4) && equal(packet, ours, at + 8, at + 13) &&
         ((packet[at + 13] ^ ours[at + 13]) & ~kPsh) == 0 && equal(packet, ours, at + 14, at + 16) &&
         equal(packet, ours, at + 18, header_octets_);
}

bool Joiner::confirm(ByteView joined) {
  if (confirmed_) return true;
  confirmed_ = checksum_right(source_, destination_, tcp_ ? kTcp : kUdp, joined.subspan(ip_octets_));
  open_ = confirmed_;
  return confirmed_;
}

bool Joiner::follows(ByteView packet, const PacketView& view) const {
  if (!tcp_ && count_ >= kMostDatagrams) return false;
  if (joinable(packet, view) != header_octets_ || (view.flow.protocol == kTcp) != tcp_) return false;
  if ((view.family == Family::v4) != v4_ || !same_headers(packet)) return false;
  const size_t payload = packet.size() - header_octets_;
  if (payload > segment_octets_ || octets_ + payload > kMostOctets) return false;
  if (tcp_ && load_be32(&packet[ip_octets_ + 4]) != next_sequence_) return false;
  return checksum_right(source_, destination_, tcp_ ? kTcp : kUdp, packet.subspan(ip_octets_));
}

void Joiner::add(ByteView packet) {
  const size_t payload = packet.size() - header_octets_;
  octets_ += payload;
  next_sequence_ += static_cast<uint32_t>(payload);
  ++count_;
  if (tcp_ && (packet[ip_octets_ + 13] & kPsh) != 0) pushed_ = true;
  // Only the last may be shorter, and a write's end is the end.
  if (payload < segment_octets_ || pushed_) open_ = false;
}

void Joiner::finish(PacketBuf& joined) {
  open_ = false;
  if (std::exchange(count_, 0) <= 1) return;
  const MutableBytes packet = joined.bytes();
  const MutableBytes transport = packet.subspan(ip_octets_);
  if (v4_) {
    store_be16(&packet[2], static_cast<uint16_t>(packet.size()));
    store_be16(&packet[10], 0);
    store_be16(&packet[10], checksum(packet.first(ip_octets_)));
  } else {
    store_be16(&packet[4], static_cast<uint16_t>(transport.size()));
  }
  if (pushed_) transport[13] = static_cast<uint8_t>(transport[13] | kPsh);
  if (!tcp_) store_be16(&transport[4], static_cast<uint16_t>(transport.size()));
  const size_t field = tcp_ ? 16 : 6;
  store_be16(&transport[field], pseudo_header_sum(source_, destination_, tcp_ ? kTcp : kUdp, transport.size()));
  Offload& offload = joined.offload;
  offload.segments = !tcp_ ? Offload::Segments::udp : v4_ ? Offload::Segments::tcp4 : Offload::Segments::tcp6;
  offload.segment_octets = static_cast<uint16_t>(segment_octets_);
  offload.header_octets = static_cast<uint16_t>(header_octets_);
  offload.checksum_wanted = true;
  offload.checksum_start = static_cast<uint16_t>(ip_octets_);
  offload.checksum_offset = static_cast<uint16_t>(field);
}

}  // namespace sallyport::wire::ip
