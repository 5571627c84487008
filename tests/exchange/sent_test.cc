// What we send, octet by octet, in every message of a whole life: the sender's half of RFC 7296 section 2.2, 2.5, 2.6,
// 2.10, 2.11 and 3.
#include <doctest/doctest.h>

#include <set>

#include "support/stages.h"

TEST_SUITE_BEGIN("exchange/sent");

namespace sallyport::test {

using namespace wire::ike2;

namespace {

// The critical bit and the reserved bits of every generic header of a chain.
void check_generic_headers(PayloadType first, ByteView bytes) {
  size_t at = 0;
  auto type = static_cast<uint8_t>(first);
  while (type != 0) {
    REQUIRE(at + 4 <= bytes.size());
    CHECK(bytes[at + 1] == 0);
    const uint16_t length = load_be16(bytes.data() + at + 2);
    REQUIRE(length >= 4);
    type = bytes[at];
    at += length;
  }
  CHECK(at == bytes.size());
}

void check_header(const Staged& s, const Bytes& datagram, bool response) {
  const auto header = *wire::ike::parse_header(datagram);
  CHECK(header.major == 2);
  CHECK(header.minor == 0);
  CHECK(header.spi_i != 0);
  CHECK((header.spi_r == 0) == (s.stage == Stage::init_request));
  // Only R and I may be set: V and the unnamed bits are zero. a is the original initiator of everything here.
  CHECK((datagram[19] & ~0x28) == 0);
  CHECK(header.initiator_flag == !response);
  CHECK(header.response_flag == response);
}

void check_payloads(const Staged& s, const std::vector<Payload>& payloads) {
  for (const Payload& p : payloads) {
    if (const auto* notify = std::get_if<NotifyPayload>(&p)) {
      CHECK(notify->spi.empty() == (notify->protocol == 0));
      if (notify->type == NotifyType::REKEY_SA) CHECK(notify->protocol == 3);
    } else if (const auto* sa = std::get_if<SaPayload>(&p)) {
      for (size_t i = 0; i < sa->proposals.size(); ++i) {
        const model::Proposal& proposal = sa->proposals[i];
        CHECK(proposal.number == i + 1);
        const size_t octets = proposal.protocol != model::Protocol::IKE ? 4 : s.clear() ? 0 : 8;
        CHECK(proposal.spi.size() == octets);
        CHECK(!proposal.unusable);
      }
      if (s.response()) CHECK(sa->proposals.size() == 1);
    } else if (const auto* id = std::get_if<IdPayload>(&p)) {
      for (const uint8_t octet : id->id.value) CHECK(octet >= 0x20);
    } else if (const auto* away = std::get_if<DeletePayload>(&p)) {
      CHECK(away->spis.size() == 1);
    }
  }
}

}  // namespace

TEST_CASE("[RFC7296 3.1] [RFC7296 2.5] versions, flags, reserved fields and critical bits of everything we send") {
  for (const Stage stage : kAllStages) {
    CAPTURE(name_of(stage));
    Staged s(stage);
    const Bytes datagram = s.sender().sent.front().payload;
    check_header(s, datagram, s.response());
    if (s.clear()) {
      const auto message = *parse_message(datagram);
      check_generic_headers(message.header.next, ByteView(datagram).subspan(28));
      // Written again from its meaning it is the same: no reserved field held anything.
      CHECK(write_message(message) == datagram);
      check_payloads(s, message.payloads);
      continue;
    }
    // RFC 7296 3.14: one sealed payload, the last one, and none inside.
    CHECK(parse_message(datagram)->payloads.size() == 1);
    CHECK(datagram[29] == 0);
    const PayloadChain inner = s.forger().open(datagram);
    check_generic_headers(inner.first, inner.bytes);
    const auto payloads = *parse_payloads(inner.first, inner.bytes);
    CHECK(write_payloads(payloads).bytes == inner.bytes);
    check_payloads(s, payloads);
  }
}

TEST_CASE("[RFC7296 1.2] [RFC7296 2.5] payloads go out in the order of the standard's figures") {
  const auto order = [](Stage stage) {
    std::vector<PayloadType> out;
    for (const Payload& p : Staged(stage).payloads()) {
      if (type_of(p) != PayloadType::N) out.push_back(type_of(p));
    }
    return out;
  };
  using P = PayloadType;
  CHECK(order(Stage::init_request) == std::vector<P>{P::SA, P::KE, P::Nonce, P::V});
  CHECK(order(Stage::init_response) == std::vector<P>{P::SA, P::KE, P::Nonce, P::V});
  CHECK(order(Stage::auth_request) == std::vector<P>{P::IDi, P::IDr, P::AUTH, P::SA, P::TSi, P::TSr});
  CHECK(order(Stage::auth_response) == std::vector<P>{P::IDr, P::AUTH, P::SA, P::TSi, P::TSr});
  CHECK(order(Stage::child_request) == std::vector<P>{P::SA, P::Nonce, P::KE, P::TSi, P::TSr});
  CHECK(order(Stage::child_response) == std::vector<P>{P::SA, P::Nonce, P::KE, P::TSi, P::TSr});
  CHECK(order(Stage::rekey_ike_request) == std::vector<P>{P::SA, P::Nonce, P::KE});
  CHECK(order(Stage::rekey_ike_response) == std::vector<P>{P::SA, P::Nonce, P::KE});
}

TEST_CASE("[RFC7296 1.3] [RFC7296 3.4] the KE payload is of a group that the SA payload beside it proposes") {
  for (const Stage stage : {Stage::init_request, Stage::init_response, Stage::child_request, Stage::child_response,
                            Stage::rekey_ike_request, Stage::rekey_ike_response}) {
    CAPTURE(name_of(stage));
    Staged s(stage);
    const auto payloads = s.payloads();
    const auto* ke = find<KePayload>(payloads);
    const auto* sa = find<SaPayload>(payloads);
    REQUIRE(ke);
    REQUIRE(sa);
    bool proposed = false;
    for (const auto& proposal : sa->proposals) {
      for (const auto& t : proposal.transforms) {
        proposed = proposed || (t.type == model::TransformType::KE && t.id == ke->group);
      }
    }
    CHECK(proposed);
  }
}

TEST_CASE("[RFC7296 3.4] without a group in the proposal there is no KE payload") {
  for (const Stage stage : {Stage::auth_request, Stage::rekey_child_request, Stage::rekey_child_response}) {
    CHECK(!find<KePayload>(Staged(stage).payloads()));
  }
}

TEST_CASE("[RFC7296 2.10] [RFC7296 3.9] nonces have 32 octets, half the key of the largest prf, and never come twice") {
  std::set<Bytes> seen;
  TwoEndpoints t(Staged::logging());
  t.initiate();
  unsigned n = 0;
  for (int round = 0; round < 30; ++round) {
    for (OneEnd* end : {&t.a, &t.b}) {
      while (!end->sent.empty()) {
        const Bytes datagram = end->sent.front().payload;
        const auto header = *wire::ike::parse_header(datagram);
        const bool clear = header.exchange == ExchangeType::IKE_SA_INIT;
        std::optional<Forger> forger;
        for (const auto& e : end->events) {
          const auto* log = std::get_if<ike::KeyLog>(&e);
          const auto* keys = log ? std::get_if<ike::KeyLog::Ike>(&log->keys) : nullptr;
          if (keys && keys->spi_i == header.spi_i && keys->spi_r == header.spi_r) forger.emplace(*keys);
        }
        const auto payloads = clear ? parse_message(datagram)->payloads : forger->payloads(datagram);
        if (const auto* nonce = find<NoncePayload>(payloads)) {
          CHECK(nonce->value.size() == 32);
          CHECK(seen.insert(nonce->value).second);
          ++n;
        }
        t.deliver(*end);
      }
    }
    if (round % 2) {
      t.command(t.a, ike::RekeyChild{"tunnel", "net", {}});
    } else {
      t.command(t.b, ike::RekeyIke{"tunnel"});
    }
  }
  CHECK(n >= 25);
}

TEST_CASE("[RFC7296 2.2] message IDs of requests count up by one; a response has the ID and exchange of its request") {
  TwoEndpoints t;
  t.initiate();
  model::MessageId next_a = 0;
  for (int round = 0; round < 8; ++round) {
    while (!t.a.sent.empty()) {
      const auto request = *wire::ike::parse_header(t.a.sent.front().payload);
      if (request.response_flag) {
        t.deliver(t.a);
        continue;
      }
      CHECK(request.message_id == next_a++);
      t.deliver(t.a);
      REQUIRE(t.b.sent.size() == 1);
      const auto response = *wire::ike::parse_header(t.b.sent.front().payload);
      CHECK(response.response_flag);
      CHECK(response.message_id == request.message_id);
      CHECK(response.exchange == request.exchange);
      t.deliver(t.b);
    }
    t.command(t.a, ike::RekeyChild{"tunnel", "net", {}});
  }
  CHECK(next_a >= 10);
}

TEST_CASE(
    "[RFC7296 2.11] [RFC7296 2.23] requests are taken from any port; the answer goes back there, from where it came "
    "in") {
  Staged s(Stage::init_request);
  ike::Datagram d = s.a.sent.front();
  d.local.port = 1234;
  s.arrive(s.b, d);
  REQUIRE(s.b.sent.size() == 1);
  CHECK(s.b.sent.front().remote == IpEndpoint{*IpAddr::parse("192.0.2.1"), 1234});
  CHECK(s.b.sent.front().local == IpEndpoint{*IpAddr::parse("192.0.2.2"), 500});
  d.local.port = 61000;
  d.remote.port = 4500;
  d.natt = true;
  s.b.sent.clear();
  s.arrive(s.b, d);
  REQUIRE(s.b.sent.size() == 1);
  CHECK(s.b.sent.front().remote == IpEndpoint{*IpAddr::parse("192.0.2.1"), 61000});
  CHECK(s.b.sent.front().local.port == 4500);
  CHECK(s.b.sent.front().natt);
}

TEST_CASE(
    "[RFC7296 2.23] behind a NAT everything after IKE_SA_INIT goes from port 4500, with the marker, and ESP in UDP") {
  TwoEndpoints t;
  t.nat_for_b = *IpAddr::parse("203.0.113.4");
  t.policy_b.connections[0].remote_addrs.clear();
  t.initiate();
  t.deliver(t.a);
  t.deliver(t.b);
  REQUIRE(t.a.sent.size() == 1);
  CHECK(t.a.sent.front().local.port == 4500);
  CHECK(t.a.sent.front().remote.port == 4500);
  CHECK(t.a.sent.front().natt);
  t.run();
  REQUIRE(t.a.event<ike::ChildSaReady>());
  REQUIRE(t.b.event<ike::ChildSaReady>());
  CHECK(t.a.event<ike::ChildSaReady>()->sa.udp_encap);
  CHECK(t.b.event<ike::ChildSaReady>()->sa.udp_encap);
  CHECK(t.b.event<ike::ChildSaReady>()->sa.remote.addr == *IpAddr::parse("203.0.113.4"));
  CHECK(t.a.event<ike::IkeSaUp>()->nat_local);
  CHECK(!t.a.event<ike::IkeSaUp>()->nat_remote);
}

TEST_CASE("[RFC7296 2.23] both ends say where they see each other in IKE_SA_INIT") {
  for (const Stage stage : {Stage::init_request, Stage::init_response}) {
    const auto payloads = Staged(stage).payloads();
    CHECK(find_notify(payloads, NotifyType::NAT_DETECTION_SOURCE_IP));
    CHECK(find_notify(payloads, NotifyType::NAT_DETECTION_DESTINATION_IP));
  }
}

TEST_CASE("[RFC7296 2.7] [RFC7296 3.3.6] an answer with a proposal that was not offered is refused in every exchange") {
  for (const Stage stage : {Stage::init_response, Stage::auth_response, Stage::child_response,
                            Stage::rekey_child_response, Stage::rekey_ike_response}) {
    CAPTURE(name_of(stage));
    for (int change = 0; change < 5; ++change) {
      CAPTURE(change);
      Staged s(stage);
      auto payloads = s.payloads();
      for (Payload& p : payloads) {
        auto* sa = std::get_if<SaPayload>(&p);
        if (!sa) continue;
        model::Proposal& proposal = sa->proposals.at(0);
        switch (change) {
          case 0: proposal.number = 9; break;
          case 1: proposal.transforms.at(0).key_bits = 192; break;
          case 2: proposal.transforms.push_back(proposal.transforms.at(0)); break;
          case 3: sa->proposals.push_back(proposal); break;
          default: proposal.transforms.at(0).id = 12; break;
        }
      }
      s.deliver_as(payloads);
      const size_t children = s.a.count<ike::ChildSaReady>();
      CHECK(children == (stage == Stage::init_response || stage == Stage::auth_response ? 0u : 1u));
      CHECK(s.a.count<ike::IkeSaRekeyed>() == 0);
      CHECK(s.a.count<ike::AttemptFailed>() == 1);
      if (stage == Stage::child_response || stage == Stage::rekey_child_response || stage == Stage::auth_response) {
        // RFC 7296 1.3.1, 2.21: what the peer has made all the same is deleted.
        s.run();
        CHECK(s.b.count<ike::ChildSaRemoved>() == 1);
      }
    }
  }
}

TEST_CASE("[RFC7296 2.9] an answer with wider traffic selectors than asked for is refused") {
  for (const Stage stage : {Stage::auth_response, Stage::child_response, Stage::rekey_child_response}) {
    CAPTURE(name_of(stage));
    Staged s(stage);
    auto payloads = s.payloads();
    for (Payload& p : payloads) {
      if (auto* ts = std::get_if<TsPayload>(&p)) ts->selectors = *TwoEndpoints::selectors("0.0.0.0/0");
    }
    s.deliver_as(payloads);
    CHECK(s.a.event<ike::AttemptFailed>()->code == Errc::ts_unacceptable);
    CHECK(s.a.endpoint.status().size() == 1);
  }
}

TEST_CASE("[RFC7296 2.21.2] the IKE SA stands although its first Child SA was refused, whatever the reason") {
  for (const NotifyType type :
       {NotifyType::NO_PROPOSAL_CHOSEN, NotifyType::TS_UNACCEPTABLE, NotifyType::SINGLE_PAIR_REQUIRED,
        NotifyType::INTERNAL_ADDRESS_FAILURE, NotifyType::FAILED_CP_REQUIRED, static_cast<NotifyType>(8000)}) {
    Staged s(Stage::auth_response);
    auto payloads = s.payloads();
    std::erase_if(payloads, [](const Payload& p) {
      return type_of(p) == PayloadType::SA || type_of(p) == PayloadType::TSi || type_of(p) == PayloadType::TSr;
    });
    payloads.push_back(NotifyPayload{0, {}, type, {}});
    s.deliver_as(payloads);
    CHECK(s.a.event<ike::IkeSaUp>());
    CHECK(s.a.count<ike::ChildSaReady>() == 0);
    CHECK(s.a.event<ike::AttemptFailed>()->child == "net");
    CHECK(s.a.endpoint.status().size() == 1);
  }
}

TEST_CASE("[RFC7296 3.10.1] status notifies, vendor IDs and error notifies nobody knows are ignored in requests") {
  for (const Stage stage : {Stage::init_request, Stage::auth_request, Stage::child_request, Stage::rekey_child_request,
                            Stage::rekey_ike_request, Stage::delete_child_request}) {
    CAPTURE(name_of(stage));
    Staged s(stage);
    auto payloads = s.payloads();
    payloads.push_back(NotifyPayload{0, {}, static_cast<NotifyType>(16383), {}});
    payloads.push_back(NotifyPayload{0, {}, static_cast<NotifyType>(8190), Bytes(5, 1)});
    payloads.push_back(NotifyPayload{0, {}, static_cast<NotifyType>(40999), Bytes(50, 1)});
    payloads.push_back(VendorPayload{Bytes(16, 0x56)});
    s.deliver_as(payloads);
    CHECK(s.reached());
  }
}

TEST_CASE("[RFC7296 2.18] a rekey of the IKE SA without a key exchange is neither proposed nor accepted") {
  Staged s(Stage::rekey_ike_request);
  auto payloads = s.payloads();
  const auto* sa = find<SaPayload>(payloads);
  for (const auto& proposal : sa->proposals) {
    CHECK(std::any_of(proposal.transforms.begin(), proposal.transforms.end(),
                      [](const model::Transform& t) { return t.type == model::TransformType::KE && t.id != 0; }));
  }
  for (Payload& p : payloads) {
    if (auto* own = std::get_if<SaPayload>(&p)) {
      for (auto& proposal : own->proposals) {
        std::erase_if(proposal.transforms,
                      [](const model::Transform& t) { return t.type == model::TransformType::KE; });
      }
    }
  }
  s.deliver_as(payloads);
  CHECK(!s.reached());
  CHECK(s.answered_with() == static_cast<uint16_t>(NotifyType::NO_PROPOSAL_CHOSEN));
}

TEST_CASE("[RFC7296 2.16] an IKE_AUTH request without AUTH wishes for EAP, which is refused cleanly") {
  Staged s(Stage::auth_request);
  auto payloads = s.payloads();
  std::erase_if(payloads, [](const Payload& p) { return type_of(p) == PayloadType::AUTH; });
  s.deliver_as(payloads);
  CHECK(s.answered_with() == static_cast<uint16_t>(NotifyType::AUTHENTICATION_FAILED));
  CHECK(s.b.endpoint.status().empty());
}

TEST_CASE("[RFC7296 2.19] a configuration request is ignored: no reply is sent, the rest goes on") {
  Staged s(Stage::auth_request);
  auto payloads = s.payloads();
  payloads.push_back(CpPayload{1, {{1, {}}, {3, {}}}});
  s.deliver_as(payloads);
  CHECK(s.reached());
  CHECK(!find<CpPayload>(forger_of(s.b).payloads(s.b.sent.back().payload)));
}

TEST_CASE("[RFC7296 2.15] T23 an unknown identity and a wrong AUTH are answered alike") {
  std::vector<Bytes> answers;
  for (const bool identity : {true, false}) {
    Staged s(Stage::auth_request);
    auto payloads = s.payloads();
    for (Payload& p : payloads) {
      auto* id = std::get_if<IdPayload>(&p);
      auto* auth = std::get_if<AuthPayload>(&p);
      if (identity && id && id->initiator) id->id = *model::Identity::parse("c.test");
      if (!identity && auth) auth->content.back() ^= 1;
    }
    s.deliver_as(payloads);
    REQUIRE(s.b.sent.size() == 1);
    answers.push_back(forger_of(s.b).open(s.b.sent.back().payload).bytes);
    CHECK(s.b.endpoint.status().empty());
  }
  CHECK(answers[0] == answers[1]);
}

TEST_CASE("S3 2015-4171 nothing of ours goes to a responder whose identity is not the one we want") {
  Staged s(Stage::auth_response);
  auto payloads = s.payloads();
  for (Payload& p : payloads) {
    if (auto* id = std::get_if<IdPayload>(&p)) id->id = *model::Identity::parse("c.test");
  }
  s.deliver_as(payloads);
  CHECK(s.a.count<ike::IkeSaUp>() == 0);
  REQUIRE(s.a.event<ike::AttemptFailed>());
  CHECK(s.a.event<ike::AttemptFailed>()->code == Errc::authentication_failed);
  // RFC 7296 2.21.2: the responder, who held it for established, is told.
  s.run();
  CHECK(s.b.endpoint.status().empty());
}

}  // namespace sallyport::test

TEST_SUITE_END();
