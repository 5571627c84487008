// A Child SA that cannot be rekeyed, and message IDs that run out. RFC 7296 2.2, 2.8.
#include <doctest/doctest.h>

#include "support/by_hand.h"

TEST_SUITE_BEGIN("exchange/rekey_failed");

namespace sallyport::test {

using namespace wire::ike2;

namespace {

constexpr const char* kClosed = "a Child SA could not be rekeyed: the IKE SA is closed";

struct Lifetimes : Staged {
  Lifetimes() : Staged(Stage::auth_response) {
    run();
    spi = a.endpoint.status().at(0).children.at(0).spi_in;
  }
  void over(bool hard) { command(a, ike::ChildLifetime{spi, hard}); }
  // What a asks. Requires: one message waits.
  std::vector<Payload> asked() { return forger_of(a).payloads(a.sent.front().payload); }
  bool closes_ike() {
    const auto inner = asked();
    const auto* d = wire::ike2::find<DeletePayload>(inner);
    return d && d->protocol == model::Protocol::IKE;
  }
  // To the time at which a does something by itself.
  void until_a_acts() {
    while (a.sent.empty()) {
      now = *a.endpoint.next_deadline();
      a.endpoint.handle_deadline(now);
      a.drain(now);
    }
  }
  model::Spi spi = 0;
};

}  // namespace

TEST_CASE("[RFC7296 2.8] a Child SA whose rekey was refused and whose lifetime ends takes the IKE SA with it") {
  for (const NotifyType refusal :
       {NotifyType::NO_ADDITIONAL_SAS, NotifyType::NO_PROPOSAL_CHOSEN, NotifyType::TS_UNACCEPTABLE}) {
    Lifetimes t;
    t.over(false);
    answer_instead_of_b(t, notify(refusal));
    // Until then it serves.
    CHECK(t.a.sent.empty());
    CHECK(t.a.count<ike::ChildSaRemoved>() == 0);
    t.over(true);
    REQUIRE(t.a.sent.size() == 1);
    CHECK(t.closes_ike());
    answer_instead_of_b(t, {});
    CHECK(t.a.endpoint.status().empty());
    CHECK(t.a.row(kClosed) == 1);
    CHECK(t.a.count<ike::ChildSaRemoved>() == 1);
    REQUIRE(t.a.event<ike::IkeSaDown>());
    // Whoever keeps the connection up starts a new one.
    CHECK_FALSE(t.a.event<ike::IkeSaDown>()->by_command);
    CHECK(t.a.event<ike::IkeSaDown>()->reason.find("could not be rekeyed") != std::string::npos);
  }
}

TEST_CASE("[RFC7296 2.8] a lifetime that ends while the rekey is under way: its outcome decides") {
  Lifetimes refused;
  refused.over(false);
  refused.over(true);
  CHECK(refused.a.sent.size() == 1);
  answer_instead_of_b(refused, notify(NotifyType::NO_ADDITIONAL_SAS));
  REQUIRE(refused.a.sent.size() == 1);
  CHECK(refused.closes_ike());

  Lifetimes granted;
  granted.over(false);
  granted.over(true);
  granted.run();
  CHECK(granted.a.row("we rekeyed a Child SA") == 1);
  CHECK(granted.a.row(kClosed) == 0);
  CHECK(granted.a.count<ike::ChildSaRemoved>() == 1);
  CHECK(granted.a.endpoint.status().at(0).children.size() == 1);
  CHECK(granted.b.endpoint.status().at(0).children.size() == 1);
}

TEST_CASE("[RFC7296 2.8, 2.25] a lifetime that ends while a rekey waits after TEMPORARY_FAILURE has that attempt yet") {
  Lifetimes t;
  t.over(false);
  answer_instead_of_b(t, notify(NotifyType::TEMPORARY_FAILURE));
  t.over(true);
  CHECK(t.a.sent.empty());
  t.until_a_acts();
  CHECK(find_notify(t.asked(), NotifyType::REKEY_SA));
  answer_instead_of_b(t, notify(NotifyType::TEMPORARY_FAILURE));
  REQUIRE(t.a.sent.size() == 1);
  CHECK(t.closes_ike());
  CHECK(t.a.row(kClosed) == 1);
}

TEST_CASE("[RFC7296 2.8] a lifetime that ends without any attempt to rekey ends that Child SA alone") {
  Lifetimes t;
  t.over(true);
  t.run();
  CHECK(t.a.row(kClosed) == 0);
  CHECK(t.a.count<ike::ChildSaRemoved>() == 1);
  CHECK(t.b.count<ike::ChildSaRemoved>() == 1);
  CHECK(t.a.endpoint.status().at(0).state == "ESTABLISHED");
}

TEST_CASE("[RFC7296 2.8] an expired Child SA that the peer has rekeyed meanwhile is deleted, and nothing else") {
  Lifetimes t;
  t.command(t.b, ike::RekeyChild{"tunnel", "net", {}});
  t.deliver(t.b);
  t.deliver(t.a);  // b's new one stands, its Delete of the old one waits
  t.over(false);
  t.over(true);
  t.run();
  CHECK(t.a.row(kClosed) == 0);
  CHECK(t.a.endpoint.status().at(0).children.size() == 1);
  CHECK(t.b.endpoint.status().at(0).children.size() == 1);
}

TEST_CASE("[RFC7296 2.8] an IKE SA that could not be rekeyed by the end of its lifetime is closed with its Child SAs") {
  TwoEndpoints t(Staged::logging());
  t.policy_a.connections[0].rekey_time = minutes(1);
  t.policy_a.connections[0].over_time = seconds(10);
  t.policy_a.connections[0].dpd_delay = Duration::zero();
  t.initiate();
  t.run();
  const TimePoint up = t.now;
  bool closed = false;
  while (!closed && t.now < up + minutes(2)) {
    t.now = *t.a.endpoint.next_deadline();
    t.a.endpoint.handle_deadline(t.now);
    t.a.drain(t.now);
    if (t.a.sent.empty()) continue;
    closed = wire::ike::parse_header(t.a.sent.front().payload)->exchange == ExchangeType::INFORMATIONAL;
    answer_instead_of_b(t, closed ? std::vector<Payload>{} : notify(NotifyType::NO_PROPOSAL_CHOSEN));
  }
  CHECK(closed);
  CHECK(t.now == up + seconds(70));
  CHECK(t.a.endpoint.status().empty());
  CHECK(t.a.count<ike::ChildSaRemoved>() == 1);
  REQUIRE(t.a.event<ike::IkeSaDown>());
  CHECK_FALSE(t.a.event<ike::IkeSaDown>()->by_command);
}

namespace {

ike::Config few_ids() {
  ike::Config config = Staged::logging();
  config.limits.message_id_rekey = 6;
  config.limits.message_id_close = 12;
  return config;
}

struct FewIds : TwoEndpoints {
  FewIds() : TwoEndpoints(few_ids()) {
    initiate();
    run();
  }
};

}  // namespace

TEST_CASE("[RFC7296 2.2] before message IDs run out the IKE SA is rekeyed, and they begin anew") {
  FewIds t;
  const auto old = t.a.endpoint.status().at(0);
  // Of either side's requests: a's have gone furthest, b looks at them too.
  for (int i = 0; i < 3; ++i) {
    t.command(t.a, ike::RekeyChild{"tunnel", "net", {}});
    t.run();
  }
  t.pass(seconds(1));
  CHECK(t.a.row("message IDs run low: the IKE SA is rekeyed") + t.b.row("message IDs run low: the IKE SA is rekeyed") >=
        1);
  REQUIRE(t.a.endpoint.status().size() == 1);
  CHECK(t.a.endpoint.status()[0].spi_i != old.spi_i);
  CHECK(t.a.endpoint.status()[0].children.size() == 1);
  CHECK(t.b.endpoint.status().size() == 1);
  CHECK(t.a.count<ike::IkeSaDown>() == 0);
}

TEST_CASE("[RFC7296 2.2] where the rekey is refused the IKE SA is closed before message IDs run out") {
  FewIds t;
  unsigned exchanges = 0;
  while (!t.a.endpoint.status().empty() && exchanges < 40) {
    if (t.a.sent.empty()) {
      const auto due = t.a.endpoint.next_deadline();
      if (due && *due <= t.now + seconds(1)) {
        t.now = *due;
        t.a.endpoint.handle_deadline(t.now);
        t.a.drain(t.now);
      }
    }
    if (t.a.sent.empty()) t.command(t.a, ike::RekeyChild{"tunnel", "net", {}});
    REQUIRE(!t.a.sent.empty());
    CHECK(wire::ike::parse_header(t.a.sent.front().payload)->message_id == 2 + exchanges);
    ++exchanges;
    answer_instead_of_b(t, notify(NotifyType::NO_ADDITIONAL_SAS));
  }
  CHECK(exchanges >= 10);
  CHECK(exchanges < 14);
  CHECK(t.a.row("message IDs run low: the IKE SA is rekeyed") == 1);
  CHECK(t.a.row("message IDs are used up: the IKE SA is closed") == 1);
  CHECK(t.a.endpoint.status().empty());
}

}  // namespace sallyport::test

TEST_SUITE_END();
