// The packet filter that keeps clear packets out where policy says PROTECT, as text for nft(8). RFC 4301 5.1 and 5.2
// (what must be protected is neither sent nor taken in the clear). One table, replaced whole in one transaction; the
// kernel keeps it when we die. Pure; any thread.
#pragma once
#include <string>

#include "config/settings.h"
#include "stack/host_filters.h"
#include "stack/protection.h"

namespace sallyport::runtime {

constexpr const char* kGuardTable = "sallyport";  // family inet

// Packets refused since the table was first made. Names are those of the counters in the table.
struct GuardCounters {
  uint64_t clear_in = 0;          // came by another interface than the device
  uint64_t clear_out = 0;         // wanted to leave by another interface
  uint64_t other_family_out = 0;  // wanted to leave beside a tunnel that takes all of the other family
  // By the filter engine: blocked or not secured; of connections that were secured; marked for a device that is gone.
  uint64_t filtered_in = 0, filtered_out = 0;
  uint64_t secured_in = 0;
  uint64_t captured_out = 0;
  bool operator==(const GuardCounters&) const = default;
};

struct GuardPlan {
  stack::Protection protection;
  std::string device;  // the TUN device; by name, which survives its coming and going
  uint16_t ike_port = 500;
  uint16_t natt_port = 4500;
  stack::HostFilters filters;
  bool secure_sockets = false;  // the capture chains, even without filters
  uint16_t device_mtu = 1400;
  uint8_t let_pass = 1;       // FilterRulesPlan
  bool match_sockets = true;  // false: the kernel cannot look up a packet's socket, so our ports alone must do
};

// The whole transaction. counters: what the table begins with, so that replacing it loses no count.
std::string guard_rules(const GuardPlan& plan, const GuardCounters& counters);

// The table of a host without a daemon whose sockets stay secured ones, and nothing else.
std::string guard_rules_of_sockets(const GuardCounters& counters);

// From the output of `nft list counters table inet sallyport`; a counter that is not there is zero.
GuardCounters parse_guard_counters(std::string_view listing);

}  // namespace sallyport::runtime
