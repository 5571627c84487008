// Which addresses have lately failed to authenticate themselves: each failure costs its address a second, in which
// nothing more that it says in IKE_AUTH is looked at. So guessing goes no faster from more IKE SAs at once. Robustness
// T22. Pure; one thread.
#pragma once
#include <map>
#include <set>
#include <utility>

#include "base/ip_addr.h"
#include "base/time.h"

namespace sallyport::ike {

class FailedAuths {
 public:
  static constexpr size_t kMost = 4096;  // addresses kept; past that the one free soonest is forgotten

  void note(TimePoint now, const IpAddr& from, Duration cost);
  bool must_wait(TimePoint now, const IpAddr& from) const;
  void forget_over(TimePoint now);
  size_t size() const { return until_.size(); }

 private:
  std::map<IpAddr, TimePoint> until_;
  std::set<std::pair<TimePoint, IpAddr>> order_;
};

}  // namespace sallyport::ike
