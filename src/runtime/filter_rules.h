// The filter engine's decisions about clear packets as chains of the packet filter's table (guard_rules.h). What has to
// be protected gets kCaptureMark, by which it is routed into the device; what must not be in the clear is dropped.
// Chains of one sublayer go on to the next one's by goto; each exists twice, the second for what an earlier sublayer
// has permitted for good. docs/filters.md. Pure.
#pragma once
#include <string>

#include "stack/host_filters.h"

namespace sallyport::runtime {

// One bit of the connection's mark: a packet of this connection came protected.
constexpr uint32_t kSecuredBit = 0x20000000;

// Eight bits of it, as a number: FilterRulesPlan::let_pass, when the daemon has let the connection pass that it was
// asked about; all of them: it is to be asked; 0: neither.
constexpr uint32_t kAskedMask = 0x1fe00000, kAsk = 0x1fe00000;
constexpr unsigned kAskedShift = 21;
constexpr uint16_t kAskedGroup = 0x5350;  // of the netlink log that takes them to the daemon

struct FilterRulesPlan {
  stack::HostFilters filters;
  bool secure_sockets = false;  // sockets carry kCaptureMark from the start
  std::string device;
  std::string own_mark;       // "0x5350"
  std::string exemptions;     // rules for packets that are the daemon's own affair, arriving; each a line
  std::string own_datagrams;  // the one of them that takes ESP in UDP for a socket of ours; empty: it is not told apart
  std::string neighbour_discovery;
  uint16_t segment_octets_v4 = 1360;  // of captured connections: what fits the device
  uint16_t segment_octets_v6 = 1340;
  uint8_t let_pass = 1;  // 1 to 254; another one than before asks about all connections again
};

// What filters let past the connections of the configuration: chains that accept it, and the rules of a base chain that
// lead there, at OUTBOUND_TRANSPORT what leaves and at INBOUND_TRANSPORT what arrives. Empty where there is nothing.
std::string exception_chains(const stack::HostFilters& filters);
std::string exception_jumps(const stack::HostFilters& filters, stack::Point point);

// What is marked leaves by the device, or within the host, or not at all; part of the chains below. An empty name:
// there is no device.
std::string captured_chain(const std::string& device);

// Chains for inside the table; empty when there is nothing to say.
std::string filter_rules(const FilterRulesPlan& plan);

}  // namespace sallyport::runtime
