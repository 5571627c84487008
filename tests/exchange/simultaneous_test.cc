// What the simulations found: both ends initiate at once, messages that overtake the end of IKE_AUTH, and what a
// refused Child SA leaves behind.
#include <doctest/doctest.h>

#include "support/ike_pair.h"

using namespace sallyport;
using namespace sallyport::test;

TEST_SUITE("exchange/simultaneous") {
  TEST_CASE("both ends initiate at the same time: one IKE SA and one Child SA are left") {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      IkePair pair({}, seed);
      pair.a.command(pair.now, ike::Initiate{"net", {}});
      pair.b.command(pair.now, ike::Initiate{"net", {}});
      pair.run();
      pair.settle(minutes(3));
      CAPTURE(seed);
      CHECK(pair.a.ike_sas() == 1);
      CHECK(pair.b.ike_sas() == 1);
      CHECK(pair.agreement() == "");
      CHECK(pair.a.live_children() == 1);
      CHECK(pair.traffic() == "");
    }
  }
  TEST_CASE("[RFC7296 2.4] INITIAL_CONTACT does not end what the peer had just accepted") {
    IkePair pair;
    pair.a.command(pair.now, ike::Initiate{"net", {}});
    pair.b.command(pair.now, ike::Initiate{"net", {}});
    REQUIRE(pair.a_to_b());  // IKE_SA_INIT of both, and the answers
    REQUIRE(pair.b_to_a());
    pair.run();
    CHECK(pair.a.broken == "");
    pair.settle(minutes(3));
    CHECK(pair.a.ike_sas() == 1);
    CHECK(pair.agreement() == "");
  }
  TEST_CASE("[RFC7296 2.2] a request that overtakes the answer to IKE_AUTH is not answered, and does not end it") {
    IkePair pair;
    pair.a.command(pair.now, ike::Initiate{"net", {}});
    REQUIRE(pair.a_to_b());
    REQUIRE(pair.b_to_a());
    REQUIRE(pair.a_to_b());  // IKE_AUTH: b holds the IKE SA for established
    REQUIRE(pair.b.ike_sas("ESTABLISHED") == 1);
    pair.b.command(pair.now, ike::RekeyChild{"net", "lan0", std::nullopt});
    REQUIRE(pair.b.out.size() == 2);
    REQUIRE(pair.b_to_a(1));  // the rekey first
    CHECK(pair.a.out.empty());
    CHECK(pair.a.ike_sas("AUTH_SENT") == 1);
    REQUIRE(pair.b_to_a());
    CHECK(pair.a.ike_sas("ESTABLISHED") == 1);
    pair.settle(minutes(1));  // b asks again
    CHECK(pair.agreement() == "");
    CHECK(pair.a.live_children() == 1);
    CHECK(pair.traffic() == "");
  }
  TEST_CASE("a Child SA that comes to nothing keeps no SPI") {
    PairPolicy policy;
    policy.children = 2;
    IkePair pair(policy);
    pair.up();
    const size_t stand = pair.a.live_children();
    REQUIRE(pair.a.endpoint.tables().child_spis == stand);
    for (int i = 0; i < 3; ++i) {
      // Lost on the way for good: the rekey fails with its IKE SA.
      pair.a.command(pair.now, ike::RekeyChild{"net", "lan0", std::nullopt});
      pair.a.out.clear();
    }
    pair.settle(minutes(10));
    CHECK(pair.a.endpoint.tables().child_spis == pair.a.live_children());
    CHECK(pair.b.endpoint.tables().child_spis == pair.b.live_children());
    CHECK(pair.a.endpoint.tables().key_requests == 0);
  }
}
