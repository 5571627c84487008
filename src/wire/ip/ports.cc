// See ports.h.
#include "wire/ip/ports.h"

#include <algorithm>
#include <array>

#include "wire/ip/checksum.h"

namespace sallyport::wire::ip {

namespace {

constexpr size_t kIcmpHeader = 8, kIcmpChecksum = 2, kIdentifier = 4;
constexpr uint8_t kEchoReply = 0, kEchoRequest = 8, kEchoRequestV6 = 128, kEchoReplyV6 = 129;
constexpr uint16_t kFragmentOffset = 0x1FFF;

std::array<uint8_t, 2> octets_of(uint16_t value) {
  std::array<uint8_t, 2> out{};
  store_be16(out.data(), value);
  return out;
}

uint8_t icmp_type(const PacketView& view) { return static_cast<uint8_t>(view.flow.source_port >> 8); }

bool is_icmp(uint8_t protocol) { return protocol == kIcmp || protocol == kIcmpv6; }

// RFC 792: unreachable, source quench, redirect, time exceeded, parameter problem.
bool is_v4_error(uint8_t type) { return (type >= 3 && type <= 5) || type == 11 || type == 12; }

// RFC 768: a checksum that comes out as zero is written as ones, for zero says that there is none.
uint16_t written(uint8_t protocol, uint16_t checksum) {
  return protocol == kUdp && checksum == 0 ? uint16_t{0xFFFF} : checksum;
}

// The error being mended: every octet that is changed counts in its checksum.
struct Error {
  MutableBytes packet;
  uint8_t* checksum;

