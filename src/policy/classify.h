// Arbitration: what the filters of one layer say of a packet, flow or negotiation. Sublayers are asked from the highest
// weight to the lowest, all of them; within one the heaviest matching filter that permits or blocks decides; the
// results are combined by the right to override. Pure; any thread on its own snapshot.
#pragma once
#include <array>

#include "policy/snapshot.h"

namespace sallyport::policy {

// What a callout says. A callout that blocks although an earlier hard permit took the right away vetoes.
struct CalloutAnswer {
  enum class Kind : uint8_t { carry_on, permit, block };
  Kind kind = Kind::carry_on;
  bool clears_right = false;  // the answer becomes hard
};

// Runs callouts. Nothing: that callout is not registered here.
class CalloutRunner {
 public:
  virtual ~CalloutRunner() = default;
  virtual std::optional<CalloutAnswer> run(const Filter& filter, const FieldValues& values) = 0;
};

// The filters that can have a say, in order, up to the first of each sublayer that is sure to end it.
struct Match {
  const IndexedFilter* filter = nullptr;
  uint16_t bank = 0;  // index into the layer's banks
};
struct Matches {
  std::vector<Match> list;  // reused from packet to packet
  void clear() { list.clear(); }
};

enum class Verdict : uint8_t { permit, block };

struct Decision {
  Verdict verdict = Verdict::permit;
  bool decided = false;  // false: no filter said anything, and the layer's default is to permit
  bool hard = false;
  bool veto = false;
  const Filter* filter = nullptr;  // whose action stands; lives as long as the snapshot
};

// One sublayer's part of an explanation.
struct Explained {
  Guid sublayer;
  std::shared_ptr<const Filter> filter;               // that ended the sublayer; nullptr: none did
  std::vector<std::shared_ptr<const Filter>> passed;  // matching filters before it that let evaluation go on
  bool decided = false;
  Verdict verdict = Verdict::permit;
  bool hard = false;
  bool stands = false;  // the whole layer's result was taken from here
  bool veto = false;
  bool unregistered = false;  // the callout does not exist here
};
struct Explanation {
  Layer layer = Layer::IPSEC_V4;
  Decision decision;
  std::vector<Explained> sublayers;  // that have filters, in the order asked
};

void collect(const Snapshot& snapshot, Layer layer, const FieldValues& values, Matches& out);
Decision arbitrate(const Matches& matches, const FieldValues& values, CalloutRunner* callouts);
Decision classify(const Snapshot& snapshot, Layer layer, const FieldValues& values, CalloutRunner* callouts,
                  Matches& scratch);
Explanation explain(const Snapshot& snapshot, Layer layer, const FieldValues& values, CalloutRunner* callouts);

}  // namespace sallyport::policy
