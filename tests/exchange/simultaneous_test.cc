// What the simulations found: both ends initiate at once, messages that overtake the end of IKE_AUTH, and what a
// refused Child SA leaves behind; whom a Child SA serves that both or one have asked for.
#include <doctest/doctest.h>

#include <algorithm>

#include "support/ike_pair.h"

using namespace sallyport;
using namespace sallyport::test;

namespace {

uint64_t row(const IkePeer& peer, std::string_view story) {
  const auto& rows = peer.endpoint.rows_taken();
  const auto found = rows.find(story);
  return found == rows.end() ? 0 : found->second;
}

// An IKE SA without Child SAs, and both ends ask for lan0.
void ask_at_once(IkePair& pair) {
  pair.up();
  pair.a.command(pair.now, ike::Terminate{"net", "lan0", std::nullopt});
  pair.run();
  REQUIRE(pair.a.live_children() == 0);
  pair.a.command(pair.now, ike::Initiate{"net", "lan0"});
  pair.b.command(pair.now, ike::Initiate{"net", "lan0"});
}

// How many stand that the end itself has asked for.
size_t own_children(const IkePeer& peer) {
  return static_cast<size_t>(std::count_if(peer.sad.begin(), peer.sad.end(), [](const auto& each) {
    return !each.second.removed && !each.second.spec.asked_by_peer;
  }));
}

void one_is_left(IkePair& pair) {
  CHECK(pair.agreement() == "");
  CHECK(pair.a.live_children() == 1);
  CHECK(pair.b.live_children() == 1);
  CHECK(pair.traffic() == "");
}

}  // namespace

