// IKE fragmentation between two endpoints. RFC 7383; robustness P12, T14.
#include <doctest/doctest.h>

#include <algorithm>

#include "support/forger.h"
#include "support/two_endpoints.h"

TEST_SUITE_BEGIN("exchange/fragmentation");

namespace sallyport::test {

using namespace wire::ike2;

namespace {

// Both authenticate with a chain of 6000 octets; the key process says yes to everything.
struct Heavy : TwoEndpoints {
  explicit Heavy(bool fragments_at_a = true, bool fragments_at_b = true, uint16_t packet = 1280)
      : TwoEndpoints(logging()) {
    for (model::IkePolicySet* set : {&policy_a, &policy_b}) {
      auto& c = set->connections[0];
      c.local_auth = c.remote_auth = {model::AuthPolicy::Kind::cert, "key", "cas"};
      c.fragmentation = set == &policy_a ? fragments_at_a : fragments_at_b;
      c.fragment_size = packet;
      c.dpd_delay = Duration::zero();
      set->credentials.push_back(
          {"key", model::AuthPolicy::Kind::cert, {Bytes(3000, 0x30), Bytes(3000, 0x31)}, model::KeyType::ecdsa_p256});
    }
    a.hold = b.hold = true;
    initiate();
    deliver(a);
    deliver(b);
    yes(a);
  }
  static ike::Config logging() {
    ike::Config config;
    config.key_log = true;
    return config;
  }
  void yes(OneEnd& end) {
    while (!end.held.empty()) {
      const ike::Request request = std::move(end.held.front());
      end.held.pop_front();
      model::KeyReply reply = model::Verdict{true, {}, "CN=x"};
      if (std::holds_alternative<model::Sign>(request.work)) reply = model::AuthData{Bytes(70, 1)};
      end.endpoint.handle_reply(now, request.id, std::move(reply));
      end.drain(now);
    }
  }
  void finish() {
    for (int i = 0; i < 6; ++i) {
      run();
      yes(a);
      yes(b);
    }
  }
  std::vector<ike::Datagram> take(OneEnd& from) {
    std::vector<ike::Datagram> out(from.sent.begin(), from.sent.end());
    from.sent.clear();
    return out;
  }
  bool up() const { return a.count<ike::IkeSaUp>() == 1 && b.count<ike::IkeSaUp>() == 1; }
};

// An IKE SA with fragmentation agreed, and the means to send b any fragment.
struct Open {
  Open() : forger((heavy.finish(), forger_of(heavy.b))) { REQUIRE(heavy.up()); }
  void fragment(uint16_t number, uint16_t total, const PayloadChain& text, model::MessageId id = 2) {
    ike::Datagram d;
    d.local = {*IpAddr::parse("192.0.2.1"), 500};
    d.remote = {*IpAddr::parse("192.0.2.2"), 500};
    d.payload = forger.seal(forger.header(ExchangeType::INFORMATIONAL, id, true), text, number, total);
    heavy.arrive(heavy.b, d);
  }
  size_t answers() const { return heavy.b.sent.size(); }
  bool stands() const {
    return heavy.b.endpoint.status().size() == 1 && heavy.b.endpoint.status()[0].state == "ESTABLISHED";
  }
  uint64_t dropped() const { return heavy.b.endpoint.counters().fragments_dropped; }

