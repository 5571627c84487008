// See failed_auths.h.
#include "ike/failed_auths.h"

#include <algorithm>

namespace sallyport::ike {

// A host has a whole /64 of IPv6 addresses.
static IpAddr source_of(const IpAddr& from) { return from.is_v6() ? from.prefix_first(64) : from; }

void FailedAuths::note(TimePoint now, const IpAddr& from, Duration cost) {
  forget_over(now);
  const IpAddr source = source_of(from);
  TimePoint until = now;
  if (const auto known = until_.find(source); known != until_.end()) {
    until = known->second;
    order_.erase({until, source});
  } else if (until_.size() >= kMost) {
    until_.erase(order_.begin()->second);
    order_.erase(order_.begin());
  }
  until = std::max(until, now) + cost;
  until_[source] = until;
  order_.insert({until, source});
}

bool FailedAuths::must_wait(TimePoint now, const IpAddr& from) const {
  const auto known = until_.find(source_of(from));
  return known != until_.end() && known->second > now;
}

void FailedAuths::forget_over(TimePoint now) {
  while (!order_.empty() && order_.begin()->first <= now) {
    until_.erase(order_.begin()->second);
    order_.erase(order_.begin());
  }
}

}  // namespace sallyport::ike
