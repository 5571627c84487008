#include "ipsec/esn.h"

#include <doctest/doctest.h>

using namespace sallyport::ipsec;

TEST_SUITE("ipsec/esn") {
  TEST_CASE("[RFC4303 A2.2] case A: the window lies in one subspace") {
    const uint64_t highest = join_sequence(5, 1000);
    CHECK(esn_case(highest, 64) == EsnCase::A);
    CHECK(esn_high(highest, 64, 1000) == 5);
    CHECK(esn_high(highest, 64, 937) == 5);   // bottom of the window
    CHECK(esn_high(highest, 64, 936) == 6);   // below it: the next subspace
    CHECK(esn_high(highest, 64, 5000) == 5);  // ahead
    CHECK(esn_high(highest, 64, 0) == 6);
  }
  TEST_CASE("[RFC4303 A2.2] case B: the window spans two subspaces") {
    const uint64_t highest = join_sequence(5, 10);
    CHECK(esn_case(highest, 64) == EsnCase::B);
    CHECK(esn_high(highest, 64, 10) == 5);
    CHECK(esn_high(highest, 64, 11) == 5);
    CHECK(esn_high(highest, 64, 0xFFFFFFFD) == 4);
    CHECK(esn_high(highest, 64, UINT32_MAX - 52) == 4);  // bottom: 10 - 63
    CHECK(esn_high(highest, 64, UINT32_MAX - 53) == 5);
  }
  TEST_CASE("[RFC4303 A2.2] there is nothing before the first subspace and nothing after the last") {
    CHECK_FALSE(esn_high(10, 64, 0xFFFFFFFD).has_value());
    CHECK_FALSE(esn_high(join_sequence(UINT32_MAX, 5000), 64, 1).has_value());
  }
  TEST_CASE("the guess is the number nearest to the window among all that have this low half") {
    // Twin: try the neighbours and take the one that lies at or above the bottom of the window first.
    for (uint64_t highest : {join_sequence(3, 0), join_sequence(3, 62), join_sequence(3, 63), join_sequence(3, 64),
                             join_sequence(3, UINT32_MAX)}) {
      for (uint32_t low : {0u, 1u, 62u, 63u, 64u, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFC0u, 0xFFFFFFFFu}) {
        uint64_t expected = 0;
        for (uint32_t high = 2; high <= 4 && expected == 0; ++high) {
          if (join_sequence(high, low) >= highest - 63) expected = join_sequence(high, low);
        }
        CAPTURE(highest);
        CAPTURE(low);
        CHECK(join_sequence(esn_high(highest, 64, low).value(), low) == expected);
      }
    }
  }
}