  Heavy heavy;
  Forger forger;
};

// A notify that says nothing, long enough to be cut in two.
PayloadChain half(bool first) {
  const PayloadChain whole = chain({RawPayload{41, 0, [] {
                                                 Writer w;
                                                 w.u8(0);
                                                 w.u8(0);
                                                 w.u16(40960);
                                                 w.zeros(100);
                                                 return w.take();
                                               }()}});
  PayloadChain out;
  out.first = first ? whole.first : PayloadType::NONE;
  const size_t middle = whole.bytes.size() / 2;
  out.bytes = first ? Bytes(whole.bytes.begin(), whole.bytes.begin() + static_cast<std::ptrdiff_t>(middle))
                    : Bytes(whole.bytes.begin() + static_cast<std::ptrdiff_t>(middle), whole.bytes.end());
  return out;
}

}  // namespace

TEST_CASE("[RFC7383 2.3] a long IKE_AUTH travels in fragments where both ends said they can, and each fits") {
  Heavy h;
  const auto parts = h.take(h.a);
  REQUIRE(parts.size() > 3);
  for (size_t i = 0; i < parts.size(); ++i) {
    // RFC 7383 2.5: header, message ID and exchange are the same in all of them.
    const auto message = *parse_message(parts[i].payload);
    const auto* skf = find<SkfPayload>(message.payloads);
    REQUIRE(skf);
    CHECK(skf->number == i + 1);
    CHECK(skf->total == parts.size());
    CHECK((skf->first_inner == PayloadType::NONE) == (i > 0));
    CHECK(message.header.message_id == 1);
    CHECK(parts[i].payload.size() + 28 <= 1280);
  }
  for (const auto& d : parts) h.arrive(h.b, d);
  h.finish();
  CHECK(h.up());
}

TEST_CASE("[RFC7383 2.3] without the agreement of both ends nothing is fragmented, and no fragment is taken") {
  for (unsigned who = 0; who < 3; ++who) {
    CAPTURE(who);
    Heavy h(who & 1, who & 2);
    auto parts = h.take(h.a);
    REQUIRE(parts.size() == 1);
    CHECK(parts[0].payload.size() > 6000);
    Forger forger = forger_of(h.b);
    ike::Datagram d = parts[0];
    d.payload = forger.seal(*wire::ike::parse_header(parts[0].payload), forger.open(parts[0].payload), 1, 1);
    h.arrive(h.b, d);
    CHECK(h.b.held.empty());
    CHECK(h.b.endpoint.counters().fragments_dropped == 1);
    h.arrive(h.b, parts[0]);
    h.finish();
    CHECK(h.up());
  }
}

TEST_CASE("P12 [RFC7383 2.6] fragments in any order, each twice, make one request") {
  SeededRng rng(3);
  for (int round = 0; round < 8; ++round) {
    Heavy h;
    auto parts = h.take(h.a);
    const size_t n = parts.size();
    parts.insert(parts.end(), parts.begin(), parts.end());
    for (size_t i = parts.size(); i > 1; --i) std::swap(parts[i - 1], parts[rng.below(i)]);
    for (const auto& d : parts) h.arrive(h.b, d);
    CHECK(h.b.held.size() == 1);
    CHECK(h.b.endpoint.counters().fragments_dropped + h.b.endpoint.counters().duplicate_differs <= n);
    h.finish();
    CHECK(h.up());
  }
}

TEST_CASE("P12 [RFC7383 2.6] a lost fragment: the repeated message brings it") {
  for (size_t lost = 0; lost < 3; ++lost) {
    Heavy h;
    auto parts = h.take(h.a);
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(lost));
    for (const auto& d : parts) h.arrive(h.b, d);
    CHECK(h.b.held.empty());
    h.now = *h.a.endpoint.next_deadline();
    h.a.endpoint.handle_deadline(h.now);
    h.a.drain(h.now);
    h.finish();
    CHECK(h.up());
  }
}

TEST_CASE("[RFC7383 2.6.1] a repeated fragmented request gets the stored answer once, for its first fragment") {
  Heavy h;
  const auto parts = h.take(h.a);
  for (const auto& d : parts) h.arrive(h.b, d);
  h.yes(h.b);
  const auto answer = h.take(h.b);
  REQUIRE(answer.size() > 3);
  for (const auto& d : parts) h.arrive(h.b, d);
  const auto again = h.take(h.b);
  REQUIRE(again.size() == answer.size());
  for (size_t i = 0; i < again.size(); ++i) CHECK(again[i].payload == answer[i].payload);
  CHECK(h.b.endpoint.counters().repeated_requests == 1);
}

TEST_CASE("P12 a damaged fragment is not stored: the true one completes the message") {
  Heavy h;
  const auto parts = h.take(h.a);
  for (const auto& d : parts) {
    ike::Datagram bad = d;
    bad.payload.back() ^= 1;
    h.arrive(h.b, bad);
    bad = d;
    bad.payload[33] ^= 1;  // its number
    h.arrive(h.b, bad);
    h.arrive(h.b, d);
  }
  CHECK(h.b.held.size() == 1);
  h.finish();
  CHECK(h.up());
}

TEST_CASE("P12 numbers and totals that make no sense are dropped, and the IKE SA goes on") {
  Open o;
  o.fragment(1, 33, half(true));
  o.fragment(1, 65535, half(true));
  o.fragment(65535, 65535, half(true));
  CHECK(o.dropped() == 3);
  o.fragment(0, 2, half(true));
  o.fragment(3, 2, half(true));
  CHECK(o.answers() == 0);
  o.fragment(1, 2, half(true));
  o.fragment(2, 2, half(false));
  CHECK(o.answers() == 1);
  CHECK(o.stands());
}

