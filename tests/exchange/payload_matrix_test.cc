// Every payload of every message missing, doubled, moved, unknown, critical, garbled: robustness P3, P5, P6, T28 over
// the whole of IKEv2. RFC 7296 2.5, 2.21.
#include <doctest/doctest.h>

#include <algorithm>

#include "support/stages.h"

TEST_SUITE_BEGIN("exchange/payload_matrix");

namespace sallyport::test {

using namespace wire::ike2;

namespace {

bool must_have(Stage stage, const Payload& p) {
  switch (type_of(p)) {
    case PayloadType::SA:
    case PayloadType::KE:
    case PayloadType::Nonce:
    case PayloadType::IDi:
    case PayloadType::AUTH:
    case PayloadType::TSi:
    case PayloadType::TSr: return true;
    case PayloadType::IDr: return stage == Stage::auth_response;
    case PayloadType::D: return stage == Stage::delete_child_request;
    case PayloadType::N:
    case PayloadType::NONE:
    case PayloadType::CERT:
    case PayloadType::CERTREQ:
    case PayloadType::V:
    case PayloadType::SK:
    case PayloadType::SKF:
    case PayloadType::CP:
    case PayloadType::EAP: return false;
  }
  return false;
}

// A receiver that is still sound: it holds no more than its peer can have asked for, and goes on with time.
void sound(Staged& s) {
  s.run();
  s.pass(minutes(4));
  for (OneEnd* end : {&s.a, &s.b}) {
    CHECK(end->endpoint.status().size() <= 2);
    CHECK(end->count<ike::ChildSaReady>() <= 3);
    CHECK(end->held.empty());
  }
}

}  // namespace

TEST_CASE("the stages are what they say: unaltered, every message is taken") {
  for (const Stage stage : kAllStages) {
    CAPTURE(name_of(stage));
    Staged s(stage);
    REQUIRE(!s.sender().sent.empty());
    CHECK(!s.reached());
    s.deliver(s.sender());
    CHECK(s.reached());
    // Opened and sealed again it is the same to the receiver, except where AUTH covers the very octets.
    Staged again(stage);
    again.deliver_as(again.payloads());
    CHECK(again.reached());
  }
}

TEST_CASE("P5 [RFC7296 2.21] every must-have payload missing, one at a time: refused, and nothing else breaks") {
  unsigned cases = 0;
  for (const Stage stage : kAllStages) {
    CAPTURE(name_of(stage));
    const size_t n = Staged(stage).payloads().size();
    for (size_t i = 0; i < n; ++i) {
      Staged s(stage);
      auto payloads = s.payloads();
      const Payload gone = payloads[i];
      CAPTURE(to_string(type_of(gone)));
      payloads.erase(payloads.begin() + static_cast<std::ptrdiff_t>(i));
      const auto* notify = std::get_if<NotifyPayload>(&gone);
      const bool rekeys = notify && notify->type == NotifyType::REKEY_SA;
      s.deliver_as(payloads);
      // An answer to a Delete counts, whatever it lists; TSi of the first Child SA's answer belongs to that alone.
      const bool first_child =
          stage == Stage::auth_response &&
          (type_of(gone) == PayloadType::SA || type_of(gone) == PayloadType::TSi || type_of(gone) == PayloadType::TSr);
      const bool taken = !must_have(stage, gone) || first_child;
      CHECK(s.reached() == taken);
      if (first_child) {
        CHECK(s.a.count<ike::ChildSaReady>() == 0);
        CHECK(s.a.count<ike::AttemptFailed>() == 1);
      }
      if (!taken && !s.clear() && !s.response() && stage != Stage::delete_child_request) CHECK(s.answered_with() != 0);
      if (!rekeys) sound(s);
      ++cases;
    }
  }
  CHECK(cases > 45);
}

TEST_CASE("P5 every payload twice: what may stand once only is refused, the others are taken") {
  for (const Stage stage : kAllStages) {
    CAPTURE(name_of(stage));
    const size_t n = Staged(stage).payloads().size();
    for (size_t i = 0; i < n; ++i) {
      Staged s(stage);
      auto payloads = s.payloads();
      const Payload twin = payloads[i];
      CAPTURE(to_string(type_of(twin)));
      payloads.push_back(twin);
      s.deliver_as(payloads);
      const PayloadType type = type_of(twin);
      const bool many = type == PayloadType::N || type == PayloadType::D || type == PayloadType::CERTREQ ||
                        type == PayloadType::CERT || type == PayloadType::V;
      CHECK(s.reached() == many);
      if (!many && !s.clear() && !s.response()) {
        CHECK(s.answered_with() == static_cast<uint16_t>(NotifyType::INVALID_SYNTAX));
      }
      sound(s);
    }
  }
}

TEST_CASE("P5 [RFC7296 2.5] payloads in any other order are no reason to refuse a message") {
  SeededRng rng(11);
  for (const Stage stage : kAllStages) {
    CAPTURE(name_of(stage));
    const size_t n = Staged(stage).payloads().size();
    for (unsigned round = 0; round < 40; ++round) {
      Staged s(stage);
      auto payloads = s.payloads();
      if (round == 0) {
        std::reverse(payloads.begin(), payloads.end());
      } else {
        for (size_t i = n; i > 1; --i) std::swap(payloads[i - 1], payloads[rng.below(i)]);
      }
      s.deliver_as(payloads);
      CHECK(s.reached());
      if (n < 2) break;
    }
  }
}

TEST_CASE("P6 [RFC7296 2.5] an unknown payload without the critical bit is skipped, in any place") {
  for (const Stage stage : kAllStages) {
    CAPTURE(name_of(stage));
    const size_t n = Staged(stage).payloads().size();
    for (size_t at = 0; at <= n; ++at) {
      Staged s(stage);
      auto payloads = raw(s.payloads());
      payloads.insert(payloads.begin() + static_cast<std::ptrdiff_t>(at), RawPayload{200, 0, Bytes(17, 0xAB)});
      s.deliver_as(payloads);
      CHECK(s.reached());
    }
  }
}

TEST_CASE("P6 [RFC7296 2.5] an unknown critical payload: a request is refused by name, a response ends the exchange") {
  for (const Stage stage : kAllStages) {
    CAPTURE(name_of(stage));
    const size_t n = Staged(stage).payloads().size();
    for (size_t at = 0; at <= n; ++at) {
      Staged s(stage);
      auto payloads = raw(s.payloads());
      payloads.insert(payloads.begin() + static_cast<std::ptrdiff_t>(at), RawPayload{200, 0x80, Bytes(17, 0xAB)});
      s.deliver_as(payloads);
      CHECK(!s.reached());
      if (!s.response()) {
        REQUIRE(!s.receiver().sent.empty());
        const Bytes answer = s.receiver().sent.back().payload;
        const auto inner = s.clear() ? parse_message(answer)->payloads : forger_of(s.receiver()).payloads(answer);
        const auto* notify = find_notify(inner, NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD);
        REQUIRE(notify);
        CHECK(notify->content == Bytes{200});
        CHECK(inner.size() == 1);
      }
      sound(s);
    }
  }
}

TEST_CASE("P6 [RFC7296 2.5] the critical bit of payloads that we know changes nothing") {
  for (const Stage stage : kAllStages) {
    CAPTURE(name_of(stage));
    Staged s(stage);
    auto payloads = raw(s.payloads());
    for (RawPayload& p : payloads) p.flags = 0x80;
    s.deliver_as(payloads);
    // RFC 7296 2.15: AUTH is over the octets as sent, so a changed IKE_SA_INIT is still taken here and fails later.
    CHECK(s.reached());
  }
}

TEST_CASE("[RFC7296 2.5] reserved bits, header flags of no meaning and a higher minor version are ignored") {
  for (const Stage stage : kAllStages) {
    CAPTURE(name_of(stage));
    Staged s(stage);
    auto payloads = raw(s.payloads());
    for (RawPayload& p : payloads) p.flags = 0x7F;
    ike::Datagram d = s.sender().sent.front();
    auto header = s.header();
    header.minor = 7;
    header.version_flag = true;
    const PayloadChain inner = chain(payloads);
    if (s.clear()) {
      header.next = inner.first;
      header.length = static_cast<uint32_t>(28 + inner.bytes.size());
      Writer out;
      wire::ike::write_header(header, out);
      out.bytes(inner.bytes);
      d.payload = out.take();
      d.payload[19] = static_cast<uint8_t>(d.payload[19] | 0xC7);
    } else {
      d.payload = s.forger().seal(header, inner);
    }
    s.arrive(s.receiver(), d);
    CHECK(s.reached());
  }
}

TEST_CASE("T28 garbage sealed with the right keys never breaks the receiver") {
  SeededRng rng(5);
  for (const Stage stage : kAllStages) {
    CAPTURE(name_of(stage));
    for (unsigned round = 0; round < 25; ++round) {
      CAPTURE(round);
      Staged s(stage);
      PayloadChain noise;
      noise.first = static_cast<PayloadType>(round % 5 == 0 ? rng.below(256) : 33 + rng.below(16));
      noise.bytes.resize(rng.below(200));
      rng.fill(noise.bytes);
      s.deliver_as(noise);
      if (!s.clear() && !s.response()) CHECK(!s.receiver().sent.empty());
      sound(s);
    }
  }
}

TEST_CASE("T28 P3 every octet of every sealed message damaged before it is sealed") {
  for (const Stage stage : kAllStages) {
    CAPTURE(name_of(stage));
    const size_t n = chain(raw(Staged(stage).payloads())).bytes.size();
    for (size_t at = 0; at < n; ++at) {
      CAPTURE(at);
      Staged s(stage);
      PayloadChain inner = chain(raw(s.payloads()));
      inner.bytes[at] = static_cast<uint8_t>(inner.bytes[at] ^ (at % 3 == 0 ? 0xFFu : 1u << (at % 8)));
      s.deliver_as(inner);
      if (!s.clear() && !s.response()) CHECK(!s.receiver().sent.empty());
      s.run();
      CHECK(s.a.endpoint.status().size() <= 2);
      CHECK(s.b.endpoint.status().size() <= 2);
    }
  }
}

TEST_CASE("P3 every truncation of every sealed message, sealed again") {
  for (const Stage stage : kAllStages) {
    CAPTURE(name_of(stage));
    const size_t n = chain(raw(Staged(stage).payloads())).bytes.size();
    for (size_t keep = 0; keep < n; ++keep) {
      Staged s(stage);
      PayloadChain inner = chain(raw(s.payloads()));
      inner.bytes.resize(keep);
      s.deliver_as(inner);
      CHECK(!s.reached());
      if (!s.clear() && !s.response()) {
        CHECK(s.answered_with() == static_cast<uint16_t>(NotifyType::INVALID_SYNTAX));
      }
    }
  }
}

TEST_CASE("[RFC7296 2.21.3] INVALID_SYNTAX ends an authenticated IKE SA at both ends without a Delete") {
  for (const Stage stage :
       {Stage::child_request, Stage::rekey_child_request, Stage::rekey_ike_request, Stage::delete_child_request}) {
    CAPTURE(name_of(stage));
    Staged s(stage);
    PayloadChain inner = chain(raw(s.payloads()));
    inner.bytes.resize(inner.bytes.size() - 1);
    s.deliver_as(inner);
    CHECK(s.answered_with() == static_cast<uint16_t>(NotifyType::INVALID_SYNTAX));
    CHECK(s.b.endpoint.status().empty());
    REQUIRE(s.b.event<ike::IkeSaDown>());
    CHECK(!s.b.event<ike::IkeSaDown>()->by_command);
    s.deliver(s.b);
    CHECK(s.a.endpoint.status().empty());
    CHECK(s.a.row("INVALID_SYNTAX ends the IKE SA") == 1);
    REQUIRE(s.a.event<ike::IkeSaDown>());
    CHECK(s.a.sent.empty());
    CHECK(s.b.sent.empty());
  }
}

TEST_CASE(
    "[RFC7296 2.21.2] an error notify in the request right after IKE_AUTH ends the IKE SA, later it changes nothing") {
  for (const bool at_once : {true, false}) {
    CAPTURE(at_once);
    Staged s(Stage::auth_response);
    s.run();
    if (!at_once) {
      s.command(s.a, ike::RekeyChild{"tunnel", "net", {}});
      s.run();
    }
    Forger forger = forger_of(s.b);
    ike::Datagram d;
    d.local = {*IpAddr::parse("192.0.2.1"), 500};
    d.remote = {*IpAddr::parse("192.0.2.2"), 500};
    const model::MessageId id = at_once ? 2 : 4;
    d.payload = forger.seal(forger.header(ExchangeType::INFORMATIONAL, id, true),
                            std::vector<Payload>{NotifyPayload{0, {}, NotifyType::INVALID_SYNTAX, {}}});
    s.arrive(s.b, d);
    CHECK(s.b.endpoint.status().empty() == at_once);
    CHECK(s.b.sent.size() == 1);
    CHECK(forger.payloads(s.b.sent.front().payload).empty());
  }
}

}  // namespace sallyport::test

TEST_SUITE_END();
