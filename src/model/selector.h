// Traffic selectors: an address range, a protocol and a port range. RFC 7296 3.13, RFC 4301 4.4.1.1. Values; any
// thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip_addr.h"

namespace sallyport::model {

struct Selector {
  uint8_t protocol = 0;  // 0: any
  uint16_t port_first = 0;
  uint16_t port_last = 65535;
  IpAddr first;
  IpAddr last;

  static Selector any(Family family);
  static Selector from_prefix(const IpPrefix& prefix);
  Family family() const { return first.family(); }
  bool any_port() const { return port_first == 0 && port_last == 65535; }
  bool opaque_port() const { return port_first == 65535 && port_last == 0; }  // RFC 7296 3.13.1 OPAQUE
  bool contains(const IpAddr& address, uint8_t packet_protocol, uint16_t port, bool port_known) const;
  bool valid() const;  // one family, first <= last, ports in order or OPAQUE
  std::string to_string() const;
  bool operator==(const Selector&) const = default;
};

using Selectors = std::vector<Selector>;

// Text of the configuration: "10.1.0.0/24", "10.1.0.5-10.1.0.9", each optionally "[tcp/443]", "[udp]",
// "[17/1000-2000]".
Result<Selector> parse_selector(std::string_view text);

std::optional<Selector> intersect(const Selector& a, const Selector& b);
bool covers(const Selector& outer, const Selector& inner);

Selectors intersect(const Selectors& a, const Selectors& b);  // every non-empty pairwise intersection, without repeats
bool contains(const Selectors& set, const IpAddr& address, uint8_t protocol, uint16_t port, bool port_known = true);
bool covers(const Selectors& outer, const Selectors& inner);  // each inner one lies within some outer one
std::string to_string(const Selectors& set);

}  // namespace sallyport::model
