// Reassembly of fragmented IKE messages. RFC 7383 2.5, 2.6; robustness P12.
#include "ike/fragments.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "support/seeded_rng.h"

using namespace sallyport;
using namespace sallyport::ike;

TEST_SUITE_BEGIN("ike/fragments");

namespace {

const TimePoint kNow{seconds(50)};

struct Parts {
  explicit Parts(uint16_t n, size_t octets = 10) {
    for (uint16_t i = 0; i < n; ++i) all.push_back(Bytes(octets, static_cast<uint8_t>(i + 1)));
  }
  Bytes whole() const {
    Bytes out;
    for (const Bytes& p : all) append(out, p);
    return out;
  }
  Result<std::optional<Reassembled>> give(FragmentStore& store, uint16_t number, model::MessageId id = 1,
                                          bool response = false) const {
    const auto total = static_cast<uint16_t>(all.size());
    return store.add(kNow, id, response, number, total, number == 1 ? 33 : 0, all[number - 1u]);
  }
  std::vector<Bytes> all;
};

}  // namespace

TEST_CASE("[RFC7383 2.6] fragments make the message in whatever order they come") {
  test::SeededRng rng(1);
  for (uint16_t n : {uint16_t{1}, uint16_t{2}, uint16_t{5}, kMaxFragments}) {
    const Parts parts(n);
    std::vector<uint16_t> order(n);
    std::iota(order.begin(), order.end(), uint16_t{1});
    for (int round = 0; round < 20; ++round) {
      for (size_t i = n; i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
      FragmentStore store;
      for (size_t i = 0; i < order.size(); ++i) {
        const auto got = parts.give(store, order[i]);
        REQUIRE(got);
        REQUIRE(got->has_value() == (i + 1 == order.size()));
        if (!*got) continue;
        CHECK((*got)->inner == parts.whole());
        CHECK((*got)->first_payload == 33);
      }
      CHECK(store.octets() == 0);
      CHECK(!store.deadline());
    }
  }
}

TEST_CASE("P12 [RFC7383 2.6] numbers run from 1 to the total; the total has a limit") {
  FragmentStore store;
  CHECK(store.check(1, false, 0, 3).error().code == Errc::bad_value);
  CHECK(store.check(1, false, 4, 3).error().code == Errc::bad_value);
  CHECK(store.check(1, false, 1, 0).error().code == Errc::bad_value);
  CHECK(store.check(1, false, 1, kMaxFragments + 1).error().code == Errc::bad_value);
  CHECK(store.check(1, false, 65535, 65535).error().code == Errc::bad_value);
  CHECK(store.check(1, false, kMaxFragments, kMaxFragments));
}

TEST_CASE("P12 [RFC7383 2.6] the same number again is dropped, whatever it holds; what was stored stays") {
  const Parts parts(3);
  FragmentStore store;
  REQUIRE(parts.give(store, 2));
  CHECK(store.check(1, false, 2, 3).error().code == Errc::conflict);
  CHECK(!store.add(kNow, 1, false, 2, 3, 0, Bytes(10, 0xEE)));
  REQUIRE(parts.give(store, 1));
  const auto got = parts.give(store, 3);
  REQUIRE(got);
  REQUIRE(*got);
  CHECK((*got)->inner == parts.whole());
}

TEST_CASE("[RFC7383 2.6] a larger total starts over; a smaller one is an older attempt and dropped") {
  const Parts coarse(2), fine(3);
  FragmentStore store;
  REQUIRE(coarse.give(store, 1));
  REQUIRE(fine.give(store, 1));
  CHECK(!coarse.give(store, 2));
  REQUIRE(fine.give(store, 2));
  const auto got = fine.give(store, 3);
  REQUIRE(got);
  REQUIRE(*got);
  CHECK((*got)->inner == fine.whole());
}

TEST_CASE("[RFC7383 2.6] another message ID or direction drops what was there") {
  const Parts parts(2);
  FragmentStore store;
  REQUIRE(parts.give(store, 1, 1));
  REQUIRE(parts.give(store, 2, 2));
  CHECK(!*parts.give(store, 1, 3));
  const auto response = parts.give(store, 2, 3, true);
  REQUIRE(response);
  CHECK(!*response);
  const auto got = parts.give(store, 1, 3, true);
  REQUIRE(got);
  CHECK(got->has_value());
}

TEST_CASE("P12 no message grows beyond the limit, and then nothing stays") {
  FragmentStore store;
  const size_t each = kMaxReassembledOctets / 16;
  uint16_t number = 1;
  for (; number <= 16; ++number) {
    REQUIRE(store.add(kNow, 1, false, number, 32, number == 1 ? 33 : 0, Bytes(each, 1)));
    CHECK(store.octets() <= kMaxReassembledOctets);
  }
  CHECK(store.add(kNow, 1, false, number, 32, 0, Bytes(each, 1)).error().code == Errc::limit);
  CHECK(store.octets() == 0);
  CHECK(!store.deadline());
}

TEST_CASE("P12 [RFC7383 2.5] a payload type in another fragment than the first is refused and harms nothing") {
  const Parts parts(2);
  FragmentStore store;
  REQUIRE(parts.give(store, 1));
  CHECK(store.add(kNow, 1, false, 2, 2, 33, Bytes(10, 9)).error().code == Errc::bad_value);
  const auto got = parts.give(store, 2);
  REQUIRE(got);
  REQUIRE(*got);
  CHECK((*got)->inner == parts.whole());
}

TEST_CASE("P12 what is collected has a lifetime, from its first fragment on") {
  const Parts parts(3);
  FragmentStore store;
  REQUIRE(parts.give(store, 1));
  CHECK(*store.deadline() == kNow + kFragmentLifetime);
  REQUIRE(store.add(kNow + seconds(20), 1, false, 2, 3, 0, Bytes(10, 2)));
  CHECK(*store.deadline() == kNow + kFragmentLifetime);
  store.clear();
  CHECK(store.octets() == 0);
  CHECK(!store.deadline());
}

TEST_SUITE_END();
