// [dos_protection.NAME]: IPsec DoS protection of the hosts behind this gateway, as a configuration file writes it; what
// the words mean stands in docs/dos-protection.md. Values.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/ip_addr.h"

namespace sallyport::config {

// Of one class of traffic.
struct DosClassSettings {
  uint32_t bytes_per_second = 0;  // 0: no limit
  std::optional<uint8_t> dscp;    // 0..63, written into the packets
  bool operator==(const DosClassSettings&) const = default;
};

struct Prefix6 {
  IpAddr address = IpAddr::any(Family::v6);
  uint8_t length = 0;
  bool operator==(const Prefix6&) const = default;
};

struct DosProtectionSettings {
  enum class Filter : uint8_t { none, block, exempt };
  std::string name;
  std::vector<std::string> public_interfaces, internal_interfaces;  // names; at least one each
  Prefix6 public_prefix, internal_prefix;
  bool ikev1 = false, ikev2 = true, authip = false;  // keying that may reach the internal hosts
  bool default_block = true;
  Filter filter = Filter::none;
  DosClassSettings unauthenticated{102400, {}};
  uint32_t unauthenticated_per_address = 10240;  // bytes per second to one internal address; 0: no limit
  DosClassSettings authenticated{};
  DosClassSettings icmpv6{10240, {}};
  DosClassSettings filter_exempt{102400, {}};
  DosClassSettings default_block_exempt{102400, {}};
  uint32_t state_idle_timeout_seconds = 360;
  uint32_t max_states = 75000;
  uint32_t queue_idle_timeout_seconds = 360;
  uint32_t max_queues = 50000;
  bool operator==(const DosProtectionSettings&) const = default;
};

// 1 to 15 octets, none of them a blank, a quote, '/' or a control character: what may stand in the packet filter.
bool valid_interface_name(const std::string& name);

}  // namespace sallyport::config
