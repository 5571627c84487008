// Rekeying and its collisions, messages handed over by hand. RFC 7296 1.3, 2.8, 2.25.
#include <doctest/doctest.h>

#include "support/ike_pair.h"

using namespace sallyport;
using namespace sallyport::test;

TEST_SUITE_BEGIN("exchange/rekey");

namespace {

const ike::RekeyChild kRekeyChild{"net", "lan0", std::nullopt};
const ike::RekeyIke kRekeyIke{"net"};

void stands(IkePair& pair, size_t children = 1) {
  CHECK(pair.agreement() == "");
  CHECK(pair.a.live_children() == children);
  CHECK(pair.b.live_children() == children);
  CHECK(pair.traffic() == "");
}

uint64_t row(const IkePeer& peer, std::string_view story) {
  const auto& rows = peer.endpoint.rows_taken();
  const auto found = rows.find(story);
  return found == rows.end() ? 0 : found->second;
}

uint64_t row(const IkePair& pair, std::string_view story) { return row(pair.a, story) + row(pair.b, story); }

}  // namespace

TEST_CASE("[RFC7296 1.2] two endpoints agree on one Child SA") {
  IkePair pair;
  pair.up();
  stands(pair);
}

TEST_CASE("[RFC7296 2.8] a Child SA is rekeyed and at no moment is there no SA for a packet") {
  for (const char* child : {"aes128gcm16", "aes128gcm16-x25519", "aes128gcm16-modp2048"}) {
    CAPTURE(child);
    PairPolicy policy;
    policy.child = child;
    IkePair pair(policy);
    pair.up();
    const model::Spi before = pair.a.outbound("lan0")->spec.spi_out;
    pair.a.command(pair.now, kRekeyChild);
    for (int i = 0; i < 8; ++i) {
      CHECK(pair.traffic() == "");
      if (!pair.a_to_b() && !pair.b_to_a()) break;
    }
    pair.run();
    stands(pair);
    CHECK(pair.a.outbound("lan0")->spec.spi_out != before);
    CHECK(row(pair.a, "we rekeyed a Child SA") == 1);
    CHECK(row(pair.b, "the peer rekeyed a Child SA") == 1);
  }
}

TEST_CASE("[RFC7296 2.8] the responder of a rekey switches over when a packet comes, or when the old SA is deleted") {
  IkePair pair;
  pair.up();
  const auto old = pair.b.outbound("lan0")->spec.child_id;
  pair.a.command(pair.now, kRekeyChild);
  pair.a_to_b();
  CHECK(pair.b.outbound("lan0")->spec.child_id == old);
  SUBCASE("packet") {
    pair.b_to_a();
    CHECK(pair.traffic() == "");
    CHECK(pair.b.outbound("lan0")->spec.child_id != old);
  }
  SUBCASE("delete") {
    pair.run();
    CHECK(pair.b.outbound("lan0")->spec.child_id != old);
  }
  CHECK(pair.b.switched == 1);
  pair.run();
  CHECK(pair.b.switched == 1);
  stands(pair);
}

TEST_CASE("[RFC7296 2.8.1] both rekey the same Child SA: the lowest nonce loses, one SA is left") {
  unsigned a_won = 0, b_won = 0;
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    CAPTURE(seed);
    PairPolicy policy;
    policy.child = seed % 2 ? "aes128gcm16-x25519" : "aes128gcm16";
    IkePair pair(policy, seed);
    pair.up();
    pair.a.command(pair.now, kRekeyChild);
    pair.b.command(pair.now, kRekeyChild);
    SeededRng order(seed);
    for (int i = 0; i < 40; ++i) {
      CHECK(pair.traffic("lan0", false) == "");
      if (!(order.chance(500) ? pair.a_to_b() : pair.b_to_a())) pair.b_to_a();
    }
    pair.run();
    stands(pair);
    CHECK(row(pair.a, "collision: both rekey the Child SA") == 1);
    a_won += row(pair.a, "we rekeyed a Child SA") ? 1 : 0;
    b_won += row(pair.b, "we rekeyed a Child SA") ? 1 : 0;
  }
  CHECK(a_won > 0);
  CHECK(b_won > 0);
}

