// Finds, among many sets of traffic selectors, those that may cover a packet: a hash table over the address prefixes
// that enclose them, asked once for each pair of prefix lengths in use (tuple space search). The cost follows the
// number of different lengths, not of sets. Where the prefixes do not say all, the caller compares addresses, ports and
// protocol. RFC 4301 4.4.1 (SPD), 4.4.2 (SAD). Pure; one thread.
#pragma once
#include <cstdint>
#include <vector>

#include "ipsec/flat_table.h"
#include "model/selector.h"

namespace sallyport::ipsec {

class SelectorIndex {
 public:
  // seed: makes collisions unpredictable where peers choose selectors.
  explicit SelectorIndex(uint64_t seed = 0) : seed_(seed) {}

  // scope: sets of different scopes never meet. rank: the lowest one that covers wins; of equal ones the one added
  // last. item: what find() gives back, unique within its scope.
  void add(uint32_t scope, const model::Selectors& local, const model::Selectors& remote, uint64_t rank, void* item);
  // Requires: the same scope and selectors as add() had.
  void remove(uint32_t scope, const model::Selectors& local, const model::Selectors& remote, const void* item);
  void clear();

  // The item of lowest rank that covers the packet; nullptr. covers(item) is asked where its selectors are more than
  // one prefix with every protocol and port at either end.
  template <class Covers>
  void* find(uint32_t scope, const IpAddr& local, const IpAddr& remote, Covers&& covers) const {
    void* best = nullptr;
    uint64_t best_rank = UINT64_MAX;
    for (const Lengths& lengths : lengths_) {
      if (lengths.family != local.family() || lengths.family != remote.family()) continue;
      for (uint32_t at = table_.find(key_of(scope, lengths, local, remote)); at != 0; at = rows_[at].next) {
        const Row& row = rows_[at];
        if (best != nullptr && row.rank >= best_rank) break;
        if (!row.exact && !covers(row.item)) continue;
        best = row.item;
        best_rank = row.rank;
        break;
      }
    }
    return best;
  }

 private:
  struct Lengths {
    Family family;
    uint8_t local;
    uint8_t remote;
    uint32_t uses;
  };
  struct Row {
    uint64_t rank = 0;
    void* item = nullptr;
    uint32_t next = 0;   // 0: none; rows_[0] is nobody's
    bool exact = false;  // who has this key is covered
  };
  struct Place {
    Lengths lengths;
    uint64_t key;
    bool exact;
  };

  uint64_t key_of(uint32_t scope, const Lengths& lengths, const IpAddr& local, const IpAddr& remote) const;
  std::vector<Place> places_of(uint32_t scope, const model::Selectors& local, const model::Selectors& remote) const;

  uint64_t seed_;
  std::vector<Lengths> lengths_;
  FlatTable<uint64_t, uint32_t> table_;  // first row of a chain, lowest rank first
  std::vector<Row> rows_{1};
  uint32_t free_ = 0;  // a chain too
};

}  // namespace sallyport::ipsec
