#include "stack/settled_peers.h"

#include <doctest/doctest.h>

using namespace sallyport;
using namespace sallyport::stack;

namespace {

constexpr TimePoint kStart{seconds(1000)};
constexpr Duration kTimeout = seconds(10);

SettledTraffic traffic(const char* remote) {
  return {{*model::parse_selector("192.0.2.1/32")}, {*model::parse_selector(remote)}};
}

}  // namespace

TEST_SUITE("stack/settled_peers") {
  TEST_CASE("[scenario 3] an SA settles when its time is over, and its traffic is free again when it goes") {
    SettledPeers peers;
    CHECK_FALSE(peers.next_deadline());
    peers.add(kStart, 1, traffic("192.0.2.2/32"), kTimeout, std::nullopt);
    CHECK(peers.next_deadline() == kStart + kTimeout);
    CHECK_FALSE(peers.handle_deadline(kStart + seconds(9)));
    CHECK(peers.traffic().empty());
    CHECK(peers.handle_deadline(kStart + kTimeout));
    CHECK(peers.traffic() == std::vector{traffic("192.0.2.2/32")});
    CHECK_FALSE(peers.next_deadline());
    peers.remove(kStart + seconds(30), 1);
    CHECK(peers.handle_deadline(kStart + seconds(30)));
    CHECK(peers.traffic().empty());
  }

  TEST_CASE("what replaces an SA settles with it, and says the same traffic once") {
    SettledPeers peers;
    peers.add(kStart, 1, traffic("192.0.2.2/32"), kTimeout, std::nullopt);
    CHECK(peers.handle_deadline(kStart + kTimeout));
    peers.add(kStart + seconds(60), 2, traffic("192.0.2.2/32"), kTimeout, 1);
    REQUIRE(peers.next_deadline());
    CHECK(*peers.next_deadline() <= kStart + seconds(60));
    (void)peers.handle_deadline(kStart + seconds(60));
    CHECK(peers.traffic().size() == 1);
    peers.remove(kStart + seconds(61), 1);
    (void)peers.handle_deadline(kStart + seconds(61));
    CHECK(peers.traffic().size() == 1);
  }

  TEST_CASE("many SAs that come and go change the rules once a second at most, and are so many at most") {
    SettledPeers peers;
    for (model::ChildId child = 1; child <= SettledPeers::kMost + 5; ++child)
      peers.add(kStart + milliseconds(child), child,
                traffic(("198.51.100.0-198.51.100." + std::to_string(child % 200)).c_str()), kTimeout, std::nullopt);
    unsigned changes = 0;
    while (const auto at = peers.next_deadline()) {
      CHECK(*at <= kStart + kTimeout + seconds(3));
      changes += peers.handle_deadline(*at) ? 1 : 0;
    }
    CHECK(changes <= 3);
    CHECK(peers.traffic().size() == 200);
    peers.remove(kStart + seconds(60), SettledPeers::kMost + 1);  // one that found no room
    CHECK_FALSE(peers.next_deadline());
  }
}
