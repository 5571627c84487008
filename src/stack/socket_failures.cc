// See socket_failures.h.
#include "stack/socket_failures.h"

#include <algorithm>

namespace sallyport::stack {

void SocketFailures::note(uint64_t group, const IpAddr& remote, uint32_t code) {
  if (group == 0) return;
  forget(group, remote);
  if (all_.size() >= kMost) all_.pop_front();
  all_.push_back({group, remote, code});
}

void SocketFailures::forget(uint64_t group, const IpAddr& remote) {
  std::erase_if(all_, [&](const Failure& each) { return each.group == group && each.remote == remote; });
}

uint32_t SocketFailures::of(uint64_t group, const IpAddr& remote) const {
  const auto found = std::find_if(all_.begin(), all_.end(),
                                  [&](const Failure& each) { return each.group == group && each.remote == remote; });
  return found == all_.end() ? 0 : found->code;
}

}  // namespace sallyport::stack
