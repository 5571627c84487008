// Linux clocks. See clock.h.
#include "runtime/clock.h"

#include <time.h>

namespace sallyport::runtime {

TimePoint monotonic_now() {
  timespec t{};
  ::clock_gettime(CLOCK_BOOTTIME, &t);
  return TimePoint(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
}

WallTime wall_now() {
  timespec t{};
  ::clock_gettime(CLOCK_REALTIME, &t);
  return WallTime{t.tv_sec};
}

uint64_t wall_filetime() {
  constexpr int64_t kTo1970 = 11644473600;  // seconds
  timespec t{};
  ::clock_gettime(CLOCK_REALTIME, &t);
  return static_cast<uint64_t>((int64_t{t.tv_sec} + kTo1970) * 10000000 + t.tv_nsec / 100);
}

int64_t wall_microseconds() {
  timespec t{};
  ::clock_gettime(CLOCK_REALTIME, &t);
  return int64_t{t.tv_sec} * 1000000 + t.tv_nsec / 1000;
}

}  // namespace sallyport::runtime
