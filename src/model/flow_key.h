// What a packet's selectors are looked up by. RFC 4301 4.4.1.1.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>

#include "base/ip_addr.h"

namespace sallyport::model {

// ICMP and ICMPv6: source_port holds type << 8 | code and destination_port is 0 (RFC 7296 3.13.1).
// ports_known is false for non-first fragments and for protocols that have no ports.
struct FlowKey {
  IpAddr source;
  IpAddr destination;
  uint8_t protocol = 0;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  bool ports_known = false;
  auto operator<=>(const FlowKey&) const = default;
};

// Which of so many shards of the data plane judges and remembers the flows between two addresses, in both directions:
// fragments, errors and whatever has no ports come to the same one, and an SA between two hosts can live there.
inline uint16_t owner_of_flow(const IpAddr& one, const IpAddr& other, size_t shards) {
  const auto digest = [](const IpAddr& address) {
    const ByteView octets = address.bytes();
    uint64_t out = 0;
    for (size_t at = 0; at + 4 <= octets.size(); at += 4) out = (out ^ load_be32(&octets[at])) * 0x9e3779b97f4a7c15u;
    return out ^ out >> 32;
  };
  const uint64_t both = (digest(one) + digest(other)) * 0xd6e8feb86659fd93u;
  return static_cast<uint16_t>((both >> 32) % shards);
}

}  // namespace sallyport::model
