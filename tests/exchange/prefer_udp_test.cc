// ESP in UDP where there is no NAT: Config::prefer_udp. RFC 7296 2.23.
#include <doctest/doctest.h>

#include <algorithm>

#include "ike/v2/private_notifies.h"
#include "support/two_endpoints.h"

TEST_SUITE_BEGIN("exchange/prefer-udp");

namespace sallyport::test {
namespace {

ike::Config preferring(bool udp) {
  ike::Config out;
  out.prefer_udp = udp;
  return out;
}

const model::SaSpec& newest(const OneEnd& end) {
  const model::SaSpec* out = nullptr;
  for (const auto& event : end.events) {
    if (const auto* ready = std::get_if<ike::ChildSaReady>(&event)) out = &ready->sa;
  }
  REQUIRE(out);
  return *out;
}

}  // namespace

TEST_CASE("[RFC7296 2.23] without a NAT each end chooses for itself whether its ESP travels in UDP") {
  for (const bool a_prefers : {false, true}) {
    for (const bool b_prefers : {false, true}) {
      CAPTURE(a_prefers);
      CAPTURE(b_prefers);
      TwoEndpoints t(preferring(a_prefers), preferring(b_prefers));
      t.initiate();
      t.run();
      CHECK(newest(t.a).udp_encap == a_prefers);
      // The ports are shown to be open by whoever begins.
      CHECK(newest(t.b).udp_encap == (a_prefers && b_prefers));
      const uint16_t port = a_prefers ? 4500 : 500;
      CHECK(newest(t.a).remote.port == port);
      CHECK(newest(t.b).remote.port == port);
      const auto status = t.b.endpoint.status();
      REQUIRE(status.size() == 1);
      CHECK_FALSE(status[0].nat_local);
      CHECK_FALSE(status[0].nat_remote);
    }
  }
}

TEST_CASE("[RFC7296 2.23] the choice outlives rekeys of both kinds") {
  TwoEndpoints t(preferring(true));
  t.initiate();
  t.run();
  t.command(t.b, ike::RekeyIke{"tunnel"});
  t.run();
  t.command(t.b, ike::RekeyChild{"tunnel", "net", {}});
  t.run();
  CHECK(newest(t.b).replaces);
  CHECK(newest(t.a).udp_encap);
  CHECK(newest(t.b).udp_encap);
}

TEST_CASE("[RFC7296 2.23] a peer of another kind is left at port 500") {
  TwoEndpoints t(preferring(true));
  t.initiate();
  Bytes& first = t.a.sent.front().payload;
  const auto& vendor = ike::v2::private_notifies::kVendorId;
  const auto at = std::search(first.begin(), first.end(), vendor.begin(), vendor.end());
  REQUIRE(at != first.end());
  *at ^= 1;
  t.deliver(t.a);
  t.deliver(t.b);
  REQUIRE(t.a.sent.size() == 1);
  CHECK(t.a.sent.front().remote.port == 500);
  CHECK_FALSE(t.a.sent.front().natt);
}

TEST_CASE("[RFC7296 2.23] a peer whose IKE port is its own is left there, unless its other one is told") {
  for (const uint16_t other : {uint16_t{4500}, uint16_t{15500}}) {
    CAPTURE(other);
    ike::Config config = preferring(true);
    config.remote_natt_port = other;
    TwoEndpoints t(config);
    t.policy_a.connections[0].remote_port = 5000;
    t.initiate();
    t.deliver(t.a);
    t.deliver(t.b);
    REQUIRE(t.a.sent.size() == 1);
    CHECK(t.a.sent.front().remote.port == (other == 4500 ? 5000 : other));
  }
}

TEST_CASE("[RFC3948 1] AH is not put into UDP by choice, nor refused for it") {
  TwoEndpoints t(preferring(true));
  for (auto* policy : {&t.policy_a, &t.policy_b}) {
    model::ChildPolicy& child = policy->connections[0].children[0];
    child.protocol = model::Protocol::AH;
    child.proposals = {*model::parse_proposal(model::Protocol::AH, "sha256")};
  }
  t.initiate();
  t.run();
  CHECK(newest(t.a).protocol == model::Protocol::AH);
  CHECK_FALSE(newest(t.a).udp_encap);
  CHECK_FALSE(newest(t.b).udp_encap);
}

}  // namespace sallyport::test

TEST_SUITE_END();
