// An IP packet decoded once: what policy and ESP ask of it. RFC 791, RFC 8200. Behind the transport ports it looks at
// TCP's flags alone. Values; any thread.
#pragma once
#include "model/flow_key.h"

namespace sallyport::wire::ip {

inline constexpr uint8_t kIcmp = 1;
inline constexpr uint8_t kTcp = 6;
inline constexpr uint8_t kUdp = 17;
inline constexpr uint8_t kEsp = 50;
inline constexpr uint8_t kIcmpv6 = 58;
inline constexpr uint8_t kNoNextHeader = 59;
inline constexpr uint8_t kSctp = 132;
inline constexpr uint8_t kMobility = 135;  // RFC 6275

// RFC 9293 3.1.
inline constexpr uint8_t kTcpFin = 0x01;
inline constexpr uint8_t kTcpSyn = 0x02;
inline constexpr uint8_t kTcpRst = 0x04;
inline constexpr uint8_t kTcpAck = 0x10;

struct PacketView {
  Family family = Family::v4;
  model::FlowKey flow;
  size_t header_octets = 0;  // IP header with options or extension headers, up to the transport header
  bool fragment = false;     // first ones too
  bool later_fragment = false;
  bool dont_fragment = false;  // IPv4's bit; IPv6: true
  uint8_t tos = 0;             // DSCP and ECN
  uint8_t hop_limit = 0;
  uint8_t tcp_flags = 0;  // 0: not TCP, or they are not in this piece

  // Asks for a new connection, whatever was between the two before.
  bool opens_connection() const { return (tcp_flags & (kTcpSyn | kTcpAck | kTcpRst)) == kTcpSyn; }

  // The packet must be the whole span: bad_length when its length field says otherwise. truncated, bad_value (version,
  // headers).
  static Result<PacketView> decode(ByteView packet);
  // The same to where it is wanted: what has just been written octet by octet is slow to copy. After a failure `out` is
  // not to be used.
  static Result<> decode(ByteView packet, PacketView& out);
};

}  // namespace sallyport::wire::ip
