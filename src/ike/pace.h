// How often something may happen: so many times at once, and that many a minute in the long run. Pure; a value.
#pragma once
#include <algorithm>

#include "base/time.h"

namespace sallyport::ike {

class Pace {
 public:
  // Counts one more; false: it would be too many, and nothing is counted. per_minute 0: without limit.
  bool take(TimePoint now, unsigned per_minute) {
    if (per_minute == 0) return true;
    const Duration each = Duration(minutes(1)) / per_minute;
    const TimePoint from = std::max(paid_until_, now);
    if (from + each > now + minutes(1)) return false;
    paid_until_ = from + each;
    return true;
  }

 private:
  TimePoint paid_until_{};  // each one costs its part of a minute; a minute may be owed
};

}  // namespace sallyport::ike
