// A peer that starts anew, told by INITIAL_CONTACT, replaces its own IKE SA and nobody else's. RFC 7296 2.4.
#include <doctest/doctest.h>

#include "support/two_endpoints.h"

TEST_SUITE_BEGIN("exchange/peer_restart");

namespace sallyport::test {
namespace {

// Another endpoint in the place of a, knowing nothing of what was, under the identity given.
void start_anew(TwoEndpoints& t, uint64_t seed, const char* identity) {
  OneEnd fresh(seed, {});
  fresh.agent.secrets = t.a.agent.secrets;
  auto policy = t.policy_a;
  policy.connections[0].local_id = *model::Identity::parse(identity);
  fresh.endpoint.handle_command(t.now, ike::SetPolicy{std::make_shared<model::IkePolicySet>(policy)});
  fresh.endpoint.handle_command(t.now, ike::Initiate{"tunnel", "net"});
  fresh.drain(t.now);
  for (int i = 0; i < 20; ++i) {
    while (!fresh.sent.empty()) {
      t.arrive(t.b, fresh.sent.front());
      fresh.sent.pop_front();
    }
    while (!t.b.sent.empty()) {
      ike::Datagram d = std::move(t.b.sent.front());
      t.b.sent.pop_front();
      std::swap(d.local, d.remote);
      fresh.endpoint.handle_datagram(t.now, d);
      fresh.drain(t.now);
    }
  }
  REQUIRE(fresh.event<ike::IkeSaUp>());
}

size_t replaced(const OneEnd& end) {
  size_t n = 0;
  for (const auto& e : end.events) {
    const auto* down = std::get_if<ike::IkeSaDown>(&e);
    n += down && down->reason == "the peer has started anew";
  }
  return n;
}

}  // namespace

TEST_CASE("[RFC7296 2.4] INITIAL_CONTACT replaces the IKE SAs of that identity, in any letter case, and of no other") {
  TwoEndpoints t;
  t.policy_b.connections[0].remote_id.reset();
  t.initiate();
  t.run();
  REQUIRE(t.b.endpoint.status().size() == 1);
  start_anew(t, 11, "c.test");
  CHECK(t.b.endpoint.status().size() == 2);
  CHECK(replaced(t.b) == 0);
  start_anew(t, 12, "A.Test");
  CHECK(t.b.endpoint.status().size() == 2);
  CHECK(replaced(t.b) == 1);
  start_anew(t, 13, "c.test");
  start_anew(t, 14, "c.test");
  CHECK(t.b.endpoint.status().size() == 2);
  CHECK(replaced(t.b) == 3);
}

}  // namespace sallyport::test

TEST_SUITE_END();
