// Building and reading the few packets we speak ourselves.
#include "wire/ip/build.h"

#include "wire/ip/checksum.h"
#include "wire/ip/packet_view.h"

namespace sallyport::wire::ip {

namespace {

constexpr uint8_t kEchoV4 = 8, kEchoReplyV4 = 0;
constexpr uint8_t kEchoV6 = 128, kEchoReplyV6 = 129;

uint16_t icmp_checksum(const IpAddr& source, const IpAddr& destination, ByteView message) {
  // RFC 4443 2.3: only ICMPv6 sums a pseudo-header.
  return source.is_v4() ? checksum(message) : transport_checksum(source, destination, kIcmpv6, message);
}

}  // namespace

Bytes ip_packet(const IpAddr& source, const IpAddr& destination, uint8_t protocol, ByteView payload,
                uint8_t hop_limit) {
  Writer out;
  if (source.is_v4()) {
    out.u8(0x45);
    out.u8(0);
    out.u16(static_cast<uint16_t>(20 + payload.size()));
    out.u32(0x00004000);  // identification 0, don't fragment
    out.u8(hop_limit);
    out.u8(protocol);
    out.u16(0);
    out.bytes(source.bytes());
    out.bytes(destination.bytes());
    out.patch_u16(10, checksum(out.view()));
  } else {
    out.u32(0x60000000);
    out.u16(static_cast<uint16_t>(payload.size()));
    out.u8(protocol);
    out.u8(hop_limit);
    out.bytes(source.bytes());
    out.bytes(destination.bytes());
  }
  out.bytes(payload);
  return out.take();
}

Bytes udp_packet(const IpEndpoint& source, const IpEndpoint& destination, ByteView payload) {
  Writer out;
  out.u16(source.port);
  out.u16(destination.port);
  out.u16(static_cast<uint16_t>(8 + payload.size()));
  out.u16(0);
  out.bytes(payload);
  const uint16_t sum = transport_checksum(source.addr, destination.addr, kUdp, out.view());
  out.patch_u16(6, sum == 0 ? 0xFFFF : sum);  // RFC 768: zero means "no checksum"
  return ip_packet(source.addr, destination.addr, kUdp, out.view());
}

Bytes tcp_reset_packet(const IpEndpoint& source, const IpEndpoint& destination, uint32_t sequence) {
  Writer out;
  out.u16(source.port);
  out.u16(destination.port);
  out.u32(sequence);
  out.u32(0);
  out.u8(5 << 4);  // length in words of four octets
  out.u8(kTcpRst);
  out.u16(0);
  out.u16(0);
  out.u16(0);
  out.patch_u16(16, transport_checksum(source.addr, destination.addr, kTcp, out.view()));
  return ip_packet(source.addr, destination.addr, kTcp, out.view());
}

Bytes icmp_echo_packet(const IpAddr& source, const IpAddr& destination, const IcmpEcho& echo) {
  Writer out;
  const bool v4 = source.is_v4();
  out.u8(v4 ? (echo.reply ? kEchoReplyV4 : kEchoV4) : (echo.reply ? kEchoReplyV6 : kEchoV6));
  out.u8(0);
  out.u16(0);
  out.u16(echo.identifier);
  out.u16(echo.sequence);
  out.bytes(echo.payload);
  out.patch_u16(2, icmp_checksum(source, destination, out.view()));
  return ip_packet(source, destination, v4 ? kIcmp : kIcmpv6, out.view());
}

std::optional<IcmpEcho> parse_icmp_echo(const IpAddr& source, const IpAddr& destination, ByteView transport) {
  if (transport.size() < 8 || icmp_checksum(source, destination, transport) != 0) return std::nullopt;
  const bool v4 = source.is_v4();
  const uint8_t type = transport[0];
  const bool reply = type == (v4 ? kEchoReplyV4 : kEchoReplyV6);
  if ((!reply && type != (v4 ? kEchoV4 : kEchoV6)) || transport[1] != 0) return std::nullopt;
  return IcmpEcho{reply, load_be16(&transport[4]), load_be16(&transport[6]), transport.subspan(8)};
}

std::optional<UdpDatagram> parse_udp(const IpAddr& source, const IpAddr& destination, ByteView transport) {
  if (transport.size() < 8 || load_be16(&transport[4]) != transport.size()) return std::nullopt;
  const bool summed = load_be16(&transport[6]) != 0;
  // RFC 8200 8.1: IPv6 demands the checksum.
  if (!summed && source.is_v6()) return std::nullopt;
  if (summed && transport_checksum(source, destination, kUdp, transport) != 0) return std::nullopt;
  return UdpDatagram{load_be16(&transport[0]), load_be16(&transport[2]), transport.subspan(8)};
}

}  // namespace sallyport::wire::ip
