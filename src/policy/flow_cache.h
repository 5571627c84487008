// What classify found for a flow, kept until the policy changes: one look instead of all of them. Callouts are still
// asked each time, for what they say depends on the packet and its SA. A direct-mapped table of one thread.
#pragma once
#include "model/flow_key.h"
#include "policy/classify.h"

namespace sallyport::policy {

// Everything the field values of a packet depend on. The caller vouches for it: two packets with equal keys have equal
// field values.
struct FlowCacheKey {
  model::FlowKey flow;
  Layer layer = Layer::OUTBOUND_TRANSPORT_V4;
  uint32_t flags = 0;  // Field::FLAGS
  uint64_t interface_luid = 0;
  uint64_t variant = 0;  // whatever else: a number that changes with it, the identity of the peer for one
  bool operator==(const FlowCacheKey&) const = default;
};

class FlowCache {
 public:
  explicit FlowCache(size_t slots = 1024);  // Requires: a power of two

  // Fills `values` by calling fill(values) only when the flow is new or the policy has changed.
  template <class Fill>
  Decision classify(const std::shared_ptr<const Snapshot>& snapshot, const FlowCacheKey& key, FieldValues& values,
                    CalloutRunner* callouts, Fill&& fill) {
    Slot& slot = slots_[hash(key) & (slots_.size() - 1)];
    if (slot.snapshot == snapshot && slot.key == key) {
      ++hits_;
      if (!slot.asks_callouts) return slot.decision;
      fill(values);
      return arbitrate(slot.matches, values, callouts);
    }
    ++misses_;
    fill(values);
    collect(*snapshot, key.layer, values, slot.matches);
    slot.snapshot = snapshot;
    slot.key = key;
    slot.asks_callouts = false;
    for (const Match& match : slot.matches.list)
      slot.asks_callouts = slot.asks_callouts || is_callout(match.filter->filter->action.type);
    slot.decision = arbitrate(slot.matches, values, callouts);
    return slot.decision;
  }

  void forget();  // lets go of every snapshot
  uint64_t hits() const { return hits_; }
  uint64_t misses() const { return misses_; }

 private:
  struct Slot {
    std::shared_ptr<const Snapshot> snapshot;  // keeps what the matches point to
    FlowCacheKey key;
    Matches matches;
    Decision decision;
    bool asks_callouts = false;
  };
  static uint64_t hash(const FlowCacheKey& key);
  std::vector<Slot> slots_;
  uint64_t hits_ = 0, misses_ = 0;
};

}  // namespace sallyport::policy