TEST_CASE("P12 the same number with other octets: the first one counts") {
  Open o;
  o.fragment(1, 2, half(true));
  PayloadChain other = half(true);
  std::fill(other.bytes.begin(), other.bytes.end(), uint8_t{0xFF});
  o.fragment(1, 2, other);
  CHECK(o.dropped() == 1);
  o.fragment(2, 2, half(false));
  CHECK(o.answers() == 1);
  CHECK(o.stands());
}

TEST_CASE("P12 [RFC7383 2.5] another first payload than in fragment 1 is refused in every other fragment") {
  Open o;
  o.fragment(1, 2, half(true));
  PayloadChain wrong = half(false);
  wrong.first = PayloadType::D;
  o.fragment(2, 2, wrong);
  CHECK(o.dropped() == 1);
  CHECK(o.answers() == 0);
  o.fragment(2, 2, half(false));
  CHECK(o.answers() == 1);
  CHECK(o.stands());
}

TEST_CASE("P12 [RFC7383 2.6] mixed totals: the sender started over with smaller pieces, older pieces are dropped") {
  Open o;
  o.fragment(1, 2, half(true));
  PayloadChain a = half(true), b = half(false);
  PayloadChain b1 = b, b2 = b;
  const auto middle = static_cast<std::ptrdiff_t>(b.bytes.size() / 2);
  b1.bytes.assign(b.bytes.begin(), b.bytes.begin() + middle);
  b2.bytes.assign(b.bytes.begin() + middle, b.bytes.end());
  o.fragment(1, 3, a);
  o.fragment(2, 2, b);
  CHECK(o.dropped() == 1);
  o.fragment(3, 3, b2);
  CHECK(o.answers() == 0);
  o.fragment(2, 3, b1);
  CHECK(o.answers() == 1);
  CHECK(o.stands());
}

TEST_CASE("P12 T14 more octets than a message may have: nothing of it stays, and the IKE SA goes on") {
  Open o;
  PayloadChain big;
  big.bytes.assign(4000, 0);
  for (uint16_t n = 2; n <= 32; ++n) o.fragment(n, 32, big);
  CHECK(o.dropped() >= 1);
  CHECK(o.answers() == 0);
  CHECK(o.stands());
  // Its remains go with their lifetime.
  o.heavy.now += seconds(31);
  o.heavy.b.endpoint.handle_deadline(o.heavy.now);
  o.heavy.b.drain(o.heavy.now);
  o.fragment(1, 2, half(true));
  o.fragment(2, 2, half(false));
  CHECK(o.answers() == 1);
}

TEST_CASE("P12 [RFC7383 2.6] what is not complete within its lifetime is dropped") {
  Open o;
  o.fragment(1, 2, half(true));
  o.heavy.now += seconds(31);
  o.heavy.b.endpoint.handle_deadline(o.heavy.now);
  o.heavy.b.drain(o.heavy.now);
  o.fragment(2, 2, half(false));
  CHECK(o.answers() == 0);
  o.fragment(1, 2, half(true));
  CHECK(o.answers() == 1);
}

TEST_CASE("[RFC7383 2.5.1] a message may be one fragment, and an empty one may be fragmented") {
  Open o;
  o.fragment(1, 1, PayloadChain{}, 2);
  CHECK(o.answers() == 1);
  CHECK(o.stands());
}

TEST_CASE("[RFC7383 2.6] garbage in fragments that fit together is one bad message, refused as such") {
  Open o;
  PayloadChain noise = half(true);
  std::fill(noise.bytes.begin(), noise.bytes.end(), uint8_t{0xA5});
  o.fragment(1, 2, noise);
  o.fragment(2, 2, half(false));
  REQUIRE(o.answers() == 1);
  CHECK(find_notify(o.forger.payloads(o.heavy.b.sent.front().payload), NotifyType::INVALID_SYNTAX));
}

TEST_CASE("[RFC7383 2.5.2] a packet too small for anything still carries something") {
  Heavy h(true, true, 600);
  const auto parts = h.take(h.a);
  CHECK(parts.size() > 10);
  for (const auto& d : parts) {
    CHECK(d.payload.size() + 28 <= 600);
    h.arrive(h.b, d);
  }
  h.finish();
  CHECK(h.up());
}

}  // namespace sallyport::test

TEST_SUITE_END();
