// Decoding an IP packet.
#include "wire/ip/packet_view.h"

#include <new>
#include <type_traits>

namespace sallyport::wire::ip {

namespace {

constexpr uint8_t kHopByHop = 0;
constexpr uint8_t kRouting = 43;
constexpr uint8_t kFragment = 44;
constexpr uint8_t kDestinationOptions = 60;
constexpr int kMaxExtensionHeaders = 16;  // P11: work bounded whatever the packet says

// Makes a value where it belongs: to copy what was written in parts a moment ago stalls the processor, which cost more
// than all the rest of decoding.
template <class T, class Make>
void place(T& where, const Make& make) {
  static_assert(std::is_trivially_destructible_v<T>);
  new (&where) T(make());
}

Result<> decode_v4(ByteView p, PacketView& out) {
  if (p.size() < 20) return fail(Errc::truncated);
  const size_t header = (p[0] & 15u) * 4u;
  if (header < 20 || header > p.size() || load_be16(&p[2]) != p.size()) return fail(Errc::bad_length);
  const uint16_t fragment = load_be16(&p[6]);
  out.family = Family::v4;
  out.header_octets = header;
  out.tos = p[1];
  out.hop_limit = p[8];
  out.dont_fragment = (fragment & 0x4000) != 0;
  out.later_fragment = (fragment & 0x1FFF) != 0;
  out.fragment = out.later_fragment || (fragment & 0x2000) != 0;
  out.flow.protocol = p[9];
  place(out.flow.source, [&] { return IpAddr::v4(p.subspan(12, 4)); });
  place(out.flow.destination, [&] { return IpAddr::v4(p.subspan(16, 4)); });
  return {};
}

// RFC 8200 4: walks the extension headers; what follows a later fragment's header is not a header any more.
// RFC 4301 4.4.1.1: AH, ESP and the mobility header are next layer protocols to a selector, so the walk ends there.
Result<> walk_extensions(ByteView p, PacketView& out) {
  uint8_t next = p[6];
  size_t at = 40;
  for (int i = 0; i < kMaxExtensionHeaders; ++i) {
    const bool extension = next == kHopByHop || next == kRouting || next == kDestinationOptions || next == kFragment;
    if (!extension) {
      out.flow.protocol = next;
      out.header_octets = at;
      return {};
    }
    if (p.size() < at + 8) return fail(Errc::truncated);
    if (next == kFragment) {
      const uint16_t field = load_be16(&p[at + 2]);
      out.fragment = true;
      out.later_fragment = (field & 0xFFF8) != 0;
      next = p[at];
      at += 8;
      if (out.later_fragment) {
        out.flow.protocol = next;
        out.header_octets = at;
        return {};
      }
      continue;
    }
    const size_t octets = (p[at + 1] + 1u) * 8u;
    next = p[at];
    at += octets;
    if (at > p.size()) return fail(Errc::truncated);
  }
  return fail(Errc::too_many, kMaxExtensionHeaders);
}

Result<> decode_v6(ByteView p, PacketView& out) {
  if (p.size() < 40) return fail(Errc::truncated);
  if (load_be16(&p[4]) + size_t{40} != p.size()) return fail(Errc::bad_length);
  out.family = Family::v6;
  out.tos = static_cast<uint8_t>((p[0] << 4) | (p[1] >> 4));
  out.hop_limit = p[7];
  out.dont_fragment = true;
  place(out.flow.source, [&] { return IpAddr::v6(p.subspan(8, 16)); });
  place(out.flow.destination, [&] { return IpAddr::v6(p.subspan(24, 16)); });
  return walk_extensions(p, out);
}

// RFC 4301 4.4.1.1: ports of TCP, UDP and SCTP, type and code of ICMP, type of a mobility header (in the upper octet,
// RFC 7296 3.13.1); later fragments have none to see.
Result<> decode_ports(ByteView transport, PacketView& out) {
  if (out.later_fragment) return {};
  switch (out.flow.protocol) {
    case kTcp:
    case kUdp:
    case kSctp:
      if (transport.size() < 4) return fail(Errc::truncated);
      out.flow.source_port = load_be16(&transport[0]);
      out.flow.destination_port = load_be16(&transport[2]);
      out.flow.ports_known = true;
      if (out.flow.protocol == kTcp && transport.size() >= 14) out.tcp_flags = transport[13];
      return {};
    case kIcmp:
    case kIcmpv6:
      if (transport.size() < 2) return fail(Errc::truncated);
      out.flow.source_port = load_be16(&transport[0]);
      out.flow.ports_known = true;
      return {};
    case kMobility:
      if (transport.size() < 3) return fail(Errc::truncated);
      out.flow.source_port = static_cast<uint16_t>(transport[2] << 8);
      out.flow.ports_known = true;
      return {};
    default: return {};
  }
}

}  // namespace

Result<> PacketView::decode(ByteView packet, PacketView& out) {
  place(out, [] { return PacketView(); });
  if (packet.empty()) return fail(Errc::truncated);
  switch (packet[0] >> 4) {
    case 4: SP_CHECK(decode_v4(packet, out)); break;
    case 6: SP_CHECK(decode_v6(packet, out)); break;
    default: return fail(Errc::bad_value, packet[0] >> 4);
  }
  return decode_ports(packet.subspan(out.header_octets), out);
}

Result<PacketView> PacketView::decode(ByteView packet) {
  PacketView out;
  SP_CHECK(decode(packet, out));
  return out;
}

}  // namespace sallyport::wire::ip