TEST_SUITE("exchange/simultaneous") {
  TEST_CASE("[RFC7296 1.3.1] both create the same Child SA at once: the lowest nonce loses, one is left") {
    unsigned a_kept = 0, b_kept = 0;
    for (uint64_t seed = 1; seed <= 16; ++seed) {
      CAPTURE(seed);
      PairPolicy policy;
      policy.child = seed % 2 ? "aes128gcm16-x25519" : "aes128gcm16";
      IkePair pair(policy, seed);
      ask_at_once(pair);
      SeededRng order(seed);
      for (int i = 0; i < 40; ++i) {
        if (!(order.chance(500) ? pair.a_to_b() : pair.b_to_a())) pair.b_to_a();
      }
      pair.run();  // nobody has to wait for it
      one_is_left(pair);
      CHECK(row(pair.a, "collision: both create the Child SA") == 1);
      a_kept += row(pair.a, "we created a Child SA") ? 1 : 0;
      b_kept += row(pair.b, "we created a Child SA") ? 1 : 0;
    }
    CHECK(a_kept > 0);
    CHECK(b_kept > 0);
  }
  TEST_CASE(
      "[RFC7296 1.3.1] only one end saw that both created it: it deletes the one too many, its own or the peer's") {
    unsigned own = 0, peers = 0;
    for (uint64_t seed = 1; seed <= 12; ++seed) {
      CAPTURE(seed);
      IkePair pair({}, seed);
      ask_at_once(pair);
      pair.b_to_a();   // b's request; a's is late
      pair.a_to_b(1);  // and its answer: for b all is over
      pair.settle(minutes(2));
      one_is_left(pair);
      CHECK(row(pair.a, "collision: both create the Child SA") == 1);
      CHECK(row(pair.b, "collision: both create the Child SA") == 0);
      own += row(pair.a, "collision: of two new Child SAs ours goes") ? 1 : 0;
      peers += row(pair.a, "collision: of two new Child SAs the peer's goes") ? 1 : 0;
    }
    CHECK(own > 0);
    CHECK(peers > 0);
  }
  TEST_CASE("a Child SA that the peer has made while ours waited is not made again") {
    IkePair pair;
    pair.up();
    pair.a.command(pair.now, ike::Terminate{"net", "lan0", std::nullopt});
    pair.run();
    pair.a.command(pair.now, ike::RekeyIke{"net"});          // keeps a busy
    pair.a.command(pair.now, ike::Initiate{"net", "lan0"});  // so that this one waits
    pair.a.out.clear();
    pair.b.command(pair.now, ike::Initiate{"net", "lan0"});
    pair.settle(minutes(3));
    one_is_left(pair);
    CHECK(pair.a.ike_sas("ESTABLISHED") == 1);
  }
  TEST_CASE(
      "[RFC7296 1.3.1] a Child SA that serves its asker is no reason not to make our own; a rekey keeps whose it is") {
    PairPolicy policy;
    policy.serves_asker = true;
    IkePair pair(policy);
    pair.up();
    CHECK(own_children(pair.a) == 1);
    CHECK(own_children(pair.b) == 0);
    for (int i = 0; i < 2; ++i) {
      pair.b.command(pair.now, ike::Initiate{"net", "lan0"});
      pair.run();
    }
    CHECK(pair.b.live_children() == 2);
    CHECK(own_children(pair.b) == 1);
    for (IkePeer* end : {&pair.a, &pair.b}) {
      end->command(pair.now, ike::RekeyChild{"net", "lan0", std::nullopt});
      pair.settle(minutes(2));
      CHECK(pair.agreement() == "");
      CHECK(pair.a.live_children() == 2);
      CHECK(own_children(pair.a) == 1);
      CHECK(own_children(pair.b) == 1);
    }
  }
  TEST_CASE("[RFC7296 1.3.1] both ask at once for one that serves its asker: what is left serves both") {
    for (uint64_t seed = 1; seed <= 16; ++seed) {
      CAPTURE(seed);
      PairPolicy policy;
      policy.serves_asker = true;
      IkePair pair(policy, seed);
      ask_at_once(pair);
      pair.run();
      one_is_left(pair);
      CHECK(own_children(pair.a) == 1);
      CHECK(own_children(pair.b) == 1);
    }
  }
  TEST_CASE("both ends initiate at the same time what serves its asker: neither is left without") {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      CAPTURE(seed);
      PairPolicy policy;
      policy.serves_asker = true;
      IkePair pair(policy, seed);
      pair.a.command(pair.now, ike::Initiate{"net", {}});
      pair.b.command(pair.now, ike::Initiate{"net", {}});
      pair.run();
      pair.settle(minutes(3));
      CHECK(pair.a.ike_sas() == 1);
      CHECK(pair.agreement() == "");
      CHECK(own_children(pair.a) == 1);
      CHECK(own_children(pair.b) == 1);
    }
  }
  TEST_CASE("two Child SAs of other names are no collision") {
    PairPolicy policy;
    policy.children = 2;
    IkePair pair(policy);
    pair.up();
    for (const char* name : {"lan0", "lan1"}) pair.a.command(pair.now, ike::Terminate{"net", name, std::nullopt});
    pair.run();
    REQUIRE(pair.a.live_children() == 0);
    pair.a.command(pair.now, ike::Initiate{"net", "lan0"});
    pair.b.command(pair.now, ike::Initiate{"net", "lan1"});
    pair.settle(minutes(2));
    CHECK(pair.a.live_children() == 2);
    CHECK(row(pair.a, "collision: both create the Child SA") == 0);
  }
  TEST_CASE("both ends initiate at the same time: what is asked for on the one that goes is made on the other") {
    uint64_t moved = 0;
    for (uint64_t seed = 1; seed <= 40; ++seed) {
      CAPTURE(seed);
      PairPolicy policy;
      policy.children = 2;
      IkePair pair(policy, seed);
      pair.a.command(pair.now, ike::Initiate{"net", "lan0"});
      pair.b.command(pair.now, ike::Initiate{"net", "lan0"});
      SeededRng order(seed);
      for (int i = 0; i < 60; ++i) {
        if (!(order.chance(500) ? pair.a_to_b() : pair.b_to_a())) pair.b_to_a();
        if (pair.a.ike_sas("ESTABLISHED") == 2) pair.a.command(pair.now, ike::Initiate{"net", "lan1"});
      }
      pair.a.command(pair.now, ike::Initiate{"net", "lan1"});
      pair.settle(minutes(3));
      CHECK(pair.a.ike_sas() == 1);
      CHECK(pair.a.live_children() == 2);
      CHECK(pair.b.live_children() == 2);
      CHECK(pair.a.complaints.empty());
      moved += row(pair.a, "deleted by the peer: the other IKE SA makes the Child SA");
    }
    CHECK(moved > 0);
  }
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
