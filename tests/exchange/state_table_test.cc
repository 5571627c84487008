// The complete table: in each state, each role, each exchange type, each combination of flags, sealed and clear: what
// is accepted is written down here, everything else is refused or dropped. Robustness S1, S2, D1; RFC 7296 1.2
// to 1.5, 3.1.
#include <doctest/doctest.h>

#include "support/stages.h"

TEST_SUITE_BEGIN("exchange/state_table");

namespace sallyport::test {

using namespace wire::ike2;

namespace {

// A situation of one IKE SA at b, as seen from outside. `peer` is a unless `swapped`.
enum class Situation {
  init_done_responder,  // INIT_DONE
  auth_checking,        // AUTH_CHECKING: key work out
  established_responder,
  established_initiator,
  rekeyed,
  deleting,
  closed,
  auth_sent_initiator,
  init_sent_initiator,
  user_awaited,         // USER_AWAITED: the machines are authenticated
  user_sent_initiator,  // USER_SENT
};
constexpr Situation kAll[] = {Situation::init_done_responder,
                              Situation::auth_checking,
                              Situation::established_responder,
                              Situation::established_initiator,
                              Situation::rekeyed,
                              Situation::deleting,
                              Situation::closed,
                              Situation::auth_sent_initiator,
                              Situation::init_sent_initiator,
                              Situation::user_awaited,
                              Situation::user_sent_initiator};

std::string name_of(Situation s) {
  static constexpr const char* names[] = {"INIT_DONE responder",    "AUTH_CHECKING responder", "ESTABLISHED responder",
                                          "ESTABLISHED initiator",  "REKEYED responder",       "DELETING responder",
                                          "CLOSED responder",       "AUTH_SENT initiator",     "INIT_SENT initiator",
                                          "USER_AWAITED responder", "USER_SENT initiator"};
  return names[static_cast<size_t>(s)];
}

struct Scene : TwoEndpoints {
  explicit Scene(Situation s) : TwoEndpoints(Staged::logging()), situation(s) {
    for (model::IkePolicySet* set : {&policy_a, &policy_b}) set->connections[0].dpd_delay = Duration::zero();
    // The second round is not come to, so that nobody needs a key.
    const model::LocalUser user{*model::Identity::parse("alice@example.org"), "a key of hers"};
    const model::RemoteUser any{std::nullopt, "an authority", true};
    if (s == Situation::user_awaited) {
      policy_a.connections[0].local_user = user;
      policy_b.connections[0].remote_user = any;
    }
    if (s == Situation::user_sent_initiator) {
      policy_a.connections[0].remote_user = any;
      policy_b.connections[0].local_user = user;
    }
    initiate();
    if (s == Situation::init_sent_initiator) return;
    deliver(a);
    if (s == Situation::init_done_responder) {
      next_in = 1;
      return;
    }
    deliver(b);
    if (s == Situation::auth_sent_initiator) {
      next_in = 0;
      awaited = 1;
      return;
    }
    if (s == Situation::auth_checking) {
      b.hold = true;
      deliver(a);
      next_in = 2;
      return;
    }
    if (s == Situation::user_awaited || s == Situation::user_sent_initiator) {
      deliver(a);
      next_in = 2;
      if (s == Situation::user_awaited) return;
      deliver(b);
      next_in = 0;
      awaited = 2;
      return;
    }
    run();
    next_in = s == Situation::established_initiator ? 0 : 2;
    if (s == Situation::rekeyed) {
      command(a, ike::RekeyIke{"tunnel"});
      deliver(a);
      next_in = 3;
    }
    if (s == Situation::deleting) {
      command(b, ike::Terminate{"tunnel", {}, {}});
      awaited = 0;
    }
    if (s == Situation::closed) {
      command(a, ike::Terminate{"tunnel", {}, {}});
      run();
      next_in = 3;
    }
  }
  bool at_initiator() const {
    return situation == Situation::established_initiator || situation == Situation::auth_sent_initiator ||
           situation == Situation::init_sent_initiator || situation == Situation::user_sent_initiator;
  }
  OneEnd& subject() { return at_initiator() ? a : b; }
  OneEnd& peer() { return at_initiator() ? b : a; }
  std::string state() {
    const auto status = subject().endpoint.status();
    return status.empty() ? "none" : status.front().state;
  }
  // The first IKE SA's keys: the rekeyed one is the old one.
  std::optional<Forger> forger() {
    for (const auto& e : subject().events) {
      const auto* log = std::get_if<ike::KeyLog>(&e);
      if (log && std::holds_alternative<ike::KeyLog::Ike>(log->keys))
        return Forger(std::get<ike::KeyLog::Ike>(log->keys));
    }
    return std::nullopt;
  }

