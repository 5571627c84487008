// A hash table in one piece of memory: open addressing, linear probing, at most half full, no tombstones. A lookup
// costs one cache miss however many rows there are, and prefetch() lets a batch take its misses together. Values are
// small and copied; one that equals Value{} means "none". Pure; one thread. Keys are spread by a multiplication alone:
// they are to be our own numbers (SPIs we drew, ids) or hashes, not a peer's choice.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sallyport::ipsec {

template <class Key, class Value>
class FlatTable {
 public:
  // Value{} where there is none.
  Value find(Key key) const {
    if (size_ == 0) return Value{};
    for (size_t at = home(key);; at = next(at)) {
      if (slots_[at].value == Value{} || slots_[at].key == key) return slots_[at].value;
    }
  }
  bool contains(Key key) const { return find(key) != Value{}; }

  // Inserts or replaces. Requires: value != Value{}
  void set(Key key, Value value) {
    // Half full at most: a probe that goes on costs a mispredicted branch, which is more than a miss in the cache.
    if ((size_ + 1) * 2 > slots_.size()) resize(slots_.empty() ? kFewest : slots_.size() * 2);
    Slot& slot = slots_[place_of(key)];
    if (slot.value == Value{}) ++size_;
    slot = {key, value};
  }

  // False: it was not there.
  bool erase(Key key) {
    if (size_ == 0) return false;
    size_t hole = place_of(key);
    if (slots_[hole].value == Value{}) return false;
    // Whoever stands behind its home because of this row moves up, so that no probe ends too early.
    for (size_t at = next(hole); slots_[at].value != Value{}; at = next(at)) {
      const size_t from_home = (at - home(slots_[at].key)) & mask();
      if (from_home < ((at - hole) & mask())) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = {};
    --size_;
    return true;
  }

  void clear() {
    slots_.clear();
    size_ = 0;
  }
  size_t size() const { return size_; }

  // Asks the memory for the place where a find() of `key` will begin.
  void prefetch(Key key) const {
    if (size_ != 0) __builtin_prefetch(&slots_[home(key)]);
  }

 private:
  struct Slot {
    Key key{};
    Value value{};
  };
  static constexpr size_t kFewest = 16;

  size_t mask() const { return slots_.size() - 1; }
  size_t next(size_t at) const { return (at + 1) & mask(); }
  size_t home(Key key) const {
    return static_cast<size_t>((static_cast<uint64_t>(key) * 0x9E3779B97F4A7C15u) >> shift_);
  }
  size_t place_of(Key key) const {
    size_t at = home(key);
    while (slots_[at].value != Value{} && slots_[at].key != key) at = next(at);
    return at;
  }
  void resize(size_t slots) {
    std::vector<Slot> old(slots);
    old.swap(slots_);
    shift_ = 64 - std::countr_zero(slots);
    for (const Slot& slot : old) {
      if (slot.value != Value{}) slots_[place_of(slot.key)] = slot;
    }
  }

  std::vector<Slot> slots_;  // as many as a power of two
  size_t size_ = 0;
  int shift_ = 63;
};

}  // namespace sallyport::ipsec
