#include "ipsec/drops.h"

#include <doctest/doctest.h>

using namespace sallyport::ipsec;

TEST_SUITE("ipsec/drops") {
  TEST_CASE("the rows of drops.def are sorted, named and described") {
    for (size_t i = 0; i < kDropCount; ++i) {
      const Drop drop = static_cast<Drop>(i);
      CHECK_FALSE(to_string(drop).empty());
      CHECK_FALSE(describe(drop).empty());
      if (i > 0) CHECK(to_string(static_cast<Drop>(i - 1)) < to_string(drop));
    }
  }
  TEST_CASE("each reason has a counter of its own") {
    DropCounters counters;
    counters.count(Drop::replay);
    counters.count(Drop::replay);
    counters.count(Drop::runt);
    CHECK(counters[Drop::replay] == 2);
    CHECK(counters[Drop::runt] == 1);
    CHECK(counters[Drop::no_sa] == 0);
    CHECK(counters.total() == 3);
  }
}