  Situation situation;
  model::MessageId next_in = 0;             // the request ID the subject expects
  std::optional<model::MessageId> awaited;  // of the response it expects
};

struct Expected {
  bool answered = false;
  bool ends = false;  // the IKE SA is over afterwards
};

// What a sealed, empty message must lead to.
Expected expected(Situation s, uint8_t exchange, bool right_sender, bool response) {
  if (!right_sender) return {};
  const bool informational = exchange == 37;
  if (response) {
    // Whatever exchange type an awaited response claims, it is authentic and answers our request.
    if (s == Situation::deleting) return {false, true};
    if (s == Situation::auth_sent_initiator || s == Situation::user_sent_initiator) return {false, true};
    return {};
  }
  switch (s) {
    case Situation::init_done_responder: return {true, true};  // an empty IKE_AUTH is malformed, the rest is refused
    case Situation::auth_checking: return {};                  // window of one: the request in hand is not answered yet
    case Situation::established_responder:
    case Situation::established_initiator: return {true, !informational};
    case Situation::rekeyed: return {true, !informational};
    case Situation::deleting: return {true, !informational};
    case Situation::closed: return {false, true};
    case Situation::auth_sent_initiator:  // S2: no request before the peer is authenticated
    case Situation::init_sent_initiator:
    case Situation::user_sent_initiator: return {};
    case Situation::user_awaited: return {true, true};  // the second IKE_AUTH lacks the user that was announced
  }
  return {};
}

constexpr uint8_t kExchanges[] = {0, 1, 33, 35, 36, 37, 38, 39, 43, 240, 255};

}  // namespace

TEST_CASE("S1 S2 every state × exchange × flags with a sealed empty message: accepted exactly where the table says") {
  unsigned cases = 0;
  for (const Situation situation : kAll) {
    if (situation == Situation::init_sent_initiator) continue;  // no keys yet
    for (const uint8_t exchange : kExchanges) {
      for (unsigned flags = 0; flags < 4; ++flags) {
        const bool from_initiator = flags & 1, response = flags & 2;
        CAPTURE(name_of(situation));
        CAPTURE(int{exchange});
        CAPTURE(from_initiator);
        CAPTURE(response);
        Scene s(situation);
        auto forger = s.forger();
        REQUIRE(forger);
        const std::string before = s.state();
        const bool right_sender = from_initiator != s.at_initiator();
        auto header = forger->header(static_cast<ExchangeType>(exchange), response ? s.awaited.value_or(0) : s.next_in,
                                     from_initiator, response);
        ike::Datagram d;
        d.local = s.at_initiator() ? IpEndpoint{*IpAddr::parse("192.0.2.2"), 500}
                                   : IpEndpoint{*IpAddr::parse("192.0.2.1"), 500};
        d.remote = s.at_initiator() ? IpEndpoint{*IpAddr::parse("192.0.2.1"), 500}
                                    : IpEndpoint{*IpAddr::parse("192.0.2.2"), 500};
        d.payload = forger->seal(header, std::vector<Payload>{});
        s.subject().sent.clear();
        s.arrive(s.subject(), d);
        const Expected want = expected(situation, exchange, right_sender, response);
        CHECK(!s.subject().sent.empty() == want.answered);
        if (situation == Situation::rekeyed) {
          // Its successor lives on, whatever happens to the old one.
          CHECK(s.subject().endpoint.status().size() == (want.ends ? 1u : 2u));
        } else if (want.ends) {
          CHECK(s.state() == "none");
        } else {
          CHECK(s.state() == before);
        }
        // S9: a response never leads to a message of ours.
        if (response) CHECK(s.subject().sent.empty());
        ++cases;
      }
    }
  }
  CHECK(cases == 10 * 11 * 4);
}

TEST_CASE("S1 S2 every state × exchange × flags with a clear message: nothing but IKE_SA_INIT is ever looked at") {
  for (const Situation situation : kAll) {
    for (unsigned exchange = 0; exchange < 256; exchange += (exchange < 30 || exchange > 45 ? 15 : 1)) {
      for (unsigned flags = 0; flags < 4; ++flags) {
        CAPTURE(name_of(situation));
        CAPTURE(exchange);
        CAPTURE(flags);
        Scene s(situation);
        const std::string before = s.state();
        const size_t events = s.subject().events.size();
        const auto status = s.subject().endpoint.status();
        Message m;
        m.header.spi_i = 1;
        m.header.spi_r = 2;
        if (auto forger = s.forger()) {
          m.header.spi_i = forger->spi_i;
          m.header.spi_r = forger->spi_r;
        } else if (!status.empty()) {
          m.header.spi_i = status[0].spi_i;
        }
        m.header.exchange = static_cast<ExchangeType>(exchange);
        m.header.initiator_flag = flags & 1;
        m.header.response_flag = flags & 2;
        m.header.message_id = s.next_in;
        // D2 of the checklist's spirit: a Delete in clear, an error in clear, a finished authentication in clear.
        m.payloads.push_back(DeletePayload{model::Protocol::IKE, {}});
        m.payloads.push_back(NotifyPayload{0, {}, NotifyType::AUTHENTICATION_FAILED, {}});
        ike::Datagram d;
        d.local = {*IpAddr::parse(s.at_initiator() ? "192.0.2.2" : "192.0.2.1"), 500};
        d.remote = {*IpAddr::parse(s.at_initiator() ? "192.0.2.1" : "192.0.2.2"), 500};
        d.payload = write_message(m);
        s.subject().sent.clear();
        s.arrive(s.subject(), d);
        CHECK(s.subject().sent.empty());
        CHECK(s.subject().events.size() == events);
        CHECK(s.state() == before);
      }
    }
  }
}

TEST_CASE("S2 2014-2338 an IKE SA that nobody has authenticated cannot be rekeyed, given children or read") {
  for (const Stage stage : {Stage::child_request, Stage::rekey_ike_request, Stage::delete_child_request}) {
    CAPTURE(name_of(stage));
    Staged model_of(stage);
    const auto payloads = model_of.payloads();
    const auto exchange = model_of.header().exchange;
    Scene s(Situation::init_done_responder);
    Forger forger = *s.forger();
    ike::Datagram d;
    d.local = {*IpAddr::parse("192.0.2.1"), 500};
    d.remote = {*IpAddr::parse("192.0.2.2"), 500};
    d.payload = forger.seal(forger.header(exchange, 1, true), payloads);
    s.b.sent.clear();
    s.arrive(s.b, d);
    REQUIRE(s.b.sent.size() == 1);
    CHECK(find_notify(forger.payloads(s.b.sent.front().payload), NotifyType::INVALID_SYNTAX));
    CHECK(s.b.endpoint.status().empty());
    CHECK(s.b.endpoint.half_open() == 0);
    CHECK(s.b.count<ike::ChildSaReady>() == 0);
  }
}

TEST_CASE("[RFC7296 2.4] a request of the responder that overtakes its IKE_AUTH answer is taken when it comes again") {
  Staged s(Stage::auth_response);
  s.command(s.b, ike::RekeyChild{"tunnel", "net", {}});
  REQUIRE(s.b.sent.size() == 2);
  const ike::Datagram early = s.b.sent.back();
  s.b.sent.pop_back();
  s.arrive(s.a, early);
  CHECK(s.a.sent.empty());
  s.run();
  CHECK(s.a.event<ike::IkeSaUp>());
  s.pass(seconds(5));
  CHECK(s.b.row("we rekeyed a Child SA") == 1);
  CHECK(s.a.endpoint.status().size() == 1);
}

TEST_CASE("P2 datagrams shorter than a header, and every wrong length field, are dropped") {
  Scene s(Situation::established_responder);
  Forger forger = *s.forger();
  const Bytes good = forger.seal(forger.header(ExchangeType::INFORMATIONAL, 2, true), std::vector<Payload>{});
  ike::Datagram d;
  d.local = {*IpAddr::parse("192.0.2.1"), 500};
  d.remote = {*IpAddr::parse("192.0.2.2"), 500};
  for (size_t n = 0; n < good.size(); ++n) {
    d.payload = Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n));
    s.arrive(s.b, d);
  }
  for (const uint32_t length : {0u, 1u, 27u, 28u, static_cast<uint32_t>(good.size() - 1),
                                static_cast<uint32_t>(good.size() + 1), 0x7FFFFFFFu, 0xFFFFFFFFu}) {
    d.payload = good;
    store_be32(d.payload.data() + 24, length);
    s.arrive(s.b, d);
  }
  CHECK(s.b.sent.empty());
  CHECK(s.b.endpoint.counters().malformed == good.size() + 8);
  d.payload = good;
  s.arrive(s.b, d);
  CHECK(s.b.sent.size() == 1);
}

TEST_CASE("[RFC7296 3.1] both SPIs must be those of the IKE SA") {
  Scene s(Situation::established_responder);
  Forger forger = *s.forger();
  ike::Datagram d;
  d.local = {*IpAddr::parse("192.0.2.1"), 500};
  d.remote = {*IpAddr::parse("192.0.2.2"), 500};
  auto header = forger.header(ExchangeType::INFORMATIONAL, 2, true);
  header.spi_i ^= 1;
  d.payload = forger.seal(header, std::vector<Payload>{});
  s.arrive(s.b, d);
  CHECK(s.b.sent.empty());
  CHECK(s.b.endpoint.counters().unknown_spi == 1);
  // A message of ours sent back to us is not the peer's.
  s.command(s.b, ike::RekeyChild{"tunnel", "net", {}});
  REQUIRE(s.b.sent.size() == 1);
  d.payload = s.b.sent.front().payload;
  s.b.sent.clear();
  s.arrive(s.b, d);
  CHECK(s.b.sent.empty());
}

}  // namespace sallyport::test

TEST_SUITE_END();