TEST_CASE("[RFC7296 2.8.1] one request is late: the other end is already closing, then it no longer knows the SA") {
  IkePair pair;
  pair.up();
  pair.a.command(pair.now, kRekeyChild);
  pair.b.command(pair.now, kRekeyChild);
  pair.b_to_a();  // b's request; a's is under way
  REQUIRE(pair.a.out.size() == 2);
  pair.a_to_b(1);  // a's answer overtakes its request: b has rekeyed, and deletes
  SUBCASE("[RFC7296 2.25.1] closing: TEMPORARY_FAILURE") {
    pair.a_to_b(0);
    CHECK(row(pair.b, "TEMPORARY_FAILURE to a rekey of what we close") == 1);
  }
  SUBCASE("[RFC7296 2.25.1] gone: CHILD_SA_NOT_FOUND") {
    pair.b_to_a(0);  // the Delete
    pair.a_to_b(1);  // its answer
    pair.a_to_b(0);
    CHECK(row(pair.b, "CHILD_SA_NOT_FOUND to a rekey") == 1);
  }
  pair.settle(minutes(1));
  stands(pair);
}

TEST_CASE("[RFC7296 2.25.1] both delete the same Child SA") {
  IkePair pair;
  pair.up();
  pair.a.command(pair.now, ike::Terminate{"net", "lan0", std::nullopt});
  pair.b.command(pair.now, ike::Terminate{"net", "lan0", std::nullopt});
  pair.run();
  CHECK(pair.agreement() == "");
  CHECK(pair.a.live_children() == 0);
  CHECK(row(pair, "collision: both delete the Child SA") == 2);
}

TEST_CASE("[RFC7296 1.3.2] the IKE SA is rekeyed and its Child SAs move over untouched") {
  for (const char* ike : {"aes128gcm16-prfsha256-x25519", "aes128-sha256-modp2048"}) {
    CAPTURE(ike);
    PairPolicy policy;
    policy.ike = ike;
    IkePair pair(policy);
    pair.up();
    const auto child = pair.a.outbound("lan0")->spec.child_id;
    pair.a.command(pair.now, kRekeyIke);
    pair.run();
    stands(pair);
    CHECK(pair.a.outbound("lan0")->spec.child_id == child);
    CHECK(pair.a.ike_rekeyed == 1);
    CHECK(pair.b.ike_rekeyed == 1);
    CHECK(pair.a.ike_sas("ESTABLISHED") == 1);
    CHECK(pair.b.ike_sas("ESTABLISHED") == 1);
    // The new one carries on.
    pair.b.command(pair.now, kRekeyChild);
    pair.run();
    stands(pair);
    CHECK(pair.a.ike_down + pair.b.ike_down == 0);
  }
}

TEST_CASE("[RFC7296 2.8.2] both rekey the IKE SA: one is left, with the Child SAs") {
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    CAPTURE(seed);
    IkePair pair({}, seed);
    pair.up();
    pair.a.command(pair.now, kRekeyIke);
    pair.b.command(pair.now, kRekeyIke);
    SeededRng order(seed);
    for (int i = 0; i < 40; ++i) {
      if (!(order.chance(500) ? pair.a_to_b() : pair.b_to_a())) pair.b_to_a();
    }
    pair.settle(minutes(5));
    stands(pair);
    CHECK(pair.a.ike_sas("ESTABLISHED") == 1);
    CHECK(pair.b.ike_sas("ESTABLISHED") == 1);
    CHECK(pair.a.ike_down + pair.b.ike_down == 0);
    pair.a.command(pair.now, kRekeyChild);
    pair.run();
    stands(pair);
  }
}

TEST_CASE("[RFC7296 2.8.2] the peer did not notice the collision and deletes the old IKE SA") {
  IkePair pair;
  pair.up();
  pair.a.command(pair.now, kRekeyIke);
  pair.b.command(pair.now, kRekeyIke);
  pair.b_to_a();
  pair.a_to_b(1);  // the answer overtakes a's own request
  pair.b_to_a();   // b's Delete of the old one
  CHECK(row(pair.a, "collision: the peer deletes the IKE SA that we rekey") == 1);
  pair.settle(minutes(5));
  stands(pair);
  CHECK(pair.a.ike_sas("ESTABLISHED") == 1);
  CHECK(pair.b.ike_sas("ESTABLISHED") == 1);
}

