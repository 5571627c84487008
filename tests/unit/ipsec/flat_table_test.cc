#include "ipsec/flat_table.h"

#include <doctest/doctest.h>

#include <random>
#include <unordered_map>

#include "ipsec/slot_pool.h"

using namespace sallyport::ipsec;

TEST_SUITE("ipsec/flat_table") {
  TEST_CASE("an empty table finds nothing and takes nothing away") {
    FlatTable<uint32_t, int> table;
    CHECK(table.find(0) == 0);
    CHECK_FALSE(table.erase(7));
    table.prefetch(7);
  }
  TEST_CASE("setting a key twice replaces its value; key 0 is a key like others") {
    FlatTable<uint32_t, int> table;
    table.set(0, 1);
    table.set(0, 2);
    CHECK(table.find(0) == 2);
    CHECK(table.size() == 1);
    table.clear();
    CHECK_FALSE(table.contains(0));
  }
  TEST_CASE("random sets, erasures and lookups agree with std::unordered_map") {
    std::mt19937 random(77);
    // Few keys make long probes that wrap; many make the table grow.
    for (const uint32_t keys : {24u, 300u, 20000u}) {
      FlatTable<uint32_t, uint64_t> table;
      std::unordered_map<uint32_t, uint64_t> twin;
      for (int i = 0; i < 60000; ++i) {
        const uint32_t key = static_cast<uint32_t>(random() % keys) * 0x01000193u;
        if (random() % 3 != 0) {
          table.set(key, i + 1u);
          twin[key] = i + 1u;
        } else {
          REQUIRE(table.erase(key) == (twin.erase(key) == 1));
        }
        const uint32_t other = static_cast<uint32_t>(random() % keys) * 0x01000193u;
        const auto found = twin.find(other);
        REQUIRE(table.find(other) == (found == twin.end() ? 0 : found->second));
        REQUIRE(table.size() == twin.size());
      }
      for (const auto& [key, value] : twin) REQUIRE(table.find(key) == value);
    }
  }
}

TEST_SUITE("ipsec/slot_pool") {
  TEST_CASE("objects stay where they are and places are used again") {
    static int alive;
    alive = 0;
    struct Counted {
      explicit Counted(int n) : number(n) { ++alive; }
      ~Counted() { --alive; }
      alignas(64) int number;
    };
    SlotPool<Counted> pool;
    std::vector<SlotPool<Counted>::Owner> owners;
    for (int i = 0; i < 1000; ++i) owners.push_back(pool.make(i));
    for (int i = 0; i < 1000; ++i) REQUIRE(owners[static_cast<size_t>(i)]->number == i);
    const Counted* const gone = owners[500].get();
    CHECK(reinterpret_cast<uintptr_t>(gone) % 64 == 0);
    owners[500].reset();
    CHECK(alive == 999);
    CHECK(pool.make(7).get() == gone);
    owners.clear();
    CHECK(alive == 0);
  }
}
