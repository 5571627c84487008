// What IPsec DoS protection has done (IPSEC_DOSP_STATISTICS0, IPSEC_DOSP_STATE0): whoever sets the packet filter reads
// it there and reports; the engine's callers ask for it. Values; any thread.
#pragma once
#include <vector>

#include "policy/describe.h"
#include "policy/fwp_error.h"

namespace sallyport::policy {

// Packets, but for the two that say so. "Inbound": from public to internal interfaces.
struct DospStatistics {
  uint64_t state_entries_created = 0;
  uint64_t current_state_entries = 0;  // entries
  uint64_t unauth_allowed = 0, unauth_rate_limited = 0, unauth_per_ip_rate_limited = 0, unauth_discarded = 0;
  uint64_t auth_allowed = 0, auth_rate_limited = 0, auth_discarded = 0;
  uint64_t icmpv6_allowed = 0, icmpv6_rate_limited = 0;
  uint64_t filter_exempt_allowed = 0, filter_exempt_rate_limited = 0;
  uint64_t filter_blocked = 0;
  uint64_t default_block_exempt_allowed = 0, default_block_exempt_rate_limited = 0;
  uint64_t default_blocked = 0;
  uint64_t current_per_ip_queues = 0;  // internal addresses
  // Not in the structure of Windows: from internal to public interfaces.
  uint64_t outbound_discarded = 0;
  bool operator==(const DospStatistics&) const = default;
};

// A public host that an internal one has spoken to by IPsec.
struct DospState {
  IpAddr public_host, internal_host;  // IPv6
  uint64_t inbound_packets = 0, outbound_packets = 0;
  uint32_t duration_seconds = 0;
  bool operator==(const DospState&) const = default;
};
struct DospStateTemplate {
  V6AddrMask public_mask, internal_mask;
};

struct DospReport {
  DospStatistics statistics;
  std::vector<DospState> states;
  bool operator==(const DospReport&) const = default;
};

// ERROR_IPSEC_DOSP_NOT_INSTALLED: no setting is in force.
inline constexpr Fwp kDospNotInstalled = static_cast<Fwp>(13931);

inline constexpr size_t kMostDospEntries = 131072;  // of each kind that one setting keeps, whatever it asks for
inline constexpr size_t kMostDospSettings = 16;     // in force at once

// clang-format off
template <class A> void describe(A& a, DospStatistics& v) { walk_all(a, v.state_entries_created, v.current_state_entries, v.unauth_allowed, v.unauth_rate_limited, v.unauth_per_ip_rate_limited, v.unauth_discarded, v.auth_allowed, v.auth_rate_limited, v.auth_discarded, v.icmpv6_allowed, v.icmpv6_rate_limited, v.filter_exempt_allowed, v.filter_exempt_rate_limited, v.filter_blocked, v.default_block_exempt_allowed, v.default_block_exempt_rate_limited, v.default_blocked, v.current_per_ip_queues, v.outbound_discarded); }
template <class A> void describe(A& a, DospState& v) { walk_all(a, v.public_host, v.internal_host, v.inbound_packets, v.outbound_packets, v.duration_seconds); }
template <class A> void describe(A& a, DospStateTemplate& v) { walk_all(a, v.public_mask, v.internal_mask); }
template <class A> void describe(A& a, DospReport& v) { walk_all(a, v.statistics, v.states); }
// clang-format on

}  // namespace sallyport::policy
