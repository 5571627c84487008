// Packets that wait for their SA. RFC 4301 5.1: a packet that policy protects and that has no SA yet is held, never
// sent in clear. Bounded in packets per SPD entry and in octets over all; the oldest packet of the same entry goes
// first when its own bound is hit. Pure; one thread (the Dataplane's).
#pragma once
#include <cstdint>
#include <deque>
#include <unordered_map>

#include "base/packet_buf.h"
#include "base/time.h"

namespace sallyport::stack {

class AcquireQueue {
 public:
  struct Limits {
    size_t packets_per_entry = 64;
    size_t octets = 1 << 20;
    Duration hold = seconds(30);
    Duration ask_again = seconds(2);  // a second acquire for the same entry is asked for no sooner
  };

  AcquireQueue() = default;
  explicit AcquireQueue(const Limits& limits) : limits_(limits) {}

  struct Held {
    bool ask;        // true: nobody has asked for a negotiation of this entry lately, and the caller asks
    size_t dropped;  // packets that had to go to make room (this one included when it does not fit at all)
  };
  struct Packet {
    Bytes octets;
    Offload offload;
  };
  Held hold(TimePoint now, uint32_t reqid, ByteView packet, const Offload& offload = {});
  std::deque<Packet> release(uint32_t reqid);  // in the order they came
  size_t expire(TimePoint now);                // how many packets waited too long and are gone
  bool empty() const { return octets_ == 0; }

 private:
  struct Waiting {
    TimePoint since;
    Packet packet;
  };
  struct Entry {
    std::deque<Waiting> packets;
    TimePoint asked{};
    bool ever_asked = false;
  };
  Limits limits_;
  std::unordered_map<uint32_t, Entry> entries_;
  size_t octets_ = 0;
};

}  // namespace sallyport::stack