  void write(size_t at, ByteView value) const {
    const MutableBytes place = packet.subspan(at, value.size());
    store_be16(checksum, changed_checksum(load_be16(checksum), place, value));
    std::copy(value.begin(), value.end(), place.begin());
  }
  void write16(size_t at, uint16_t value) const { write(at, octets_of(value)); }
  bool holds(size_t at, size_t octets) const { return at + octets <= packet.size(); }
};

// Where the quotation keeps its transport checksum; 0: nowhere, or it was cut off, or says that there is none.
size_t quoted_checksum(const Error& error, const Quoted& quoted) {
  const bool v4_icmp = quoted.flow.protocol == kIcmp;
  const size_t place = v4_icmp ? kIcmpChecksum : checksum_place(quoted.flow.protocol);
  if (place == 0 || !quoted.flow.ports_known || !error.holds(quoted.transport_at + place, 2)) return 0;
  const size_t at = quoted.transport_at + place;
  return quoted.flow.protocol == kUdp && load_be16(&error.packet[at]) == 0 ? 0 : at;
}

// A field that the quoted transport checksum counts, and in IPv4 maybe the quoted header's too.
void replace(const Error& error, const Quoted& quoted, size_t at, ByteView value, size_t transport, size_t header) {
  const MutableBytes place = error.packet.subspan(at, value.size());
  if (transport != 0) {
    const uint16_t sum = changed_checksum(load_be16(&error.packet[transport]), place, value);
    error.write16(transport, written(quoted.flow.protocol, sum));
  }
  if (header != 0) error.write16(header, changed_checksum(load_be16(&error.packet[header]), place, value));
  error.write(at, value);
}

bool decode_v4(ByteView quotation, Quoted& out) {
  const size_t header = (quotation[0] & 15u) * 4u;
  if (header < 20 || quotation.size() < header) return false;
  out.flow.source = IpAddr::v4(quotation.subspan(12, 4));
  out.flow.destination = IpAddr::v4(quotation.subspan(16, 4));
  out.flow.protocol = quotation[9];
  out.transport_at = out.header_at + header;
  out.flow.ports_known = (load_be16(&quotation[6]) & kFragmentOffset) == 0;
  return true;
}

bool decode_v6(ByteView quotation, Quoted& out) {
  if (quotation.size() < 40) return false;
  out.flow.source = IpAddr::v6(quotation.subspan(8, 16));
  out.flow.destination = IpAddr::v6(quotation.subspan(24, 16));
  out.flow.protocol = quotation[6];
  out.transport_at = out.header_at + 40;
  out.flow.ports_known = true;
  constexpr std::array<uint8_t, 4> kExtensions = {0, 43, 44, 60};
  return std::find(kExtensions.begin(), kExtensions.end(), out.flow.protocol) == kExtensions.end();
}

void decode_echo(ByteView transport, Quoted& out) {
  const bool v4 = out.flow.protocol == kIcmp;
  const uint8_t type = transport[0];
  const bool request = type == (v4 ? kEchoRequest : kEchoRequestV6);
  out.icmp_reply = type == (v4 ? kEchoReply : kEchoReplyV6);
  if (transport.size() < kIdentifier + 2 || (!request && !out.icmp_reply)) {
    out.flow.ports_known = false;
    return;
  }
  (request ? out.flow.source_port : out.flow.destination_port) = load_be16(&transport[kIdentifier]);
}

}  // namespace

IcmpKind icmp_kind(const PacketView& view) {
  const uint8_t type = icmp_type(view);
  if (view.flow.protocol == kIcmp) {
    if (type == kEchoRequest) return IcmpKind::request;
    if (type == kEchoReply) return IcmpKind::reply;
    return is_v4_error(type) ? IcmpKind::error : IcmpKind::other;
  }
  if (view.flow.protocol != kIcmpv6) return IcmpKind::none;
  if (type == kEchoRequestV6) return IcmpKind::request;
  if (type == kEchoReplyV6) return IcmpKind::reply;
  return type < 128 ? IcmpKind::error : IcmpKind::other;  // RFC 4443 2.1
}

std::optional<uint16_t> echo_identifier(ByteView packet, const PacketView& view) {
  const IcmpKind kind = icmp_kind(view);
  if (kind != IcmpKind::request && kind != IcmpKind::reply) return std::nullopt;
  if (view.fragment || packet.size() < view.header_octets + kIcmpHeader) return std::nullopt;
  return load_be16(&packet[view.header_octets + kIdentifier]);
}

void set_echo_identifier(MutableBytes packet, const PacketView& view, uint16_t identifier) {
  const Error echo{packet, &packet[view.header_octets + kIcmpChecksum]};
  echo.write16(view.header_octets + kIdentifier, identifier);
}

bool has_ports(ByteView packet, const PacketView& view) {
  if (view.fragment || (view.flow.protocol != kTcp && view.flow.protocol != kUdp)) return false;
  return packet.size() >= view.header_octets + checksum_place(view.flow.protocol) + 2;
}

void set_port(MutableBytes packet, PacketView& view, End end, uint16_t port, bool checksum_begun) {
  const size_t at = view.header_octets + (end == End::source ? 0 : 2);
  uint8_t* const sum = &packet[view.header_octets + checksum_place(view.flow.protocol)];
  const bool none = view.flow.protocol == kUdp && load_be16(sum) == 0;
  if (!none && !checksum_begun) {
    const uint16_t mended = changed_checksum(load_be16(sum), packet.subspan(at, 2), octets_of(port));
    store_be16(sum, written(view.flow.protocol, mended));
  }
  store_be16(&packet[at], port);
  (end == End::source ? view.flow.source_port : view.flow.destination_port) = port;
}

std::optional<Quoted> quoted_packet(ByteView packet, const PacketView& view) {
  if (icmp_kind(view) != IcmpKind::error || view.fragment) return std::nullopt;
  Quoted out;
  out.header_at = view.header_octets + kIcmpHeader;
  if (packet.size() < out.header_at + 20) return std::nullopt;
  const ByteView quotation = packet.subspan(out.header_at);
  const uint8_t version = quotation[0] >> 4;
  if (version != (view.family == Family::v4 ? 4 : 6)) return std::nullopt;
  if (!(version == 4 ? decode_v4(quotation, out) : decode_v6(quotation, out))) return std::nullopt;
  const ByteView transport = packet.subspan(out.transport_at);
  if (!out.flow.ports_known) return out;
  out.flow.ports_known = false;
  if (transport.size() < 4) return out;
  if (out.flow.protocol == kTcp || out.flow.protocol == kUdp) {
    out.flow.source_port = load_be16(&transport[0]);
    out.flow.destination_port = load_be16(&transport[2]);
    out.flow.ports_known = true;
  } else if (is_icmp(out.flow.protocol)) {
    out.flow.ports_known = true;
    decode_echo(transport, out);
  }
  return out;
}

void set_quoted(MutableBytes packet, const PacketView& view, const Quoted& quoted, const model::FlowKey& flow) {
  const Error error{packet, &packet[view.header_octets + kIcmpChecksum]};
  const bool v4 = view.family == Family::v4;
  const size_t transport = quoted_checksum(error, quoted);
  const size_t counts_addresses = quoted.flow.protocol == kIcmp ? 0 : transport;
  const size_t header = v4 ? quoted.header_at + 10 : 0;
  const size_t addresses = quoted.header_at + (v4 ? 12 : 8);
  const size_t octets = v4 ? 4 : 16;
  replace(error, quoted, addresses, flow.source.bytes(), counts_addresses, header);
  replace(error, quoted, addresses + octets, flow.destination.bytes(), counts_addresses, header);
  if (!quoted.flow.ports_known) return;
  if (is_icmp(quoted.flow.protocol)) {
    const uint16_t identifier = quoted.icmp_reply ? flow.destination_port : flow.source_port;
    return replace(error, quoted, quoted.transport_at + kIdentifier, octets_of(identifier), transport, 0);
  }
  replace(error, quoted, quoted.transport_at, octets_of(flow.source_port), transport, 0);
  replace(error, quoted, quoted.transport_at + 2, octets_of(flow.destination_port), transport, 0);
}

}  // namespace sallyport::wire::ip
