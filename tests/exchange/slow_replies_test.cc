// Key work that comes back late, out of order, twice, refused, or when nobody waits any more. House §3 (Request and
// Reply), RFC 7296 2.1; robustness S8.
#include <doctest/doctest.h>

#include "support/two_endpoints.h"
#include "wire/ike/ike_header.h"

TEST_SUITE_BEGIN("exchange/slow_replies");

namespace sallyport::test {

namespace {

constexpr const char* kSlowIke = "aes256gcm16-prfsha256-modp2048";
constexpr const char* kSlowChild = "aes128gcm16-modp2048";

struct Slow : TwoEndpoints {
  explicit Slow(const char* ike = kSlowIke, const char* esp = "aes128gcm16") {
    for (model::IkePolicySet* set : {&policy_a, &policy_b}) {
      set->connections[0].ike_proposals = {*model::parse_proposal(model::Protocol::IKE, ike)};
      set->connections[0].children[0].proposals = {*model::parse_proposal(model::Protocol::ESP, esp)};
      set->connections[0].dpd_delay = Duration::zero();
      set->connections[0].rekey_time = Duration::zero();
    }
  }
  void up() {
    initiate();
    run();
    REQUIRE(a.count<ike::ChildSaReady>() == 1);
    REQUIRE(b.count<ike::ChildSaReady>() == 1);
  }
  void release(OneEnd& end) {
    end.hold = false;
    while (end.answer(now)) {
    }
  }
};

}  // namespace

TEST_CASE("[RFC7296 2.1] while the responder computes, a repeated IKE_SA_INIT starts nothing again") {
  Slow s;
  s.b.hold = true;
  s.initiate();
  const ike::Datagram request = s.a.sent.front();
  s.deliver(s.a);
  CHECK(s.b.sent.empty());
  CHECK(s.b.held.size() == 1);
  for (int i = 0; i < 5; ++i) s.arrive(s.b, request);
  CHECK(s.b.held.size() == 1);
  CHECK(s.b.endpoint.half_open() == 1);
  s.release(s.b);
  CHECK(s.b.sent.size() == 1);
  s.run();
  CHECK(s.a.event<ike::IkeSaUp>());
}

TEST_CASE("each step of the handshake may wait: key pair, shared secret, AUTH made, AUTH verified, and both at once") {
  Slow s;
  s.a.hold = s.b.hold = true;
  s.initiate();
  unsigned steps = 0;
  for (int i = 0; i < 40; ++i) {
    s.run();
    if (s.a.answer(s.now) || s.b.answer(s.now)) ++steps;
    s.now += milliseconds(200);
  }
  CHECK(s.a.event<ike::IkeSaUp>());
  CHECK(s.b.event<ike::IkeSaUp>());
  CHECK(s.a.count<ike::ChildSaReady>() == 1);
  // Two key exchanges and two AUTH for the initiator; for the responder one of each (it verifies and makes at once).
  CHECK(steps == 6);
}

TEST_CASE("[RFC7296 2.1] a request repeated while its AUTH is being verified is neither answered nor worked on twice") {
  Slow s("aes256gcm16-prfsha256-x25519");
  s.initiate();
  s.deliver(s.a);
  s.deliver(s.b);
  s.b.hold = true;
  REQUIRE(s.a.sent.size() == 1);
  const ike::Datagram request = s.a.sent.front();
  s.deliver(s.a);
  CHECK(s.b.held.size() == 1);
  for (int i = 0; i < 3; ++i) s.arrive(s.b, request);
  CHECK(s.b.held.size() == 1);
  CHECK(s.b.sent.empty());
  s.release(s.b);
  CHECK(s.b.sent.size() == 1);
  s.run();
  CHECK(s.a.event<ike::IkeSaUp>());
}

TEST_CASE("replies of two handshakes in the wrong order reach the IKE SA they are for") {
  Slow s;
  s.b.hold = true;
  s.initiate();
  s.deliver(s.a);
  OneEnd c(9, {});
  c.agent.secrets = s.a.agent.secrets;
  c.endpoint.handle_command(s.now, ike::SetPolicy{std::make_shared<model::IkePolicySet>(s.policy_a)});
  c.endpoint.handle_command(s.now, ike::Initiate{"tunnel", "net"});
  c.drain(s.now);
  REQUIRE(c.sent.size() == 1);
  s.arrive(s.b, c.sent.front());
  REQUIRE(s.b.held.size() == 2);
  CHECK(s.b.answer(s.now, 1));
  REQUIRE(s.b.sent.size() == 1);
  CHECK(wire::ike::parse_header(s.b.sent.back().payload)->spi_i ==
        wire::ike::parse_header(c.sent.front().payload)->spi_i);
  CHECK(s.b.answer(s.now, 0));
  REQUIRE(s.b.sent.size() == 2);
  CHECK(wire::ike::parse_header(s.b.sent.back().payload)->spi_i !=
        wire::ike::parse_header(c.sent.front().payload)->spi_i);
  s.b.hold = false;
  s.arrive(s.a, s.b.sent.back());
  s.b.sent.clear();
  s.run();
  CHECK(s.a.event<ike::IkeSaUp>());
}

TEST_CASE("S8 work that is refused ends the attempt with a sentence, at either end, at any step") {
  for (unsigned at_b = 0; at_b < 2; ++at_b) {
    for (unsigned step = 0; step < 4; ++step) {
      CAPTURE(at_b);
      CAPTURE(step);
      Slow s;
      OneEnd& end = at_b ? s.b : s.a;
      end.hold = true;
      s.initiate();
      s.run();
      bool refused = false;
      for (unsigned i = 0; i <= step; ++i) {
        if (end.held.empty()) break;
        if (i < step) {
          end.answer(s.now);
        } else {
          const model::RequestId id = end.held.front().id;
          end.held.pop_front();
          end.endpoint.handle_reply(s.now, id, model::Refused{Errc::io, "the key process is gone"});
          end.drain(s.now);
          refused = true;
        }
        s.run();
      }
      if (!refused) continue;
      s.pass(minutes(6));
      CHECK(end.endpoint.status().empty());
      CHECK(s.a.endpoint.status().empty());
      CHECK(s.a.count<ike::AttemptFailed>() == 1);
      CHECK(!s.a.event<ike::AttemptFailed>()->sentence.empty());
    }
  }
}

TEST_CASE("S8 a reply of the wrong kind is as good as a refusal") {
  for (unsigned step = 0; step < 4; ++step) {
    Slow s;
    s.a.hold = true;
    s.initiate();
    s.run();
    for (unsigned i = 0; i < step; ++i) {
      s.a.answer(s.now);
      s.run();
    }
    REQUIRE(!s.a.held.empty());
    const bool psk = std::holds_alternative<model::PskAuth>(s.a.held.front().work);
    const model::RequestId id = s.a.held.front().id;
    s.a.held.pop_front();
    model::KeyReply wrong = psk ? model::KeyReply(model::KeDone{}) : model::KeyReply(model::AuthData{Bytes(32, 1)});
    s.a.endpoint.handle_reply(s.now, id, std::move(wrong));
    s.a.drain(s.now);
    CHECK(s.a.count<ike::IkeSaUp>() == 0);
    CHECK(s.a.count<ike::AttemptFailed>() == 1);
  }
}

TEST_CASE("a reply that comes when its IKE SA is gone is dropped, and one that comes twice counts once") {
  Slow s;
  s.b.hold = true;
  s.initiate();
  s.deliver(s.a);
  REQUIRE(s.b.held.size() == 1);
  const model::RequestId id = s.b.held.front().id;
  const model::KeyRequest work = std::move(s.b.held.front().work);
  s.now += ike::Limits{}.half_open_timeout + seconds(1);
  s.b.endpoint.handle_deadline(s.now);
  s.b.drain(s.now);
  CHECK(s.b.endpoint.half_open() == 0);
  s.b.endpoint.handle_reply(s.now, id, s.b.agent.answer(work));
  s.b.endpoint.handle_reply(s.now, id, s.b.agent.answer(work));
  s.b.endpoint.handle_reply(s.now, 987654, s.b.agent.answer(work));
  s.b.drain(s.now);
  CHECK(s.b.sent.empty());
  CHECK(s.b.endpoint.status().empty());
}

TEST_CASE("a handshake of ours whose key work never comes back ends with a sentence") {
  for (unsigned step = 0; step < 4; ++step) {
    CAPTURE(step);
    Slow s;
    s.a.hold = true;
    s.initiate();
    s.run();
    for (unsigned i = 0; i < step; ++i) {
      s.a.answer(s.now);
      s.run();
    }
    s.pass(minutes(10));
    CHECK(s.a.count<ike::AttemptFailed>() == 1);
    CHECK(s.a.endpoint.status().empty());
    while (s.a.answer(s.now)) {
    }
    CHECK(s.a.count<ike::IkeSaUp>() == 0);
  }
}

TEST_CASE("[S8] key work of an established IKE SA that never comes back is refused in time, and the IKE SA works on") {
  for (const bool ours : {true, false}) {
    CAPTURE(ours);
    Slow s(kSlowIke, kSlowChild);
    s.up();
    OneEnd& stuck = ours ? s.a : s.b;
    stuck.hold = true;
    s.command(s.a, ike::RekeyChild{"tunnel", "net", {}});
    s.run();
    REQUIRE(stuck.held.size() == 1);
    const auto tables = [&] { return stuck.endpoint.tables().key_requests; };
    CHECK(tables() == 1);
    s.pass(ike::Limits{}.key_work_timeout + seconds(1));
    CHECK(tables() == 0);
    stuck.held.clear();  // it never comes
    stuck.hold = false;
    s.pass(minutes(3));
    CHECK(s.a.endpoint.status().size() == s.b.endpoint.status().size());
    s.initiate();  // whatever was given up, the tunnel can be had again
    s.run();
    REQUIRE(s.a.endpoint.status().size() == 1);
    REQUIRE(s.b.endpoint.status().size() == 1);
    CHECK(s.a.endpoint.status().at(0).children.size() == 1);
    CHECK(s.b.endpoint.status().at(0).children.size() == 1);
    s.command(s.a, ike::RekeyChild{"tunnel", "net", {}});
    s.run();
    CHECK(s.a.row("we rekeyed a Child SA") >= 1);
  }
}

TEST_CASE("stopped by command while a signature is awaited: the late signature is dropped") {
  Slow s("aes256gcm16-prfsha256-x25519");
  s.a.hold = true;
  s.initiate();
  s.run();
  REQUIRE(!s.a.held.empty());
  s.command(s.a, ike::Terminate{"tunnel", {}, {}});
  CHECK(s.a.endpoint.status().empty());
  s.release(s.a);
  CHECK(s.a.sent.empty());
  CHECK(s.a.count<ike::IkeSaUp>() == 0);
}

TEST_CASE("[RFC7296 2.8] a rekey whose key exchange is late at the initiator, at the responder, at both") {
  for (unsigned who = 1; who < 4; ++who) {
    CAPTURE(who);
    for (const bool whole : {false, true}) {
      Slow s(kSlowIke, kSlowChild);
      s.up();
      s.a.hold = (who & 1) != 0;
      s.b.hold = (who & 2) != 0;
      if (whole) {
        s.command(s.a, ike::RekeyIke{"tunnel"});
      } else {
        s.command(s.a, ike::RekeyChild{"tunnel", "net", {}});
      }
      for (int i = 0; i < 10; ++i) {
        s.pass(seconds(1));
        s.a.answer(s.now);
        s.pass(seconds(1));
        s.b.answer(s.now);
      }
      s.run();
      CHECK(s.a.row(whole ? "we rekeyed the IKE SA" : "we rekeyed a Child SA") == 1);
      CHECK(s.b.row(whole ? "the peer rekeyed the IKE SA" : "the peer rekeyed a Child SA") == 1);
      CHECK(s.a.endpoint.status().size() == 1);
      CHECK(s.b.endpoint.status().size() == 1);
      CHECK(s.a.endpoint.status().at(0).children.size() == 1);
    }
  }
}

TEST_CASE("a key exchange of a rekey that comes back after the Child SA, or the IKE SA, was deleted") {
  for (const bool whole : {false, true}) {
    CAPTURE(whole);
    Slow s(kSlowIke, kSlowChild);
    s.up();
    s.a.hold = true;
    s.command(s.a, ike::RekeyChild{"tunnel", "net", {}});
    REQUIRE(s.a.held.size() == 1);
    s.command(s.b, ike::Terminate{"tunnel", whole ? "" : "net", {}});
    s.run();
    s.release(s.a);
    s.run();
    s.pass(minutes(2));
    CHECK(s.a.endpoint.status().size() == (whole ? 0u : 1u));
    CHECK(s.a.count<ike::ChildSaRemoved>() == s.a.count<ike::ChildSaReady>());
    CHECK(s.b.count<ike::ChildSaRemoved>() == s.b.count<ike::ChildSaReady>());
  }
}

TEST_CASE("a key exchange that comes back at the responder after the IKE SA was deleted there") {
  Slow s(kSlowIke, kSlowChild);
  s.up();
  s.b.hold = true;
  s.command(s.a, ike::RekeyChild{"tunnel", "net", {}});
  s.run();
  REQUIRE(s.b.held.size() == 1);
  s.command(s.b, ike::Terminate{"tunnel", {}, {}});
  s.run();
  CHECK(s.b.endpoint.status().empty());
  s.release(s.b);
  s.run();
  s.pass(minutes(2));
  CHECK(s.b.endpoint.status().empty());
  CHECK(s.a.endpoint.status().empty());
  CHECK(s.b.count<ike::ChildSaReady>() == 1);
}

TEST_CASE("signature and chain verdict come late: the answer waits for both, and a bad verdict is an answer too") {
  for (const bool good : {true, false}) {
    CAPTURE(good);
    TwoEndpoints t;
    for (model::IkePolicySet* set : {&t.policy_a, &t.policy_b}) {
      auto& c = set->connections[0];
      c.local_auth = c.remote_auth = {model::AuthPolicy::Kind::cert, "key", "cas"};
      set->credentials.push_back(
          {"key", model::AuthPolicy::Kind::cert, {Bytes(700, 0x30)}, model::KeyType::ecdsa_p256});
      set->trust.push_back({"cas", {}, {Bytes(20, 7)}});
    }
    t.a.hold = t.b.hold = true;
    t.initiate();
    t.run();
    const auto reply = [&](OneEnd& end, model::KeyReply with) {
      REQUIRE(!end.held.empty());
      const model::RequestId id = end.held.front().id;
      end.held.pop_front();
      end.endpoint.handle_reply(t.now, id, std::move(with));
      end.drain(t.now);
      t.run();
    };
    CHECK(std::holds_alternative<model::Sign>(t.a.held.front().work));
    reply(t.a, model::AuthData{Bytes(70, 1)});
    REQUIRE(std::holds_alternative<model::VerifyPeer>(t.b.held.front().work));
    const auto& asked = std::get<model::VerifyPeer>(t.b.held.front().work);
    CHECK(asked.chain.size() == 1);
    CHECK(asked.auth_data == Bytes(70, 1));
    CHECK(asked.id == *model::Identity::parse("a.test"));
    CHECK(t.b.sent.empty());
    reply(t.b, model::Verdict{good, good ? "" : "revoked", "CN=a"});
    if (!good) {
      CHECK(t.b.event<ike::AttemptFailed>()->sentence.find("revoked") != std::string::npos);
      CHECK(t.a.event<ike::AttemptFailed>()->code == Errc::authentication_failed);
      continue;
    }
    CHECK(std::holds_alternative<model::Sign>(t.b.held.front().work));
    reply(t.b, model::AuthData{Bytes(71, 2)});
    CHECK(std::holds_alternative<model::VerifyPeer>(t.a.held.front().work));
    CHECK(!t.a.event<ike::IkeSaUp>());
    reply(t.a, model::Verdict{true, {}, "CN=b"});
    CHECK(t.a.event<ike::IkeSaUp>());
    CHECK(t.b.event<ike::IkeSaUp>());
  }
}

}  // namespace sallyport::test

TEST_SUITE_END();
