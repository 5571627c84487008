// Filters as a host has them, at a transport layer of IPv4: pairs of hosts with protocol and port, networks, port
// ranges. Repeatable: all chance is the caller's.
#pragma once
#include <random>

#include "support/policy_samples.h"

namespace sallyport::support {

inline policy::Filter random_filter(policy::Layer layer, std::mt19937& random) {
  using namespace policy;
  const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
  const uint32_t remote = 0x0a000000u | below(1u << 24);
  Filter out = filter(layer, below(4) ? ActionType::PERMIT : ActionType::BLOCK);
  const uint32_t kind = below(100);
  const auto protocol = equal(Field::IP_PROTOCOL, Value(static_cast<uint8_t>(below(2) ? 6 : 17)));
  const auto port = static_cast<uint16_t>(below(60000));
  if (kind < 60) {
    out.conditions = {equal(Field::IP_REMOTE_ADDRESS, Value(remote)), protocol,
                      equal(Field::IP_REMOTE_PORT, Value(port))};
  } else if (kind < 85) {
    out.conditions = {
        {Field::IP_REMOTE_ADDRESS, MatchType::EQUAL, V4AddrMask{remote, below(2) ? 0xffffff00u : 0xfffff000u}},
        protocol};
  } else {
    out.conditions = {
        equal(Field::IP_REMOTE_ADDRESS, Value(remote)),
        protocol,
        {Field::IP_LOCAL_PORT, MatchType::RANGE, Range{Value(port), Value(static_cast<uint16_t>(port + 500))}}};
  }
  return out;
}

}  // namespace sallyport::support
