// Message IDs on the wire, repetitions, INITIAL_CONTACT, limits for strangers. RFC 7296 2.1 to 2.4, 2.6; robustness S4,
// S9, S13, T12.
#include <doctest/doctest.h>

#include "support/stages.h"

TEST_SUITE_BEGIN("exchange/window");

namespace sallyport::test {

using namespace wire::ike2;

namespace {

ike::Datagram from_a(Bytes payload) {
  ike::Datagram d;
  d.local = {*IpAddr::parse("192.0.2.1"), 500};
  d.remote = {*IpAddr::parse("192.0.2.2"), 500};
  d.payload = std::move(payload);
  return d;
}

ike::Datagram first_message(uint8_t seed, const char* address = "192.0.2.1", Bytes cookie = {}) {
  Message m;
  m.header.spi_i = seed * 0x0101010101010101u;
  m.header.exchange = ExchangeType::IKE_SA_INIT;
  m.header.initiator_flag = true;
  if (!cookie.empty()) m.payloads.push_back(NotifyPayload{0, {}, NotifyType::COOKIE, std::move(cookie)});
  m.payloads.push_back(SaPayload{{*model::parse_proposal(model::Protocol::IKE, "aes256gcm16-prfsha256-x25519")}});
  m.payloads.push_back(KePayload{31, Bytes(32, static_cast<uint8_t>(seed | 1))});
  m.payloads.push_back(NoncePayload{Bytes(32, seed)});
  ike::Datagram d = from_a(write_message(m));
  d.local.addr = *IpAddr::parse(address);
  return d;
}

}  // namespace

TEST_CASE("[RFC7296 2.1] every retransmission of every request is octet for octet the same") {
  for (const Stage stage : {Stage::init_request, Stage::auth_request, Stage::child_request, Stage::rekey_child_request,
                            Stage::rekey_ike_request, Stage::delete_child_request}) {
    CAPTURE(name_of(stage));
    Staged s(stage);
    const Bytes first = s.a.sent.front().payload;
    const IpEndpoint to = s.a.sent.front().remote;
    for (int i = 0; i < 5; ++i) {
      s.a.sent.clear();
      for (int deadline = 0; deadline < 5 && s.a.sent.empty(); ++deadline) {
        s.now = *s.a.endpoint.next_deadline();
        s.a.endpoint.handle_deadline(s.now);
        s.a.drain(s.now);
      }
      REQUIRE(s.a.sent.size() == 1);
      CHECK(s.a.sent.front().payload == first);
      CHECK(s.a.sent.front().remote == to);
    }
    CHECK(s.a.endpoint.counters().retransmissions == 5);
  }
}

TEST_CASE("[RFC7296 2.1] S9 a responder never retransmits by itself; the repeated request gets the identical answer") {
  for (const Stage stage : {Stage::init_request, Stage::auth_request, Stage::child_request, Stage::rekey_child_request,
                            Stage::rekey_ike_request, Stage::delete_child_request}) {
    CAPTURE(name_of(stage));
    Staged s(stage);
    const ike::Datagram request = s.a.sent.front();
    s.deliver(s.a);
    REQUIRE(s.b.sent.size() == 1);
    const Bytes answer = s.b.sent.front().payload;
    s.b.sent.clear();
    const size_t events = s.b.events.size();
    for (int i = 0; i < 20; ++i) s.arrive(s.b, request);
    CHECK(s.b.sent.size() == 20);
    for (const auto& again : s.b.sent) CHECK(again.payload == answer);
    CHECK(s.b.events.size() == events);
    CHECK(s.b.endpoint.counters().repeated_requests == 20);
    s.b.sent.clear();
    // Time alone sends nothing (liveness checks of the established are far away).
    const TimePoint end = s.now + seconds(20);
    while (s.b.endpoint.next_deadline() && *s.b.endpoint.next_deadline() < end) {
      s.now = *s.b.endpoint.next_deadline();
      s.b.endpoint.handle_deadline(s.now);
      s.b.drain(s.now);
    }
    CHECK(s.b.sent.empty());
  }
}

TEST_CASE("[RFC7296 2.3] S4 requests outside the window are dropped without an answer, ID by ID") {
  Staged s(Stage::auth_response);
  s.run();
  Forger forger = forger_of(s.b);
  const auto ask = [&](model::MessageId id) {
    s.b.sent.clear();
    s.arrive(s.b, from_a(forger.seal(forger.header(ExchangeType::INFORMATIONAL, id, true), std::vector<Payload>{})));
    return s.b.sent.size();
  };
  for (model::MessageId id : {0u, 3u, 4u, 100u, 0x7FFFFFFFu, 0xFFFFFFFFu}) CHECK(ask(id) == 0);
  CHECK(ask(2) == 1);
  CHECK(ask(2) == 0);  // the same ID, but sealed anew: other octets
  CHECK(ask(4) == 0);
  CHECK(ask(3) == 1);
  CHECK(ask(1) == 0);
  CHECK(s.b.endpoint.counters().duplicate_differs == 1);
  CHECK(s.b.endpoint.counters().out_of_window == 8);
  CHECK(s.b.endpoint.status().size() == 1);
}

TEST_CASE("[RFC7296 2.2] a response counts only for the request that is out, and only once") {
  Staged s(Stage::child_response);
  const ike::Datagram answer = s.b.sent.front();
  Forger forger = s.forger();
  auto header = s.header();
  const auto payloads = s.payloads();
  for (const model::MessageId wrong : {0u, 1u, 3u, 0xFFFFFFFFu}) {
    header.message_id = wrong;
    ike::Datagram d = answer;
    d.payload = forger.seal(header, payloads);
    s.arrive(s.a, d);
    CHECK(s.a.count<ike::ChildSaReady>() == 1);
  }
  s.arrive(s.a, answer);
  CHECK(s.a.count<ike::ChildSaReady>() == 2);
  s.arrive(s.a, answer);
  CHECK(s.a.count<ike::ChildSaReady>() == 2);
  CHECK(s.a.endpoint.counters().out_of_window == 5);
}

TEST_CASE("[RFC7296 2.3] window of one: a second request waits for the answer to the first") {
  Staged s(Stage::child_request);
  s.command(s.a, ike::RekeyChild{"tunnel", "net", {}});
  s.command(s.a, ike::RekeyIke{"tunnel"});
  CHECK(s.a.sent.size() == 1);
  s.run();
  CHECK(s.a.row("we created a Child SA") == 1);
  CHECK(s.a.row("we rekeyed a Child SA") == 1);
  CHECK(s.a.row("we rekeyed the IKE SA") == 1);
}

TEST_CASE("[RFC7296 2.2] the message IDs of a rekeyed IKE SA begin at 0 in both directions") {
  Staged s(Stage::rekey_ike_response);
  s.deliver(s.b);
  s.run();
  s.command(s.b, ike::RekeyChild{"tunnel", "net", {}});
  REQUIRE(!s.b.sent.empty());
  CHECK(wire::ike::parse_header(s.b.sent.back().payload)->message_id == 0);
  s.run();
  s.command(s.a, ike::RekeyChild{"tunnel", "net", {}});
  REQUIRE(!s.a.sent.empty());
  CHECK(wire::ike::parse_header(s.a.sent.front().payload)->message_id == 0);
}

TEST_CASE("[RFC7296 2.4] a damaged or forged sealed message changes nothing at all") {
  for (const Stage stage : {Stage::auth_request, Stage::auth_response, Stage::child_request, Stage::child_response,
                            Stage::rekey_ike_request, Stage::rekey_ike_response, Stage::delete_child_request}) {
    CAPTURE(name_of(stage));
    Staged s(stage);
    const ike::Datagram good = s.sender().sent.front();
    const size_t events = s.receiver().events.size();
    for (size_t i = 28; i < good.payload.size(); ++i) {
      ike::Datagram bad = good;
      bad.payload[i] ^= 0x10;
      s.arrive(s.receiver(), bad);
    }
    CHECK(s.receiver().sent.empty());
    CHECK(s.receiver().events.size() == events);
    CHECK(!s.reached());
    s.deliver(s.sender());
    CHECK(s.reached());
  }
}

TEST_CASE("[RFC7296 2.4] INITIAL_CONTACT of an authenticated peer ends its older IKE SA, and only then") {
  for (const bool right : {true, false}) {
    CAPTURE(right);
    TwoEndpoints t;
    t.initiate();
    t.run();
    OneEnd again(33, {});
    again.agent.secrets["psk"] = to_bytes(as_bytes(right ? "a secret of both" : "some other secret"));
    again.endpoint.handle_command(t.now, ike::SetPolicy{std::make_shared<model::IkePolicySet>(t.policy_a)});
    again.endpoint.handle_command(t.now, ike::Initiate{"tunnel", "net"});
    again.drain(t.now);
    for (int i = 0; i < 10; ++i) {
      while (!again.sent.empty()) {
        ike::Datagram d = std::move(again.sent.front());
        again.sent.pop_front();
        t.arrive(t.b, d);
      }
      while (!t.b.sent.empty()) {
        ike::Datagram d = std::move(t.b.sent.front());
        t.b.sent.pop_front();
        std::swap(d.local, d.remote);
        again.endpoint.handle_datagram(t.now, d);
        again.drain(t.now);
      }
    }
    CHECK(again.count<ike::IkeSaUp>() == (right ? 1u : 0u));
    CHECK(t.b.count<ike::IkeSaDown>() == (right ? 1u : 0u));
    CHECK(t.b.count<ike::ChildSaRemoved>() == (right ? 1u : 0u));
    CHECK(t.b.endpoint.status().size() == 1);
    CHECK(t.b.endpoint.status().at(0).children.size() == 1);
    if (right) CHECK(t.b.event<ike::IkeSaDown>()->by_command);
  }
}

TEST_CASE("[RFC7296 2.4] INITIAL_CONTACT is said only by who has no other IKE SA with that peer") {
  Staged s(Stage::auth_request);
  CHECK(find_notify(s.payloads(), NotifyType::INITIAL_CONTACT));
}

TEST_CASE("[RFC7296 2.6] T12 half-open limits: cookies first, then nothing; one address cannot starve another") {
  ike::Config config;
  TwoEndpoints t(config);
  t.load();
  for (uint8_t i = 1; i <= 20; ++i) t.arrive(t.b, first_message(i));
  CHECK(t.b.endpoint.half_open() == config.limits.half_open_cookie_per_address);
  CHECK(t.b.endpoint.counters().cookies_demanded == 20 - config.limits.half_open_cookie_per_address);
  for (const auto& answer : t.b.sent) CHECK(answer.payload.size() <= first_message(1).payload.size());
  t.b.sent.clear();
  t.policy_b.connections[0].remote_addrs.clear();
  t.command(t.b, ike::SetPolicy{std::make_shared<model::IkePolicySet>(t.policy_b)});
  t.arrive(t.b, first_message(99, "203.0.113.5"));
  REQUIRE(t.b.sent.size() == 1);
  CHECK(wire::ike2::find<SaPayload>(parse_message(t.b.sent.front().payload)->payloads));
}

TEST_CASE("[RFC7296 2.6] a flood with good cookies ends at the limit of its address, then of all") {
  ike::Config config;
  config.limits.half_open_cookie_per_address = 0;
  config.limits.half_open_max_per_address = 5;
  config.limits.half_open_max = 8;
  TwoEndpoints t(config);
  t.policy_b.connections[0].remote_addrs.clear();
  t.load();
  const auto proven = [&](uint8_t seed, const char* address) {
    t.b.sent.clear();
    t.arrive(t.b, first_message(seed, address));
    REQUIRE(t.b.sent.size() == 1);
    const auto said = parse_message(t.b.sent.front().payload);
    const auto* cookie = find_notify(said->payloads, NotifyType::COOKIE);
    REQUIRE(cookie);
    t.b.sent.clear();
    t.arrive(t.b, first_message(seed, address, cookie->content));
    return !t.b.sent.empty();
  };
  for (uint8_t i = 1; i <= 5; ++i) CHECK(proven(i, "192.0.2.1"));
  CHECK(!proven(6, "192.0.2.1"));
  for (uint8_t i = 7; i <= 9; ++i) CHECK(proven(i, "198.51.100.1"));
  CHECK(!proven(10, "198.51.100.1"));
  CHECK(t.b.endpoint.half_open() == 8);
  CHECK(t.b.endpoint.counters().half_open_refused == 2);
  // They go by themselves.
  t.now += config.limits.half_open_timeout + seconds(1);
  t.b.endpoint.handle_deadline(t.now);
  t.b.drain(t.now);
  CHECK(t.b.endpoint.half_open() == 0);
  CHECK(proven(11, "198.51.100.1"));
}

TEST_CASE("[RFC7296 2.6] a wrong, stale or borrowed cookie is asked for again, and leaves no state") {
  ike::Config config;
  config.limits.half_open_cookie = 0;
  TwoEndpoints t(config);
  t.load();
  t.arrive(t.b, first_message(1));
  const auto said = parse_message(t.b.sent.front().payload);
  const Bytes good = find_notify(said->payloads, NotifyType::COOKIE)->content;
  t.b.sent.clear();
  Bytes wrong = good;
  wrong.back() ^= 1;
  t.arrive(t.b, first_message(1, "192.0.2.1", wrong));
  t.arrive(t.b, first_message(2, "192.0.2.1", good));
  t.arrive(t.b, first_message(1, "192.0.2.77", good));
  CHECK(t.b.endpoint.half_open() == 0);
  CHECK(t.b.endpoint.counters().cookies_bad == 3);
  t.now += minutes(5);
  t.arrive(t.b, first_message(1, "192.0.2.1", good));
  CHECK(t.b.endpoint.half_open() == 0);
}

TEST_CASE("S13 [RFC7296 2.6] cookies begin between two copies of one IKE_SA_INIT: the version with the cookie wins") {
  ike::Config config;
  config.limits.half_open_cookie_per_address = 1;
  TwoEndpoints t(config);
  t.load();
  t.arrive(t.b, first_message(1));
  REQUIRE(t.b.endpoint.half_open() == 1);
  t.b.sent.clear();
  // The first answer is lost; a middle box, or an earlier responder, had asked for a cookie all the same.
  t.arrive(t.b, first_message(1, "192.0.2.1", Bytes(17, 9)));
  REQUIRE(t.b.sent.size() == 1);
  const auto said = parse_message(t.b.sent.front().payload);
  const auto* cookie = find_notify(said->payloads, NotifyType::COOKIE);
  REQUIRE(cookie);
  t.b.sent.clear();
  t.arrive(t.b, first_message(1, "192.0.2.1", cookie->content));
  REQUIRE(t.b.sent.size() == 1);
  CHECK(wire::ike2::find<SaPayload>(parse_message(t.b.sent.front().payload)->payloads));
  CHECK(t.b.endpoint.half_open() == 1);
}

TEST_CASE("[RFC7296 2.21.1] a forged refusal of IKE_SA_INIT does not stop the true answer") {
  for (const NotifyType type :
       {NotifyType::NO_PROPOSAL_CHOSEN, NotifyType::INVALID_SYNTAX, NotifyType::INVALID_MAJOR_VERSION,
        NotifyType::AUTHENTICATION_FAILED, NotifyType::INVALID_IKE_SPI}) {
    Staged s(Stage::init_response);
    Message forged;
    forged.header = s.header();
    forged.header.spi_r = 0;
    forged.payloads.push_back(NotifyPayload{0, {}, type, {}});
    ike::Datagram d = s.b.sent.front();
    d.payload = write_message(forged);
    s.arrive(s.a, d);
    s.run();
    CHECK(s.a.event<ike::IkeSaUp>());
  }
}

TEST_CASE("[RFC7296 2.6] cookies without end are not obeyed without end") {
  Staged s(Stage::init_request);
  for (int i = 0; i < 20 && !s.a.sent.empty(); ++i) {
    Message m;
    m.header = *wire::ike::parse_header(s.a.sent.front().payload);
    m.header.response_flag = true;
    m.header.initiator_flag = false;
    m.payloads.push_back(NotifyPayload{0, {}, NotifyType::COOKIE, Bytes(20, static_cast<uint8_t>(i))});
    ike::Datagram d = s.a.sent.front();
    s.a.sent.clear();
    d.payload = write_message(m);
    s.arrive(s.a, d);
  }
  CHECK(s.a.sent.empty());
  CHECK(s.a.count<ike::AttemptFailed>() == 1);
}

TEST_CASE("[RFC7296 2.6] a cookie of 0 or more than 64 octets is no cookie") {
  for (size_t octets : {size_t{0}, size_t{65}, size_t{1000}}) {
    Staged s(Stage::init_request);
    Message m;
    m.header = s.header();
    m.header.response_flag = true;
    m.header.initiator_flag = false;
    m.payloads.push_back(NotifyPayload{0, {}, NotifyType::COOKIE, Bytes(octets, 1)});
    ike::Datagram d = s.a.sent.front();
    s.a.sent.clear();
    d.payload = write_message(m);
    s.arrive(s.a, d);
    CHECK(s.a.sent.empty());
    CHECK(s.a.endpoint.status().size() == 1);
  }
}

TEST_CASE("[RFC7296 2.6] with a cookie the first message is as before, the cookie in front of it") {
  Staged s(Stage::init_request);
  const auto before = *parse_message(s.a.sent.front().payload);
  Message m;
  m.header = before.header;
  m.header.response_flag = true;
  m.header.initiator_flag = false;
  m.payloads.push_back(NotifyPayload{0, {}, NotifyType::COOKIE, Bytes(64, 1)});
  ike::Datagram d = s.a.sent.front();
  s.a.sent.clear();
  d.payload = write_message(m);
  s.arrive(s.a, d);
  REQUIRE(s.a.sent.size() == 1);
  auto after = *parse_message(s.a.sent.front().payload);
  REQUIRE(after.payloads.size() == before.payloads.size() + 1);
  const auto* first = std::get_if<NotifyPayload>(&after.payloads.front());
  REQUIRE(first);
  CHECK(first->type == NotifyType::COOKIE);
  CHECK(first->content == Bytes(64, 1));
  after.payloads.erase(after.payloads.begin());
  CHECK(after.payloads == before.payloads);
  CHECK(after.header.spi_i == before.header.spi_i);
  CHECK(after.header.message_id == 0);
}

}  // namespace sallyport::test

TEST_SUITE_END();
