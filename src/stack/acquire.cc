// The queue of packets that wait for their SA.
#include "stack/acquire.h"

namespace sallyport::stack {

AcquireQueue::Held AcquireQueue::hold(TimePoint now, uint32_t reqid, ByteView packet, const Offload& offload) {
  Entry& entry = entries_[reqid];
  Held out{false, 0};
  if (!entry.ever_asked || now - entry.asked >= limits_.ask_again) {
    entry.ever_asked = true;
    entry.asked = now;
    out.ask = true;
  }
  while (!entry.packets.empty() &&
         (entry.packets.size() >= limits_.packets_per_entry || octets_ + packet.size() > limits_.octets)) {
    octets_ -= entry.packets.front().packet.octets.size();
    entry.packets.pop_front();
    ++out.dropped;
  }
  if (octets_ + packet.size() > limits_.octets) {
    ++out.dropped;
    return out;
  }
  octets_ += packet.size();
  entry.packets.push_back({now, {to_bytes(packet), offload}});
  return out;
}

std::deque<AcquireQueue::Packet> AcquireQueue::release(uint32_t reqid) {
  std::deque<Packet> out;
  const auto found = entries_.find(reqid);
  if (found == entries_.end()) return out;
  for (Waiting& waiting : found->second.packets) {
    octets_ -= waiting.packet.octets.size();
    out.push_back(std::move(waiting.packet));
  }
  entries_.erase(found);
  return out;
}

size_t AcquireQueue::expire(TimePoint now) {
  size_t gone = 0;
  for (auto& [reqid, entry] : entries_) {
    while (!entry.packets.empty() && now - entry.packets.front().since >= limits_.hold) {
      octets_ -= entry.packets.front().packet.octets.size();
      entry.packets.pop_front();
      ++gone;
    }
  }
  return gone;
}

}  // namespace sallyport::stack
