// A peer behind a NAT whose mapping changes. RFC 7296 2.23; robustness T16.
#include <doctest/doctest.h>

#include "support/two_endpoints.h"

TEST_SUITE_BEGIN("exchange/peer_moved");

namespace sallyport::test {

namespace {

const IpAddr kOld = *IpAddr::parse("198.51.100.7"), kNew = *IpAddr::parse("198.51.100.8");

// a is behind a NAT, b is not.
struct BehindNat : TwoEndpoints {
  BehindNat() {
    policy_b.connections[0].remote_addrs.clear();
    nat_for_b = kOld;
    initiate();
    run();
  }
  model::IkeId id_at_b() { return b.endpoint.status().at(0).ike_id; }
  ike::PeerSeenAt seen_at(const IpAddr& where, uint16_t port) {
    return {id_at_b(), b.endpoint.status().at(0).local, {where, port}};
  }
  // b's next deadline.
  void wake_b() {
    now = *b.endpoint.next_deadline();
    b.endpoint.handle_deadline(now);
    b.drain(now);
  }
};

}  // namespace

TEST_CASE(
    "[RFC7296 2.23] a peer behind a NAT that only its ESP shows to have moved gets the request under way at its new "
    "address, and what follows") {
  BehindNat t;
  REQUIRE(t.b.endpoint.status().at(0).nat_remote);
  t.command(t.b, ike::RekeyIke{"tunnel"});
  REQUIRE(t.b.sent.size() == 1);
  CHECK(t.b.sent.front().remote.addr == kOld);
  t.b.sent.clear();  // the old mapping is gone

  t.nat_for_b = kNew;
  t.command(t.b, t.seen_at(kNew, 40000));
  REQUIRE(t.b.event<ike::RemoteMoved>());
  CHECK(t.b.event<ike::RemoteMoved>()->remote == IpEndpoint{kNew, 40000});
  CHECK(t.b.endpoint.status().at(0).remote == IpEndpoint{kNew, 40000});
  t.wake_b();
  REQUIRE(t.b.sent.size() == 1);
  CHECK(t.b.sent.front().remote == IpEndpoint{kNew, 40000});
  CHECK(t.b.sent.front().natt);
  t.run();
  CHECK(t.b.row("we rekeyed the IKE SA") == 1);
  CHECK(t.b.endpoint.status().size() == 1);
}

TEST_CASE("[RFC7296 2.23] a move that ESP shows after a rekey also reaches the Delete of the old IKE SA") {
  BehindNat t;
  t.command(t.b, ike::RekeyIke{"tunnel"});
  t.deliver(t.b);
  t.deliver(t.a);
  REQUIRE(t.b.sent.size() == 1);  // the Delete
  t.b.sent.clear();
  model::IkeId fresh = 0;
  for (const auto& sa : t.b.endpoint.status()) {
    if (sa.state == "ESTABLISHED") fresh = sa.ike_id;
  }
  t.command(t.b, ike::PeerSeenAt{fresh, {*IpAddr::parse("192.0.2.2"), 4500}, {kNew, 4500}});
  t.wake_b();
  REQUIRE(t.b.sent.size() == 1);
  CHECK(t.b.sent.front().remote == IpEndpoint{kNew, 4500});
  t.run();
  CHECK(t.b.endpoint.status().size() == 1);
}

TEST_CASE("[RFC7296 2.23] T16 whoever is behind a NAT himself, or sees none, follows nobody") {
  BehindNat t;
  const auto at_a = t.a.endpoint.status().at(0);
  REQUIRE(at_a.nat_local);
  t.command(t.a, ike::PeerSeenAt{at_a.ike_id, at_a.local, {kNew, 4500}});
  CHECK(t.a.event<ike::RemoteMoved>() == nullptr);
  CHECK(t.a.endpoint.status().at(0).remote == at_a.remote);

  TwoEndpoints plain;
  plain.initiate();
  plain.run();
  const auto at_b = plain.b.endpoint.status().at(0);
  plain.command(plain.b, ike::PeerSeenAt{at_b.ike_id, at_b.local, {kNew, 4500}});
  CHECK(plain.b.event<ike::RemoteMoved>() == nullptr);
  CHECK(plain.b.endpoint.status().at(0).remote == at_b.remote);
  plain.command(plain.b, ike::PeerSeenAt{4711, at_b.local, {kNew, 4500}});  // no such IKE SA
  CHECK(plain.b.event<ike::RemoteMoved>() == nullptr);
}

}  // namespace sallyport::test

TEST_SUITE_END();
