// The only places that read a clock. CLOCK_BOOTTIME counts suspend, so a lifetime ends while the lid is closed.
// Any thread.
#pragma once
#include <string>

#include "base/time.h"

namespace sallyport::runtime {

TimePoint monotonic_now();
WallTime wall_now();
uint64_t wall_filetime();     // tenths of microseconds since 1601-01-01 UTC, as Windows counts
int64_t wall_microseconds();  // since 1970-01-01 UTC; capture files and log lines

}  // namespace sallyport::runtime
