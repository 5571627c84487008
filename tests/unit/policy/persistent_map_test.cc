// The map whose copies share: against std::map, and copies that stay as they were.
#include "policy/persistent_map.h"

#include <doctest/doctest.h>

#include <map>
#include <random>

TEST_SUITE_BEGIN("policy/persistent_map");
using namespace sallyport::policy;

namespace {

struct Pair {
  uint32_t key = 0, value = 0;
};
struct Good {
  using Key = uint32_t;
  using Value = Pair;
  static Key key(const Pair& p) { return p.key; }
  static uint64_t hash(Key k) { return k * 0x9e3779b97f4a7c15u; }
};
struct Colliding : Good {
  static uint64_t hash(Key k) { return k & 3; }
};

template <class Traits>
std::map<uint32_t, uint32_t> content(const PersistentMap<Traits>& map) {
  std::map<uint32_t, uint32_t> out;
  map.for_each([&](const Pair& p) { out[p.key] = p.value; });
  return out;
}

template <class Traits>
void compare_with_map(unsigned keys) {
  std::mt19937 random(7);
  PersistentMap<Traits> map, kept;
  std::map<uint32_t, uint32_t> twin, kept_twin;
  for (uint32_t step = 0; step < 20000; ++step) {
    const uint32_t key = static_cast<uint32_t>(random() % keys);
    if (random() % 3) {
      map.set({key, step});
      twin[key] = step;
    } else {
      CHECK(map.erase(key) == (twin.erase(key) == 1));
    }
    REQUIRE(map.size() == twin.size());
    const auto* found = map.find(key);
    REQUIRE((found != nullptr) == (twin.count(key) == 1));
    if (found) REQUIRE(found->value == twin[key]);
    if (step % 1000 == 0) {
      CHECK(content(kept) == kept_twin);  // nothing that happened since reached the copy
      kept = map;
      kept_twin = twin;
    }
  }
  CHECK(content(map) == twin);
}

}  // namespace

TEST_CASE("random changes give what std::map gives, and copies keep what they had") { compare_with_map<Good>(3000); }
TEST_CASE("the same where all hashes collide") { compare_with_map<Colliding>(40); }

TEST_SUITE_END();
