// See settled_peers.h.
#include "stack/settled_peers.h"

#include <algorithm>

namespace sallyport::stack {

void SettledPeers::look(TimePoint at) {
  at = std::max(at, looked_ + kTogether);
  if (!look_at_ || at < *look_at_) look_at_ = at;
}

void SettledPeers::add(TimePoint now, model::ChildId child, SettledTraffic traffic, Duration timeout,
                       std::optional<model::ChildId> replaces) {
  if (peers_.size() >= kMost) return;
  const auto before = replaces ? peers_.find(*replaces) : peers_.end();
  const TimePoint due = before != peers_.end() ? before->second.due : now + timeout;
  peers_[child] = {std::move(traffic), due, false};
  look(due);
}

void SettledPeers::remove(TimePoint now, model::ChildId child) {
  const auto found = peers_.find(child);
  if (found == peers_.end()) return;
  if (found->second.settled) {
    removed_ = true;
    look(now);
  }
  peers_.erase(found);
}

bool SettledPeers::handle_deadline(TimePoint now) {
  if (!look_at_ || now < *look_at_) return false;
  looked_ = now;
  look_at_.reset();
  bool changed = std::exchange(removed_, false);
  for (auto& [child, peer] : peers_) {
    if (peer.settled) continue;
    if (now < peer.due) {
      look(peer.due);
      continue;
    }
    peer.settled = changed = true;
  }
  return changed;
}

std::vector<SettledTraffic> SettledPeers::traffic() const {
  std::vector<SettledTraffic> out;
  for (const auto& [child, peer] : peers_) {
    if (peer.settled && std::find(out.begin(), out.end(), peer.traffic) == out.end()) out.push_back(peer.traffic);
  }
  return out;
}

}  // namespace sallyport::stack