TEST_CASE(
    "[RFC7296 2.8.2] nothing is begun on the peer's new IKE SA until the collision is decided; no Child SA is lost") {
  IkePair pair;
  pair.up();
  pair.a.command(pair.now, kRekeyIke);
  pair.b.command(pair.now, kRekeyIke);
  const auto late = pair.b.out.front();  // b's own request is under way for long
  pair.b.out.clear();
  pair.a_to_b();
  pair.b_to_a();  // a holds its rekey for done, and deletes the old IKE SA
  pair.b.command(pair.now, kRekeyIke);
  pair.b.command(pair.now, kRekeyChild);
  for (const auto& datagram : pair.b.out) CHECK(datagram.payload.size() < 100);  // nothing that makes keys
  pair.run();
  pair.b.out.push_back(late);
  pair.settle(minutes(5));
  stands(pair);
  CHECK(pair.a.ike_sas("ESTABLISHED") == 1);
  CHECK(pair.b.ike_sas("ESTABLISHED") == 1);
}

TEST_CASE("[RFC7296 2.8.2] the peer falls silent in the middle of a collision: its new IKE SA does not stay for ever") {
  PairPolicy policy;
  policy.dpd_delay = seconds(30);
  IkePair pair(policy);
  pair.up();
  pair.a.command(pair.now, kRekeyIke);
  pair.b.command(pair.now, kRekeyIke);
  pair.a_to_b();
  REQUIRE(pair.b.ike_sas() == 2);
  for (int i = 0; i < 200 && pair.b.ike_sas() > 0; ++i) {  // everything is lost from here on
    pair.a.out.clear();
    pair.b.out.clear();
    if (!pair.advance(minutes(5))) break;
  }
  CHECK(pair.b.ike_sas() == 0);
  CHECK(pair.b.live_children() == 0);
}

TEST_CASE("[RFC7296 2.8.1] a rekey of ours does not begin while the peer's of the same SA is being computed") {
  for (const bool ike : {false, true}) {
    CAPTURE(ike);
    PairPolicy policy;
    policy.child = "aes128gcm16-modp2048";
    policy.ike = "aes128-sha256-modp2048";
    IkePair pair(policy);
    pair.up();
    const ike::Command rekey = ike ? ike::Command(kRekeyIke) : ike::Command(kRekeyChild);
    pair.b.command(pair.now, rekey);
    pair.a.hold_requests = true;
    pair.b_to_a();
    REQUIRE(pair.a.held.size() == 1);
    pair.a.command(pair.now, rekey);
    CHECK(pair.a.held.size() == 1);
    pair.a.hold_requests = false;
    pair.a.answer_one(pair.now);
    pair.settle(minutes(5));
    stands(pair);
    CHECK(pair.a.ike_sas("ESTABLISHED") == 1);
  }
}

TEST_CASE("[RFC7296 2.25.1] a Delete of ours waits while the peer's rekey of the IKE SA is being computed") {
  PairPolicy policy;
  policy.ike = "aes128-sha256-modp2048";
  IkePair pair(policy);
  pair.up();
  pair.b.command(pair.now, kRekeyIke);
  pair.a.hold_requests = true;
  pair.b_to_a();
  REQUIRE(pair.a.held.size() == 1);
  pair.a.command(pair.now, ike::Terminate{"net", "lan0", std::nullopt});
  CHECK(pair.a.out.empty());
  pair.a.hold_requests = false;
  pair.a.answer_one(pair.now);
  pair.settle(minutes(5));
  CHECK(pair.agreement() == "");
  CHECK(pair.a.endpoint.status().at(0).children.empty());
}

TEST_CASE("[RFC7296 2.25.2] a Child SA is rekeyed by one end, the IKE SA by the other: both come through in the end") {
  IkePair pair;
  pair.up();
  pair.a.command(pair.now, kRekeyChild);
  pair.b.command(pair.now, kRekeyIke);
  pair.settle(minutes(5));
  stands(pair);
  CHECK(row(pair, "TEMPORARY_FAILURE: tried again later") >= 1);
  CHECK(pair.a.ike_rekeyed == 1);
  CHECK(row(pair.a, "we rekeyed a Child SA") == 1);
}

TEST_SUITE_END();
