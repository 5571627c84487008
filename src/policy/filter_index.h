// The filters of one sublayer of one layer, found fast. Filters that ask about the same fields with the same coarseness
// form a shape; one hash look-up a shape finds those that can match, heaviest first, and shapes that cannot beat what
// was found are left out. Copies share everything: added filters form a new segment that is merged with smaller ones,
// removed ones are remembered until a rebuild pays. Immutable once in a snapshot; any thread.
#pragma once
#include "policy/filter.h"
#include "policy/match.h"
#include "policy/persistent_map.h"

namespace sallyport::policy {

// One filter, ready. `weight` and `id` order: heavier first, older first among equals.
struct IndexedFilter {
  std::shared_ptr<const Filter> filter;
  std::vector<Test> tests;
  uint64_t weight = 0;
  FilterId id = 0;
};
std::shared_ptr<const IndexedFilter> make_indexed(const LayerInfo& layer, std::shared_ptr<const Filter> filter);

inline bool comes_before(const IndexedFilter& a, const IndexedFilter& b) {
  return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
}

// Hashes of the packet's fields, worked out when first asked for. One for each packet; see FilterIndex::next.
class AtomHashes;

struct ShapeSegment;  // one immutable part of an index

class FilterIndex {
 public:
  using Entry = std::shared_ptr<const IndexedFilter>;

  void add(std::vector<Entry> entries);
  void remove(const std::vector<FilterId>& ids);  // Requires: each is in the index
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // The first filter that matches and comes after `after` (nullptr: from the start).
  const IndexedFilter* next(const FieldValues& values, AtomHashes& hashes, const IndexedFilter* after) const;

  size_t segments() const { return segments_.size(); }
  size_t shapes() const;
  size_t octets() const;  // of the tables, without the filters themselves

 private:
  struct DeadTraits {
    using Key = FilterId;
    using Value = FilterId;
    static Key key(Value v) { return v; }
    static uint64_t hash(Key k) { return mix64(k); }
  };
  std::vector<std::shared_ptr<const ShapeSegment>> segments_;  // the largest first
  PersistentMap<DeadTraits> dead_;
  size_t size_ = 0;
};

// An atom is a field and how many low bits of it are ignored.
inline constexpr size_t kCoarsenesses = 4;
inline constexpr size_t kAtoms = kFieldCount * kCoarsenesses;

class AtomHashes {
 public:
  explicit AtomHashes(const FieldValues& values) : values_(values) {}
  uint64_t get(uint16_t atom) {
    if (!((known_[atom / 64] >> (atom % 64)) & 1)) work_out(atom);
    return hashes_[atom];
  }

 private:
  void work_out(uint16_t atom);
  const FieldValues& values_;
  std::array<uint64_t, (kAtoms + 63) / 64> known_{};
  std::array<uint64_t, kAtoms> hashes_;
};

}  // namespace sallyport::policy
