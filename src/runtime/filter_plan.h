// Rules for clear packets on their way from the worker, which has the filter engine, to the privileged process, which
// sets the packet filter: values, never its text, and checked when they are read, since the worker parses the network.
#pragma once
#include "base/result.h"
#include "stack/host_filters.h"

namespace sallyport::runtime {

constexpr size_t kMostPlanOctets = 32 * 1024 * 1024;

Bytes write_filter_plan(const stack::HostFilters& filters);
// truncated, trailing_bytes, bad_value: a range that is none, of another IP version, or an unknown word.
Result<stack::HostFilters> parse_filter_plan(ByteView octets);

}  // namespace sallyport::runtime
