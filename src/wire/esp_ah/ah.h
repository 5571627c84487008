// The Authentication Header and what of the headers before it its ICV covers. RFC 4302 2, 3.3.3 and Appendix A. Pure;
// any thread.
//
//   | next header | payload length | reserved (16) |
//   |                    SPI                       |
//   |          sequence number, low half           |
//   | ICV, then padding to 32 (IPv4) or 64 (IPv6) bits
#pragma once
#include "base/ip_addr.h"

namespace sallyport::wire {

inline constexpr uint8_t kProtocolAh = 51;
inline constexpr size_t kAhFixedOctets = 12;

struct AhHeader {
  uint8_t next_header = 0;
  uint32_t spi = 0;
  uint32_t sequence = 0;
  size_t octets = 0;  // of the whole header
  ByteView icv;       // with its padding; borrowed
};

// Octets of the whole header with an ICV of that many.
constexpr size_t ah_octets(size_t icv, Family outer) {
  const size_t align = outer == Family::v4 ? 4 : 8;
  return (kAhFixedOctets + icv + align - 1) / align * align;
}

// The header at the start of `packet`. truncated; bad_length: the length field names fewer octets than the fixed part.
Result<AhHeader> parse_ah(ByteView packet);
// Fixed part, ICV and padding zero. Requires: to.size() == ah_octets() <= 1032
void write_ah(MutableBytes to, uint8_t next_header, uint32_t spi, uint32_t sequence);

// Turns a copy of the IP header and extension headers in front of the AH into what the ICV is made over: mutable fields
// become zero, predictable ones what the receiver sees. `headers` ends where the AH starts. bad_length, truncated:
// malformed options; unsupported: a routing header whose end nobody can foretell.
Result<> mute_headers(MutableBytes headers);

}  // namespace sallyport::wire
