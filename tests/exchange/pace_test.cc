// How much a peer may ask for, and how fast it may guess. Robustness T13, T22.
#include "ike/pace.h"

#include <doctest/doctest.h>

#include "ike/failed_auths.h"
#include "support/by_hand.h"

TEST_SUITE_BEGIN("exchange/pace");

namespace sallyport::test {

using namespace wire::ike2;

namespace {

ike::Config with(unsigned rekeys, unsigned requests) {
  ike::Config config = Staged::logging();
  config.limits.rekeys_per_minute = rekeys;
  config.limits.requests_per_minute = requests;
  return config;
}

struct Up : TwoEndpoints {
  explicit Up(ike::Config config) : TwoEndpoints(config) {
    initiate();
    run();
  }
  // Of this end's next request. Requires: no key work is slow.
  bool rekey_child(OneEnd& end) {
    const uint64_t before = end.row("we rekeyed a Child SA");
    command(end, ike::RekeyChild{"tunnel", "net", {}});
    run();
    return end.row("we rekeyed a Child SA") > before;
  }
};

// IKE_SA_INIT and IKE_AUTH with a secret that is wrong; returns what b has sent at the end.
size_t guess(TwoEndpoints& t, IpAddr from) {
  t.nat_for_b = from;
  t.b.sent.clear();
  t.command(t.a, ike::Initiate{"tunnel", "net"});
  t.deliver(t.a);
  t.deliver(t.b);
  t.deliver(t.a);
  const size_t said = t.b.sent.size();
  t.command(t.a, ike::Terminate{"tunnel", {}, {}});
  t.a.sent.clear();
  return said;
}

}  // namespace

TEST_CASE("T13 a minute's number at once, then one at a time") {
  ike::Pace pace;
  TimePoint now{seconds(1000)};
  unsigned taken = 0;
  while (taken < 1000 && pace.take(now, 60)) ++taken;
  CHECK(taken == 60);
  now += milliseconds(999);
  CHECK_FALSE(pace.take(now, 60));
  now += milliseconds(1);
  CHECK(pace.take(now, 60));
  CHECK_FALSE(pace.take(now, 60));
  now += hours(5);
  for (taken = 0; taken < 1000 && pace.take(now, 60);) ++taken;
  CHECK(taken == 60);
  for (taken = 0; taken < 1000 && pace.take(now, 0);) ++taken;
  CHECK(taken == 1000);
}

TEST_CASE("T13 more rekeys than a minute may have are answered with TEMPORARY_FAILURE, and the IKE SA stays") {
  Up t(with(5, 0));
  for (int i = 0; i < 5; ++i) CHECK(t.rekey_child(t.a));
  CHECK_FALSE(t.rekey_child(t.a));
  CHECK(t.b.endpoint.counters().rekeys_postponed == 1);
  CHECK(t.a.endpoint.status().at(0).children.size() == 1);
  CHECK(t.b.endpoint.status().at(0).children.size() == 1);
  // a waits and tries again by itself, as the standard asks for.
  t.pass(minutes(1));
  CHECK(t.a.row("we rekeyed a Child SA") == 6);
  CHECK(t.a.count<ike::AttemptFailed>() == 0);
  CHECK(t.a.count<ike::IkeSaDown>() + t.b.count<ike::IkeSaDown>() == 0);
}

TEST_CASE("T13 a rekey of the IKE SA counts, and brings no new allowance") {
  Up t(with(4, 0));
  for (int i = 0; i < 4; ++i) {
    t.command(t.a, ike::RekeyIke{"tunnel"});
    t.run();
  }
  CHECK(t.b.count<ike::IkeSaRekeyed>() == 4);
  CHECK_FALSE(t.rekey_child(t.a));
  CHECK(t.b.endpoint.counters().rekeys_postponed == 1);
  CHECK(t.rekey_child(t.b));  // each end has its own
}

TEST_CASE("T13 what nobody asks for in earnest does not reach the defaults: 120 rekeys at one moment") {
  Up t(Staged::logging());
  for (int i = 0; i < 100; ++i) CHECK(t.rekey_child(i % 2 ? t.a : t.b));
  for (int i = 0; i < 20; ++i) {
    t.command(i % 2 ? t.a : t.b, ike::RekeyIke{"tunnel"});
    t.run();
  }
  CHECK(t.a.endpoint.counters().rekeys_postponed + t.b.endpoint.counters().rekeys_postponed == 0);
  CHECK(t.a.endpoint.counters().requests_postponed + t.b.endpoint.counters().requests_postponed == 0);
}

TEST_CASE("T13 a flood of notifies: what is too much is taken when it comes again, later; nothing else changes") {
  Up t(with(0, 60));
  Forger forger = forger_of(t.b);
  const auto ask = [&](model::MessageId id) {
    ike::Datagram d;
    d.local = {*IpAddr::parse("192.0.2.1"), 500};
    d.remote = {*IpAddr::parse("192.0.2.2"), 500};
    d.payload = forger.seal(forger.header(ExchangeType::INFORMATIONAL, id, true), notify(NotifyType::INITIAL_CONTACT));
    t.b.sent.clear();
    t.arrive(t.b, d);
    return t.b.sent.size();
  };
  model::MessageId id = 2;
  while (id < 1000 && ask(id) == 1) ++id;
  CHECK(id == 62);
  CHECK(t.b.endpoint.counters().requests_postponed == 1);
  CHECK(ask(id) == 0);
  t.now += seconds(1);
  CHECK(ask(id) == 1);  // the same message ID: it was not taken before
  CHECK(ask(id + 1) == 0);
  CHECK(t.b.endpoint.status().at(0).state == "ESTABLISHED");
  CHECK(t.b.count<ike::IkeSaDown>() == 0);
}

TEST_CASE("T22 failed authentications of one address: no more than one a second, however many IKE SAs it opens") {
  TwoEndpoints t;
  t.b.agent.secrets["psk"] = to_bytes(as_bytes("another secret"));
  t.policy_b.connections[0].remote_addrs.clear();
  t.load();
  const IpAddr here = *IpAddr::parse("203.0.113.1"), there = *IpAddr::parse("203.0.113.2");
  CHECK(guess(t, here) == 1);   // AUTHENTICATION_FAILED
  CHECK(guess(t, here) == 0);   // not looked at
  CHECK(guess(t, there) == 1);  // somebody else is not slowed
  CHECK(t.b.endpoint.counters().authentications_postponed == 1);
  CHECK(t.b.endpoint.counters().failed == 2);
  t.now += milliseconds(999);
  CHECK(guess(t, here) == 0);
  t.now += milliseconds(1);
  CHECK(guess(t, here) == 1);
  CHECK(t.b.endpoint.counters().failed == 3);
}

TEST_CASE("T22 whoever has mistaken the secret once and then has it right comes in by his own retransmission") {
  TwoEndpoints t;
  const Bytes right = t.b.agent.secrets["psk"];
  t.a.agent.secrets["psk"] = to_bytes(as_bytes("a slip"));
  t.initiate();
  t.run();
  CHECK(t.a.count<ike::AttemptFailed>() == 1);
  t.a.agent.secrets["psk"] = right;
  t.command(t.a, ike::Initiate{"tunnel", "net"});
  t.run();
  CHECK(t.b.count<ike::IkeSaUp>() == 0);
  t.pass(seconds(3));
  CHECK(t.a.count<ike::IkeSaUp>() == 1);
  CHECK(t.b.count<ike::IkeSaUp>() == 1);
  CHECK(t.b.endpoint.tables().failed_auths == 0);
}

TEST_CASE("T22 several failures at once are waited for one after the other; the table is bounded and empties itself") {
  ike::FailedAuths failed;
  TimePoint now{seconds(1000)};
  const IpAddr one = *IpAddr::parse("203.0.113.1");
  for (int i = 0; i < 3; ++i) failed.note(now, one, seconds(1));
  now += milliseconds(2999);
  CHECK(failed.must_wait(now, one));
  now += milliseconds(1);
  CHECK_FALSE(failed.must_wait(now, one));
  // All addresses of one IPv6 network are one host.
  failed.note(now, *IpAddr::parse("2001:db8::1"), seconds(1));
  CHECK(failed.must_wait(now, *IpAddr::parse("2001:db8::2")));
  CHECK_FALSE(failed.must_wait(now, *IpAddr::parse("2001:db8:0:1::1")));
  for (uint32_t i = 0; i < 3 * ike::FailedAuths::kMost; ++i) failed.note(now, IpAddr::v4(0x0a000000 + i), seconds(1));
  CHECK(failed.size() == ike::FailedAuths::kMost);
  CHECK(failed.must_wait(now, IpAddr::v4(0x0a000000 + 3 * ike::FailedAuths::kMost - 1)));
  failed.forget_over(now + seconds(1));
  CHECK(failed.size() == 0);
}

}  // namespace sallyport::test

TEST_SUITE_END();
