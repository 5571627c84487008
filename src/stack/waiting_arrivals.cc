// See waiting_arrivals.h.
#include "stack/waiting_arrivals.h"

#include <algorithm>

namespace sallyport::stack {

bool WaitingArrivals::add(TimePoint now, const HostFlow& flow, Handed& handed) {
  const auto of_flow =
      std::count_if(waiting_.begin(), waiting_.end(), [&](const auto& each) { return each.flow == flow; });
  if (waiting_.size() >= kMost || static_cast<size_t>(of_flow) >= kMostOfFlow) return false;
  waiting_.push_back({now, flow, {}});
  Handed& kept = waiting_.back().handed;
  kept.what = Handed::What::judge_arriving;
  kept.came_by = handed.came_by;
  std::swap(kept.packet, handed.packet);
  return true;
}

bool WaitingArrivals::waits(const HostFlow& flow) const {
  return std::any_of(waiting_.begin(), waiting_.end(), [&](const auto& each) { return each.flow == flow; });
}

std::vector<Handed> WaitingArrivals::take(const HostFlow& flow) {
  std::vector<Handed> out;
  for (auto& each : waiting_) {
    if (each.flow == flow) out.push_back(std::move(each.handed));
  }
  std::erase_if(waiting_, [&](const auto& each) { return each.flow == flow; });
  return out;
}

size_t WaitingArrivals::expire(TimePoint now) {
  return std::erase_if(waiting_, [&](const auto& each) { return now - each.since >= kWait; });
}

std::optional<TimePoint> WaitingArrivals::next_deadline() const {
  return waiting_.empty() ? std::nullopt : std::optional(waiting_.front().since + kWait);
}

}  // namespace sallyport::stack
