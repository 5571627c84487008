// IKE_SA_INIT and IKE_AUTH between two endpoints. RFC 7296 1.2, 2.1, 2.6, 2.15.
#include <doctest/doctest.h>

#include "support/two_endpoints.h"

TEST_SUITE_BEGIN("exchange/handshake");

namespace sallyport::test {

TEST_CASE("[RFC7296 1.2] two exchanges make an IKE SA and its first Child SA") {
  TwoEndpoints t;
  t.initiate();
  CHECK(t.a.sent.size() == 1);
  t.run();
  REQUIRE(t.a.event<ike::IkeSaUp>());
  REQUIRE(t.b.event<ike::IkeSaUp>());
  CHECK(t.a.event<ike::IkeSaUp>()->remote_identity == "b.test");
  CHECK(t.b.event<ike::IkeSaUp>()->remote_identity == "a.test");
  REQUIRE(t.a.event<ike::ChildSaReady>());
  REQUIRE(t.b.event<ike::ChildSaReady>());
  const auto& at_a = t.a.event<ike::ChildSaReady>()->sa;
  const auto& at_b = t.b.event<ike::ChildSaReady>()->sa;
  CHECK(at_a.spi_in == at_b.spi_out);
  CHECK(at_a.spi_out == at_b.spi_in);
  CHECK(equal(at_a.in.encr.view(), at_b.out.encr.view()));
  CHECK(equal(at_a.out.encr.view(), at_b.in.encr.view()));
  CHECK(!at_a.udp_encap);
  CHECK(t.b.endpoint.half_open() == 0);
}

TEST_CASE("[RFC7296 2.15] another pre-shared key fails authentication on both sides") {
  TwoEndpoints t;
  t.b.agent.secrets["psk"] = to_bytes(as_bytes("quite another one"));
  t.initiate();
  t.run();
  REQUIRE(t.a.event<ike::AttemptFailed>());
  REQUIRE(t.b.event<ike::AttemptFailed>());
  CHECK(t.a.event<ike::AttemptFailed>()->code == Errc::authentication_failed);
  CHECK(t.b.event<ike::AttemptFailed>()->code == Errc::authentication_failed);
  CHECK(!t.a.event<ike::IkeSaUp>());
  CHECK(!t.b.event<ike::IkeSaUp>());
}

TEST_CASE("[RFC7296 2.7] no proposal in common ends with both sides' proposals") {
  TwoEndpoints t;
  t.policy_b.connections[0].ike_proposals = {*model::parse_proposal(model::Protocol::IKE, "aes128-sha256-ecp256")};
  t.initiate();
  t.run();
  REQUIRE(t.b.event<ike::AttemptFailed>());
  // [RFC7296 2.21.1] What is not authentic is believed when nothing better comes for a while.
  CHECK(!t.a.event<ike::AttemptFailed>());
  t.pass(seconds(3));
  REQUIRE(t.a.event<ike::AttemptFailed>());
  CHECK(t.a.event<ike::AttemptFailed>()->code == Errc::no_proposal_chosen);
  CHECK(!t.b.event<ike::AttemptFailed>()->ours.empty());
  CHECK(!t.b.event<ike::AttemptFailed>()->peers.empty());
}

TEST_CASE("[RFC7296 1.2] INVALID_KE_PAYLOAD leads to the other group") {
  TwoEndpoints t;
  t.policy_a.connections[0].ike_proposals = {
      *model::parse_proposal(model::Protocol::IKE, "aes256gcm16-prfsha256-x25519-ecp256")};
  t.policy_b.connections[0].ike_proposals = {
      *model::parse_proposal(model::Protocol::IKE, "aes256gcm16-prfsha256-ecp256")};
  t.initiate();
  t.run();
  CHECK(t.a.event<ike::IkeSaUp>());
  CHECK(t.a.endpoint.rows_taken().count("IKE_SA_INIT again with another group") == 1);
}

TEST_CASE("[RFC7296 2.6] a busy responder asks for its cookie and then agrees") {
  ike::Config config;
  config.limits.half_open_cookie = 0;
  TwoEndpoints t(config);
  t.initiate();
  t.run();
  CHECK(t.b.endpoint.counters().cookies_demanded == 1);
  CHECK(t.a.event<ike::IkeSaUp>());
}

TEST_CASE("[RFC7296 2.1] a repeated request gets the identical cached reply") {
  TwoEndpoints t;
  t.initiate();
  const ike::Datagram first = t.a.sent.front();
  t.deliver(t.a);
  REQUIRE(t.b.sent.size() == 1);
  const Bytes reply = t.b.sent.front().payload;
  t.arrive(t.b, first);
  REQUIRE(t.b.sent.size() == 2);
  CHECK(t.b.sent.back().payload == reply);
  CHECK(t.b.endpoint.half_open() == 1);
}

TEST_CASE("[RFC7296 2.4] requests are retransmitted, then given up with a sentence") {
  TwoEndpoints t;
  t.initiate();
  while (auto due = t.a.endpoint.next_deadline()) {
    t.now = *due;
    t.a.endpoint.handle_deadline(t.now);
    t.a.drain(t.now);
  }
  CHECK(t.a.sent.size() == 6);
  REQUIRE(t.a.event<ike::AttemptFailed>());
  CHECK(t.a.event<ike::AttemptFailed>()->code == Errc::timeout);
  CHECK(t.a.endpoint.status().empty());
}

TEST_CASE("[RFC7296 2.23] forced encapsulation moves both sides to the port with the marker") {
  TwoEndpoints t;
  t.policy_a.connections[0].force_encap = true;
  t.initiate();
  t.run();
  REQUIRE(t.b.event<ike::ChildSaReady>());
  CHECK(t.a.event<ike::ChildSaReady>()->sa.udp_encap);
  CHECK(t.b.event<ike::ChildSaReady>()->sa.udp_encap);
  CHECK(t.b.event<ike::ChildSaReady>()->sa.remote.port == 4500);
}

TEST_CASE("[RFC7296 1.4.1] deleting the IKE SA ends it on both sides") {
  TwoEndpoints t;
  t.initiate();
  t.run();
  t.a.endpoint.handle_command(t.now, ike::Terminate{"tunnel", {}, {}});
  t.a.drain(t.now);
  t.run();
  CHECK(t.a.event<ike::IkeSaDown>());
  CHECK(t.b.event<ike::IkeSaDown>());
  CHECK(t.b.event<ike::ChildSaRemoved>());
  CHECK(t.a.endpoint.status().empty());
}

TEST_CASE("S6 every bit flip and truncation of a first message leaves the responder standing") {
  TwoEndpoints t;
  t.initiate();
  const ike::Datagram good = t.a.sent.front();
  for (size_t i = 0; i < good.payload.size(); ++i) {
    ike::Datagram flipped = good;
    flipped.payload[i] = static_cast<uint8_t>(flipped.payload[i] ^ (1u << (i % 8)));
    t.arrive(t.b, flipped);
    ike::Datagram cut = good;
    cut.payload.resize(i);
    t.arrive(t.b, cut);
  }
  CHECK(t.b.endpoint.half_open() <= 30);
}

}  // namespace sallyport::test

TEST_SUITE_END();
