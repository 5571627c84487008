// Time as a value. Pure rooms are told the time; only runtime/clock reads one.
// TimePoint: monotonic, counts suspend (CLOCK_BOOTTIME on Linux), nanoseconds since an arbitrary start; for lifetimes
// and timers. WallTime: seconds since 1970-01-01 UTC; for certificates and log lines only.
#pragma once
#include <chrono>
#include <cstdint>

namespace sallyport {

using Duration = std::chrono::nanoseconds;
struct MonotonicClockTag {
  using duration = Duration;
  using rep = Duration::rep;
  using period = Duration::period;
  using time_point = std::chrono::time_point<MonotonicClockTag, Duration>;
  static constexpr bool is_steady = true;
};
using TimePoint = std::chrono::time_point<MonotonicClockTag, Duration>;

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct WallTime {
  int64_t unix_seconds = 0;
  auto operator<=>(const WallTime&) const = default;
};

}  // namespace sallyport
