// What CREATE_CHILD_SA and Deletes are refused with, and what follows. RFC 7296 1.3, 1.4.1, 2.25; robustness S5.
#include <doctest/doctest.h>

#include "support/by_hand.h"

TEST_SUITE_BEGIN("exchange/create_child");

namespace sallyport::test {

using namespace wire::ike2;

TEST_CASE("[RFC7296 1.3] INVALID_KE_PAYLOAD in CREATE_CHILD_SA leads to the other group") {
  TwoEndpoints t;
  t.policy_a.connections[0].children[0].proposals = {
      *model::parse_proposal(model::Protocol::ESP, "aes128gcm16-x25519-ecp256")};
  t.policy_b.connections[0].children[0].proposals = {
      *model::parse_proposal(model::Protocol::ESP, "aes128gcm16-ecp256")};
  t.initiate();
  t.run();
  t.command(t.a, ike::RekeyChild{"tunnel", "net", {}});
  t.run();
  CHECK(t.b.row("INVALID_KE_PAYLOAD to CREATE_CHILD_SA") == 1);
  CHECK(t.a.row("INVALID_KE_PAYLOAD obeyed in CREATE_CHILD_SA") == 1);
  CHECK(t.a.row("we rekeyed a Child SA") == 1);
  CHECK(t.a.count<ike::AttemptFailed>() == 0);
}

TEST_CASE("[RFC7296 1.3.2] INVALID_KE_PAYLOAD in the rekey of an IKE SA leads to the other group") {
  TwoEndpoints t;
  const auto both = *model::parse_proposal(model::Protocol::IKE, "aes256gcm16-prfsha256-x25519-ecp256");
  t.policy_a.connections[0].ike_proposals = t.policy_b.connections[0].ike_proposals = {both};
  t.initiate();
  t.run();
  t.policy_b.connections[0].ike_proposals = {
      *model::parse_proposal(model::Protocol::IKE, "aes256gcm16-prfsha256-ecp256")};
  t.command(t.b, ike::SetPolicy{std::make_shared<model::IkePolicySet>(t.policy_b)});
  t.command(t.a, ike::RekeyIke{"tunnel"});
  t.run();
  CHECK(t.a.row("INVALID_KE_PAYLOAD obeyed in CREATE_CHILD_SA") == 1);
  CHECK(t.a.row("we rekeyed the IKE SA") == 1);
  CHECK(t.a.endpoint.status().size() == 1);
}

TEST_CASE("[RFC7296 1.3] INVALID_KE_PAYLOAD with a group we did not offer, or no group at all, ends the attempt") {
  for (const Bytes& group : {Bytes{0, 14}, Bytes{0, 31}, Bytes{}, Bytes{1}, Bytes{0, 14, 0}, Bytes{0xFF, 0xFF}}) {
    Staged s(Stage::child_response);
    s.deliver_as(notify(NotifyType::INVALID_KE_PAYLOAD, group));
    CHECK(s.a.sent.empty());
    CHECK(s.a.count<ike::AttemptFailed>() == 1);
    CHECK(s.a.endpoint.status().size() == 1);
  }
}

TEST_CASE("[RFC7296 1.3] each refusal of a Child SA is one sentence for that child, and the IKE SA stays") {
  struct Row {
    NotifyType type;
    Errc code;
  };
  for (const Row& row :
       {Row{NotifyType::NO_ADDITIONAL_SAS, Errc::limit}, Row{NotifyType::NO_PROPOSAL_CHOSEN, Errc::no_proposal_chosen},
        Row{NotifyType::TS_UNACCEPTABLE, Errc::ts_unacceptable},
        Row{NotifyType::SINGLE_PAIR_REQUIRED, Errc::unsupported},
        Row{NotifyType::INTERNAL_ADDRESS_FAILURE, Errc::unsupported},
        Row{NotifyType::FAILED_CP_REQUIRED, Errc::unsupported},
        Row{static_cast<NotifyType>(8191), Errc::unsupported}}) {
    Staged s(Stage::child_response);
    s.deliver_as(notify(row.type));
    REQUIRE(s.a.event<ike::AttemptFailed>());
    CHECK(s.a.event<ike::AttemptFailed>()->child == "net2");
    CHECK(s.a.event<ike::AttemptFailed>()->code == row.code);
    CHECK(!s.a.event<ike::AttemptFailed>()->sentence.empty());
    CHECK(s.a.endpoint.status().at(0).children.size() == 1);
    s.pass(minutes(2));
    CHECK(s.a.count<ike::AttemptFailed>() == 1);
  }
}

TEST_CASE("[RFC7296 1.3] T13 no more Child SAs than an IKE SA may have: NO_ADDITIONAL_SAS, and what stands stays") {
  TwoEndpoints t;
  for (model::IkePolicySet* set : {&t.policy_a, &t.policy_b}) {
    auto& children = set->connections[0].children;
    const model::ChildPolicy like = children[0];
    children.clear();
    for (unsigned n = 0; n < 257; ++n) {
      model::ChildPolicy child = like;
      child.name = "net" + std::to_string(n);
      child.reqid = n + 1;
      const std::string high = std::to_string(n / 256), low = std::to_string(n % 256);
      const std::string at_a = "10." + high + "." + low + ".0/24", at_b = "172.1" + high + "." + low + ".0/24";
      child.local = *TwoEndpoints::selectors(set == &t.policy_a ? at_a.c_str() : at_b.c_str());
      child.remote = *TwoEndpoints::selectors(set == &t.policy_a ? at_b.c_str() : at_a.c_str());
      children.push_back(child);
    }
  }
  t.load();
  t.command(t.a, ike::Initiate{"tunnel", {}});
  for (int i = 0; i < 6; ++i) t.run();
  CHECK(t.b.row("NO_ADDITIONAL_SAS") == 1);
  CHECK(t.a.endpoint.status().at(0).children.size() == 256);
  CHECK(t.b.endpoint.status().at(0).children.size() == 256);
  REQUIRE(t.a.event<ike::AttemptFailed>());
  CHECK(t.a.event<ike::AttemptFailed>()->code == Errc::limit);
  // A rekey replaces one and is no additional one.
  t.command(t.a, ike::RekeyChild{"tunnel", "net7", {}});
  t.run();
  CHECK(t.a.row("we rekeyed a Child SA") == 1);
}

TEST_CASE("[RFC7296 2.25] after TEMPORARY_FAILURE nothing is sent at once; it is tried again later") {
  Staged s(Stage::rekey_child_request);
  answer_instead_of_b(s, notify(NotifyType::TEMPORARY_FAILURE));
  CHECK(s.a.sent.empty());
  const auto due = s.a.endpoint.next_deadline();
  REQUIRE(due);
  CHECK(*due - s.now >= seconds(1));
  s.now = *due;
  s.a.endpoint.handle_deadline(s.now);
  s.a.drain(s.now);
  REQUIRE(s.a.sent.size() == 1);
  CHECK(find_notify(forger_of(s.a).payloads(s.a.sent.front().payload), NotifyType::REKEY_SA));
  CHECK(s.a.count<ike::AttemptFailed>() == 0);
}

TEST_CASE("[RFC7296 2.25] TEMPORARY_FAILURE for minutes: the IKE SA is closed") {
  Staged s(Stage::rekey_child_response);
  const TimePoint start = s.now;
  unsigned refused = 0;
  bool deleted = false;
  s.deliver_as(notify(NotifyType::TEMPORARY_FAILURE));
  while (!deleted && refused < 100) {
    while (s.a.sent.empty()) {
      s.now = *s.a.endpoint.next_deadline();
      s.a.endpoint.handle_deadline(s.now);
      s.a.drain(s.now);
    }
    Forger forger = forger_of(s.a);
    ike::Datagram d = std::move(s.a.sent.front());
    s.a.sent.pop_front();
    auto header = *wire::ike::parse_header(d.payload);
    if (header.exchange == ExchangeType::INFORMATIONAL) {
      const auto inner = forger.payloads(d.payload);
      deleted = wire::ike2::find<DeletePayload>(inner) != nullptr;
      if (deleted) break;
    }
    header.response_flag = true;
    header.initiator_flag = false;
    d.payload = header.exchange == ExchangeType::INFORMATIONAL
                    ? forger.seal(header, std::vector<Payload>{})
                    : forger.seal(header, notify(NotifyType::TEMPORARY_FAILURE));
    s.arrive(s.a, d);
    ++refused;
  }
  CHECK(deleted);
  CHECK(refused < 20);
  CHECK(s.now - start >= minutes(2));
  CHECK(s.a.row("TEMPORARY_FAILURE without end") == 1);
}

TEST_CASE("[RFC7296 2.25] CHILD_SA_NOT_FOUND: the old one goes silently and a new one is made from scratch") {
  Staged s(Stage::rekey_child_request);
  const model::Spi old = s.a.endpoint.status().at(0).children.at(0).spi_in;
  Bytes spi(4);
  store_be32(spi.data(), old);
  answer_instead_of_b(s, {NotifyPayload{3, spi, NotifyType::CHILD_SA_NOT_FOUND, {}}});
  CHECK(s.a.row("CHILD_SA_NOT_FOUND: made anew") == 1);
  CHECK(s.a.count<ike::ChildSaRemoved>() == 1);
  CHECK(s.a.endpoint.status().at(0).children.empty());
  REQUIRE(s.a.sent.size() == 1);
  const auto asked = forger_of(s.a).payloads(s.a.sent.front().payload);
  CHECK(!find_notify(asked, NotifyType::REKEY_SA));
  CHECK(!find<DeletePayload>(asked));
  REQUIRE(find<SaPayload>(asked));
  CHECK(find<SaPayload>(asked)->proposals.at(0).spi != spi);
}

TEST_CASE("S5 [RFC7296 2.25.1] a Delete for an SPI that does not exist is answered without a Delete payload") {
  Staged s(Stage::auth_response);
  s.run();
  Hand hand(s);
  CHECK(hand.ask(ExchangeType::INFORMATIONAL, {DeletePayload{model::Protocol::ESP, {0x12345678}}}).empty());
  CHECK(s.b.endpoint.status().at(0).children.size() == 1);
  CHECK(s.b.count<ike::ChildSaRemoved>() == 0);
}

TEST_CASE(
    "S5 [RFC7296 1.4.1] a Delete names what the sender receives with; its answer names the other half; twice is "
    "nothing") {
  Staged s(Stage::auth_response);
  s.run();
  Hand hand(s);
  const auto child = s.b.endpoint.status().at(0).children.at(0);
  // The responder's own inbound SPI is not what a Delete from the peer means.
  CHECK(hand.ask(ExchangeType::INFORMATIONAL, {DeletePayload{model::Protocol::ESP, {child.spi_in}}}).empty());
  const auto answer = hand.ask(ExchangeType::INFORMATIONAL, {DeletePayload{model::Protocol::ESP, {child.spi_out}}});
  REQUIRE(wire::ike2::find<DeletePayload>(answer));
  CHECK(wire::ike2::find<DeletePayload>(answer)->spis == std::vector<model::Spi>{child.spi_in});
  CHECK(hand.ask(ExchangeType::INFORMATIONAL, {DeletePayload{model::Protocol::ESP, {child.spi_out}}}).empty());
  CHECK(s.b.count<ike::ChildSaRemoved>() == 1);
  CHECK(s.b.endpoint.status().size() == 1);
}

TEST_CASE("S5 one Delete payload that names an SPI many times removes it once") {
  Staged s(Stage::auth_response);
  s.run();
  Hand hand(s);
  const auto child = s.b.endpoint.status().at(0).children.at(0);
  const std::vector<model::Spi> many(500, child.spi_out);
  const auto answer = hand.ask(ExchangeType::INFORMATIONAL, {DeletePayload{model::Protocol::ESP, many}});
  REQUIRE(wire::ike2::find<DeletePayload>(answer));
  CHECK(wire::ike2::find<DeletePayload>(answer)->spis.size() == 1);
  CHECK(s.b.count<ike::ChildSaRemoved>() == 1);
}

TEST_CASE("[RFC7296 1.4.1] the answer to a Delete of the IKE SA is empty, and a later request finds nothing") {
  Staged s(Stage::auth_response);
  s.run();
  Hand hand(s);
  CHECK(hand.ask(ExchangeType::INFORMATIONAL, {DeletePayload{model::Protocol::IKE, {}}}).empty());
  CHECK(s.b.endpoint.status().empty());
  CHECK(s.b.count<ike::IkeSaDown>() == 1);
  CHECK(s.b.count<ike::ChildSaRemoved>() == 1);
  // The reply may be lost: the same request gets it again for a while.
  s.pass(seconds(1));
  CHECK(s.b.count<ike::IkeSaDown>() == 1);
}

TEST_CASE("[RFC7296 2.25.2] both delete the IKE SA: both requests are answered, it ends once at each end") {
  Staged s(Stage::auth_response);
  s.run();
  s.command(s.a, ike::Terminate{"tunnel", {}, {}});
  s.command(s.b, ike::Terminate{"tunnel", {}, {}});
  s.run();
  s.pass(minutes(3));
  for (OneEnd* end : {&s.a, &s.b}) {
    CHECK(end->endpoint.status().empty());
    CHECK(end->count<ike::IkeSaDown>() == 1);
    CHECK(end->count<ike::ChildSaRemoved>() == 1);
  }
}

TEST_CASE("S5 2023-38710 REKEY_SA with a protocol or SPI that makes no sense is refused, not fatal") {
  for (const uint8_t protocol : {uint8_t{0}, uint8_t{1}, uint8_t{2}, uint8_t{77}}) {
    for (const Bytes& spi : {Bytes{}, Bytes{1, 2, 3}, Bytes{0, 0, 0, 0}, Bytes{1, 2, 3, 4, 5, 6, 7, 8}}) {
      Staged s(Stage::rekey_child_request);
      auto payloads = s.payloads();
      for (Payload& p : payloads) {
        if (auto* n = std::get_if<NotifyPayload>(&p)) {
          n->protocol = protocol;
          n->spi = spi;
        }
      }
      s.deliver_as(payloads);
      CHECK(s.answered_with() == static_cast<uint16_t>(NotifyType::CHILD_SA_NOT_FOUND));
      CHECK(s.b.endpoint.status().at(0).children.size() == 1);
    }
  }
}

TEST_CASE("P7 a key exchange value that is no point of the group is refused in CREATE_CHILD_SA") {
  for (const Bytes& value : {Bytes(32, 0), Bytes(31, 5), Bytes(33, 5), Bytes(1, 1)}) {
    Staged s(Stage::child_request);
    auto payloads = s.payloads();
    for (Payload& p : payloads) {
      if (auto* ke = std::get_if<KePayload>(&p)) ke->value = value;
    }
    s.deliver_as(payloads);
    CHECK(!s.reached());
    CHECK(s.answered_with() != 0);
  }
}

TEST_CASE("P7 [RFC7296 1.2] a key exchange value that is no point of the group gets no answer in IKE_SA_INIT") {
  for (const Bytes& value : {Bytes(32, 0), Bytes(31, 5), Bytes(33, 5), Bytes(1, 1)}) {
    Staged s(Stage::init_request);
    auto payloads = s.payloads();
    for (Payload& p : payloads) {
      if (auto* ke = std::get_if<KePayload>(&p)) ke->value = value;
    }
    s.deliver_as(payloads);
    CHECK(s.b.sent.empty());
    CHECK(s.b.endpoint.half_open() == 0);
  }
}

TEST_CASE("P7 2014-9221 a key exchange of a group that is none, old, unknown or for private use is refused by name") {
  for (const Stage stage : {Stage::init_request, Stage::child_request, Stage::rekey_ike_request}) {
    CAPTURE(name_of(stage));
    for (const uint16_t group :
         {uint16_t{0}, uint16_t{1}, uint16_t{2}, uint16_t{19}, uint16_t{1025}, uint16_t{65535}}) {
      Staged s(stage);
      auto payloads = s.payloads();
      for (Payload& p : payloads) {
        if (auto* ke = std::get_if<KePayload>(&p)) ke->group = group;
      }
      s.deliver_as(payloads);
      CHECK(!s.reached());
      REQUIRE(s.b.sent.size() == 1);
      const Bytes& answer = s.b.sent.back().payload;
      const auto said = s.clear() ? parse_message(answer)->payloads : s.forger().payloads(answer);
      REQUIRE(find_notify(said, NotifyType::INVALID_KE_PAYLOAD));
      CHECK(find_notify(said, NotifyType::INVALID_KE_PAYLOAD)->content == Bytes{0, 31});
    }
  }
}

TEST_CASE("T28 a peer that asks for Child SAs in vain leaves nothing behind") {
  Staged s(Stage::child_request);
  Hand hand(s);
  auto payloads = s.payloads();
  for (Payload& p : payloads) {
    if (auto* ke = std::get_if<KePayload>(&p)) ke->group = 14;
  }
  for (int i = 0; i < 50; ++i) {
    const auto answer = hand.ask(ExchangeType::CREATE_CHILD_SA, payloads);
    CHECK(find_notify(answer, NotifyType::INVALID_KE_PAYLOAD));
  }
  CHECK(s.b.endpoint.child_spis_in_use() == 1);
}

}  // namespace sallyport::test

TEST_SUITE_END();
