// The interface's statistics, made of this daemon's own counters. Pure.
#pragma once
#include "policy/sa_statistics.h"
#include "stack/control.h"

namespace sallyport::stack {

// What only the data plane knows.
struct PacketFacts {
  ipsec::DropCounters drops;
  ipsec::TrafficTotals traffic;
  std::vector<ipsec::SaStatus> sas = {};
};
policy::IpsecStatistics ipsec_statistics(const Control& control, const PacketFacts& packets);
policy::IkeStatistics ike_statistics(const Control& control);

}  // namespace sallyport::stack
