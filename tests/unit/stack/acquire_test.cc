#include "stack/acquire.h"

#include <doctest/doctest.h>

using namespace sallyport;
using stack::AcquireQueue;

static const TimePoint kStart{seconds(100)};

TEST_SUITE("stack/acquire") {
  TEST_CASE("[RFC4301 5.1] held packets come out once, in order") {
    AcquireQueue queue;
    CHECK(queue.hold(kStart, 1, Bytes{1}).ask);
    CHECK_FALSE(queue.hold(kStart, 1, Bytes{2}).ask);
    CHECK(queue.hold(kStart, 2, Bytes{9}).ask);
    const auto out = queue.release(1);
    REQUIRE(out.size() == 2);
    CHECK(out[0].octets == Bytes{1});
    CHECK(out[1].octets == Bytes{2});
    CHECK(queue.release(1).empty());
  }
  TEST_CASE("an entry over its bound loses its oldest packet and says so") {
    AcquireQueue queue({2, 1000, seconds(30), seconds(2)});
    CHECK(queue.hold(kStart, 1, Bytes{1}).dropped == 0);
    CHECK(queue.hold(kStart, 1, Bytes{2}).dropped == 0);
    CHECK(queue.hold(kStart, 1, Bytes{3}).dropped == 1);
    CHECK(queue.release(1).front().octets == Bytes{2});
  }
  TEST_CASE("[T12] the octets over all entries are bounded") {
    AcquireQueue queue({100, 10, seconds(30), seconds(2)});
    CHECK(queue.hold(kStart, 1, Bytes(8)).dropped == 0);
    CHECK(queue.hold(kStart, 2, Bytes(8)).dropped == 1);
    CHECK(queue.release(2).empty());
    CHECK(queue.release(1).size() == 1);
    CHECK(queue.hold(kStart, 2, Bytes(8)).dropped == 0);
  }
  TEST_CASE("packets do not wait for ever and the question is asked again") {
    AcquireQueue queue;
    (void)queue.hold(kStart, 1, Bytes{1});
    CHECK(queue.hold(kStart + seconds(3), 1, Bytes{2}).ask);
    CHECK(queue.expire(kStart + seconds(31)) == 1);
    CHECK(queue.release(1).front().octets == Bytes{2});
  }
}
