// The counters in the table of dosp_rules.h, and what of the statistics each is. Values.
#pragma once
#include "policy/dosp.h"

namespace sallyport::runtime {

struct DospCounter {
  const char* name;
  uint64_t policy::DospStatistics::*value;
};
inline constexpr DospCounter kDospCounters[] = {
    {"states_created", &policy::DospStatistics::state_entries_created},
    {"unauth_allowed", &policy::DospStatistics::unauth_allowed},
    {"unauth_limited", &policy::DospStatistics::unauth_rate_limited},
    {"unauth_per_ip_limited", &policy::DospStatistics::unauth_per_ip_rate_limited},
    {"unauth_discarded", &policy::DospStatistics::unauth_discarded},
    {"auth_allowed", &policy::DospStatistics::auth_allowed},
    {"auth_limited", &policy::DospStatistics::auth_rate_limited},
    {"auth_discarded", &policy::DospStatistics::auth_discarded},
    {"icmpv6_allowed", &policy::DospStatistics::icmpv6_allowed},
    {"icmpv6_limited", &policy::DospStatistics::icmpv6_rate_limited},
    {"filter_exempt_allowed", &policy::DospStatistics::filter_exempt_allowed},
    {"filter_exempt_limited", &policy::DospStatistics::filter_exempt_rate_limited},
    {"filter_blocked", &policy::DospStatistics::filter_blocked},
    {"default_block_exempt_allowed", &policy::DospStatistics::default_block_exempt_allowed},
    {"default_block_exempt_limited", &policy::DospStatistics::default_block_exempt_rate_limited},
    {"default_blocked", &policy::DospStatistics::default_blocked},
    {"outbound_discarded", &policy::DospStatistics::outbound_discarded},
};

}  // namespace sallyport::runtime
