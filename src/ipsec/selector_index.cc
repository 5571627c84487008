// See selector_index.h. A set is filed under every pair of one local and one remote prefix; sets of very many ranges
// under fewer, wider prefixes.
#include "ipsec/selector_index.h"

#include <algorithm>
#include <bit>

namespace sallyport::ipsec {

namespace {

constexpr size_t kMostPlaces = 64;

struct Words {
  uint64_t high = 0;
  uint64_t low = 0;
};

struct Prefix {
  IpAddr addr;
  uint8_t length;
  bool exact;  // the selector takes all of it, every protocol and port
};

Words words_of(const IpAddr& address) {
  const uint8_t* octets = address.bytes().data();
  if (address.is_v4()) return {uint64_t{load_be32(octets)} << 32, 0};
  return {uint64_t{load_be32(octets)} << 32 | load_be32(octets + 4),
          uint64_t{load_be32(octets + 8)} << 32 | load_be32(octets + 12)};
}

uint64_t mask(unsigned bits) { return bits == 0 ? 0 : ~uint64_t{0} << (64 - bits); }

Words cut(const Words& words, unsigned length) {
  return length <= 64 ? Words{words.high & mask(length), 0} : Words{words.high, words.low & mask(length - 64)};
}

uint64_t mix(uint64_t x) {
  x ^= x >> 30;
  x *= 0xBF58476D1CE4E5B9u;
  x ^= x >> 27;
  x *= 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// The longest prefix that holds both.
uint8_t common_length(const IpAddr& a, const IpAddr& b) {
  const Words x = words_of(a), y = words_of(b);
  const int high = std::countl_zero(x.high ^ y.high);
  const int both = high < 64 ? high : 64 + std::countl_zero(x.low ^ y.low);
  return static_cast<uint8_t>(std::min(both, static_cast<int>(a.bits())));
}

std::vector<Prefix> prefixes_of(const model::Selectors& selectors, Family family) {
  std::vector<Prefix> out;
  for (const model::Selector& s : selectors) {
    if (s.family() != family) continue;
    const uint8_t length = common_length(s.first, s.last);
    const bool whole = s.first.prefix_first(length) == s.first && s.first.prefix_last(length) == s.last;
    out.push_back({s.first, length, whole && s.protocol == 0 && s.any_port()});
  }
  return out;
}

void widen_to_one(std::vector<Prefix>& prefixes) {
  Prefix all = prefixes.front();
  for (const Prefix& one : prefixes) all.length = std::min({all.length, one.length, common_length(all.addr, one.addr)});
  all.exact = false;
  prefixes.assign(1, all);
}

}  // namespace

uint64_t SelectorIndex::key_of(uint32_t scope, const Lengths& lengths, const IpAddr& local,
                               const IpAddr& remote) const {
  const Words l = cut(words_of(local), lengths.local), r = cut(words_of(remote), lengths.remote);
  uint64_t key = mix(seed_ ^ (uint64_t{scope} << 32 | uint64_t{lengths.local} << 16 | uint64_t{lengths.remote} << 8 |
                              static_cast<uint8_t>(lengths.family)));
  for (const uint64_t word : {l.high, r.high}) key = mix(key ^ word);
  if (lengths.family == Family::v6) {
    for (const uint64_t word : {l.low, r.low}) key = mix(key ^ word);
  }
  return key;
}

std::vector<SelectorIndex::Place> SelectorIndex::places_of(uint32_t scope, const model::Selectors& local,
                                                           const model::Selectors& remote) const {
  std::vector<Place> out;
  for (const Family family : {Family::v4, Family::v6}) {
    std::vector<Prefix> l = prefixes_of(local, family), r = prefixes_of(remote, family);
    if (l.empty() || r.empty()) continue;
    if (l.size() * r.size() > kMostPlaces) widen_to_one(l);
    if (r.size() > kMostPlaces) widen_to_one(r);
    for (const Prefix& a : l) {
      for (const Prefix& b : r) {
        const Lengths lengths{family, a.length, b.length, 0};
        out.push_back({lengths, key_of(scope, lengths, a.addr, b.addr), a.exact && b.exact});
      }
    }
  }
  // Selectors that differ in their ports alone lie in the same place; one that asks for no port says it for all.
  std::sort(out.begin(), out.end(),
            [](const Place& a, const Place& b) { return a.key != b.key ? a.key < b.key : a.exact > b.exact; });
  out.erase(std::unique(out.begin(), out.end(), [](const Place& a, const Place& b) { return a.key == b.key; }),
            out.end());
  return out;
}

void SelectorIndex::add(uint32_t scope, const model::Selectors& local, const model::Selectors& remote, uint64_t rank,
                        void* item) {
  for (const Place& place : places_of(scope, local, remote)) {
    const auto same = [&](const Lengths& one) {
      return one.family == place.lengths.family && one.local == place.lengths.local &&
             one.remote == place.lengths.remote;
    };
    auto lengths = std::find_if(lengths_.begin(), lengths_.end(), same);
    if (lengths == lengths_.end()) lengths = lengths_.insert(lengths_.end(), place.lengths);
    ++lengths->uses;

    uint32_t row = free_;
    if (row == 0) {
      row = static_cast<uint32_t>(rows_.size());
      rows_.emplace_back();
    } else {
      free_ = rows_[row].next;
    }
    const uint32_t first = table_.find(place.key);
    uint32_t before = 0;
    for (uint32_t at = first; at != 0 && rows_[at].rank < rank; at = rows_[at].next) before = at;
    rows_[row] = {rank, item, before == 0 ? first : rows_[before].next, place.exact};
    if (before == 0) {
      table_.set(place.key, row);
    } else {
      rows_[before].next = row;
    }
  }
}

void SelectorIndex::remove(uint32_t scope, const model::Selectors& local, const model::Selectors& remote,
                           const void* item) {
  for (const Place& place : places_of(scope, local, remote)) {
    uint32_t before = 0;
    uint32_t at = table_.find(place.key);
    while (at != 0 && rows_[at].item != item) {
      before = at;
      at = rows_[at].next;
    }
    if (at == 0) continue;
    const uint32_t behind = rows_[at].next;
    if (before != 0) {
      rows_[before].next = behind;
    } else if (behind != 0) {
      table_.set(place.key, behind);
    } else {
      table_.erase(place.key);
    }
    rows_[at] = {0, nullptr, free_, false};
    free_ = at;
    const auto lengths = std::find_if(lengths_.begin(), lengths_.end(), [&](const Lengths& one) {
      return one.family == place.lengths.family && one.local == place.lengths.local &&
             one.remote == place.lengths.remote;
    });
    if (--lengths->uses == 0) lengths_.erase(lengths);
  }
}

void SelectorIndex::clear() {
  lengths_.clear();
  table_.clear();
  rows_.assign(1, {});
  free_ = 0;
}

}  // namespace sallyport::ipsec
