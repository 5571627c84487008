// What a packet's selectors are looked up by. RFC 4301 4.4.1.1.
#pragma once
#include <compare>
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

}  // namespace sallyport::model
