// Opened packets that wait until it is known whose socket their flow is. Bounded; pure; one thread (the Dataplane's).
#pragma once
#include <deque>
#include <optional>
#include <vector>

#include "base/time.h"
#include "stack/flow_fields.h"
#include "stack/handed.h"

namespace sallyport::stack {

class WaitingArrivals {
 public:
  static constexpr size_t kMost = 256;
  static constexpr size_t kMostOfFlow = 8;
  static constexpr Duration kWait = seconds(5);

  // False: there is no room, and the packet is left as it was.
  bool add(TimePoint now, const HostFlow& flow, Handed& handed);
  bool waits(const HostFlow& flow) const;
  std::vector<Handed> take(const HostFlow& flow);  // in the order they came
  size_t expire(TimePoint now);                    // how many have waited in vain
  std::optional<TimePoint> next_deadline() const;
  bool empty() const { return waiting_.empty(); }

 private:
  struct Waiting {
    TimePoint since;
    HostFlow flow;
    Handed handed;
  };
  std::deque<Waiting> waiting_;  // the oldest first
};

}  // namespace sallyport::stack
