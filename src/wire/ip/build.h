// Whole IP packets made from parts: what the internal device and tests send. RFC 791, 768, 792, 4443, 8200. Pure; any
// thread.
#pragma once
#include <optional>

#include "base/ip_addr.h"

namespace sallyport::wire::ip {

// Requires: source and destination are of one family; payload fits into 65 535 octets with its headers.
Bytes ip_packet(const IpAddr& source, const IpAddr& destination, uint8_t protocol, ByteView payload,
                uint8_t hop_limit = 64);
Bytes udp_packet(const IpEndpoint& source, const IpEndpoint& destination, ByteView payload);

// A segment that breaks a connection off (RFC 9293 3.5.3): its receiver believes it where `sequence` is the next one
// that it expects.
Bytes tcp_reset_packet(const IpEndpoint& source, const IpEndpoint& destination, uint32_t sequence);

struct IcmpEcho {
  bool reply = false;
  uint16_t identifier = 0;
  uint16_t sequence = 0;
  ByteView payload;  // borrowed
};
Bytes icmp_echo_packet(const IpAddr& source, const IpAddr& destination, const IcmpEcho& echo);

// The transport part of a packet; nothing when it is no echo or its checksum is wrong.
std::optional<IcmpEcho> parse_icmp_echo(const IpAddr& source, const IpAddr& destination, ByteView transport);

struct UdpDatagram {
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  ByteView payload;  // borrowed
};
std::optional<UdpDatagram> parse_udp(const IpAddr& source, const IpAddr& destination, ByteView transport);

}  // namespace sallyport::wire::ip
