// A user beside the machine, in IKE_AUTH. RFC 4739.
#include <doctest/doctest.h>

#include <functional>

#include "support/forger.h"
#include "support/two_endpoints.h"
#include "unit/crypto/made_certificates.h"

TEST_SUITE_BEGIN("exchange/user_auth");

namespace sallyport::test {

using namespace wire::ike2;
using crypto::test::authority;
using crypto::test::Made;
using crypto::test::make_certificate;

namespace {

// The machines share a secret; users have certificates of an authority of their own.
struct WithUsers : TwoEndpoints {
  WithUsers() : TwoEndpoints(logging()), root(make_certificate(authority("users"))) {
    for (OneEnd* end : {&a, &b}) end->agent.anchors["users"] = {root.der};
    for (model::IkePolicySet* set : {&policy_a, &policy_b}) set->connections[0].dpd_delay = Duration::zero();
  }
  static ike::Config logging() {
    ike::Config config;
    config.key_log = true;
    return config;
  }

  // A user of one end, with key and certificate.
  model::LocalUser user(OneEnd& end, const std::string& name) {
    crypto::test::Wanted wanted;
    wanted.name = name;
    wanted.key_usage = "critical,digitalSignature";
    Made made = make_certificate(wanted, &root);
    end.agent.keys.emplace(name, *crypto::PrivateKey::from_pem(crypto::test::key_pem(made.key.get())));
    model::IkePolicySet& set = &end == &a ? policy_a : policy_b;
    set.credentials.push_back({name, model::AuthPolicy::Kind::cert, {made.der}, model::KeyType::ecdsa_p256});
    return {{}, name};
  }
  model::ConnectionPolicy& at_a() { return policy_a.connections[0]; }
  model::ConnectionPolicy& at_b() { return policy_b.connections[0]; }
  static model::RemoteUser wanted(const char* id = nullptr) {
    model::RemoteUser out;
    out.trust = "users";
    if (id != nullptr) out.id = *model::Identity::parse(id);
    return out;
  }
  const ike::AttemptFailed& failure(OneEnd& end) {
    const auto* found = end.event<ike::AttemptFailed>();
    REQUIRE(found);
    return *found;
  }
  bool none_up() const { return !a.event<ike::IkeSaUp>() && !b.event<ike::IkeSaUp>(); }
  std::string state_of(OneEnd& end) {
    const auto status = end.endpoint.status();
    return status.empty() ? "none" : status.front().state;
  }
  // Until the first IKE_AUTH request waits in `a`.
  void begin() {
    initiate();
    deliver(a);
    deliver(b);
  }
  // The message that waits in `from`, with payloads changed on the way.
  void alter(OneEnd& from, const std::function<void(std::vector<Payload>&)>& change) {
    auto payloads = opened(from);
    change(payloads);
    Bytes& datagram = from.sent.front().payload;
    datagram = forger_of(a).seal(parse_message(datagram)->header, payloads);
  }
  // What waits in `from`.
  std::vector<Payload> opened(OneEnd& from) {
    REQUIRE_FALSE(from.sent.empty());
    return forger_of(a).payloads(from.sent.front().payload);
  }

  Made root;
};

NotifyPayload another() { return {0, {}, NotifyType::ANOTHER_AUTH_FOLLOWS, {}}; }

void remove_notify(std::vector<Payload>& payloads, NotifyType type) {
  std::erase_if(payloads, [&](const Payload& p) {
    const auto* notify = std::get_if<NotifyPayload>(&p);
    return notify != nullptr && notify->type == type;
  });
}

}  // namespace

TEST_CASE("[RFC4739 2.4] the initiator's user is authenticated behind its machine, and the Child SA comes last") {
  WithUsers t;
  t.at_a().local_user = t.user(t.a, "alice");
  t.at_b().remote_user = WithUsers::wanted();
  t.initiate();
  t.deliver(t.a);
  CHECK(find_notify(parse_message(t.b.sent.front().payload)->payloads, NotifyType::MULTIPLE_AUTH_SUPPORTED));
  t.deliver(t.b);
  const auto first = t.opened(t.a);
  CHECK(find_notify(first, NotifyType::MULTIPLE_AUTH_SUPPORTED));
  CHECK(find_notify(first, NotifyType::ANOTHER_AUTH_FOLLOWS));
  CHECK(find<SaPayload>(first));
  t.deliver(t.a);
  // Nothing is acted on before both rounds are over.
  CHECK(t.state_of(t.b) == "USER_AWAITED");
  CHECK(t.b.endpoint.half_open() == 1);
  const auto answered = t.opened(t.b);
  CHECK(find<AuthPayload>(answered));
  CHECK_FALSE(find<SaPayload>(answered));
  CHECK_FALSE(find_notify(answered, NotifyType::ANOTHER_AUTH_FOLLOWS));
  t.deliver(t.b);
  CHECK(t.state_of(t.a) == "USER_SENT");
  CHECK(t.none_up());
  const auto second = t.opened(t.a);
  REQUIRE(find_id(second, true));
  CHECK(find_id(second, true)->id.to_string().find("dn:") == 0);
  CHECK(find<CertPayload>(second));
  CHECK_FALSE(find<SaPayload>(second));
  t.deliver(t.a);
  const auto last = t.opened(t.b);
  CHECK(find<SaPayload>(last));
  CHECK_FALSE(find<AuthPayload>(last));
  t.run();
  REQUIRE(t.b.event<ike::IkeSaUp>());
  CHECK(t.b.event<ike::IkeSaUp>()->remote_identity == "a.test");
  CHECK_FALSE(t.b.event<ike::IkeSaUp>()->remote_user.empty());
  CHECK(t.a.event<ike::IkeSaUp>()->own_user == "alice");
  CHECK(t.a.event<ike::IkeSaUp>()->remote_user.empty());
  REQUIRE(t.a.event<ike::ChildSaReady>());
  REQUIRE(t.b.event<ike::ChildSaReady>());
  CHECK(t.a.event<ike::ChildSaReady>()->sa.spi_in == t.b.event<ike::ChildSaReady>()->sa.spi_out);
  CHECK(t.b.endpoint.half_open() == 0);
  const auto status = t.b.endpoint.status().front();
  CHECK(status.remote_user == t.a.endpoint.status().front().local_user);
  REQUIRE(status.remote_user_proof);
  CHECK_FALSE(status.remote_user_proof->certificate.empty());
}

TEST_CASE("[RFC4739 2.5] the responder's user comes with the answer to a second request that is empty") {
  WithUsers t;
  t.at_b().local_user = t.user(t.b, "bob");
  t.at_a().remote_user = WithUsers::wanted("O=Example, CN=bob");
  t.initiate();
  for (int i = 0; i < 2; ++i) {
    t.deliver(t.a);
    t.deliver(t.b);
  }
  CHECK(t.opened(t.a).empty());
  t.run();
  REQUIRE(t.a.event<ike::IkeSaUp>());
  CHECK_FALSE(t.a.event<ike::IkeSaUp>()->remote_user.empty());
  CHECK(t.b.event<ike::IkeSaUp>()->own_user == "bob");
  CHECK(t.b.event<ike::ChildSaReady>());
}

TEST_CASE("[RFC4739 2.1] both sides may prove a user, and a successor by rekeying keeps both") {
  WithUsers t;
  t.at_a().local_user = t.user(t.a, "alice");
  t.at_a().remote_user = WithUsers::wanted("O=Example, CN=bob");
  t.at_b().local_user = t.user(t.b, "bob");
  t.at_b().remote_user = WithUsers::wanted("O=Example, CN=alice");
  t.initiate();
  t.run();
  REQUIRE(t.a.event<ike::IkeSaUp>());
  REQUIRE(t.b.event<ike::IkeSaUp>());
  t.command(t.a, ike::RekeyIke{"tunnel"});
  t.run();
  REQUIRE(t.b.event<ike::IkeSaRekeyed>());
  REQUIRE(t.b.endpoint.status().size() == 1);
  const auto at_a = t.a.endpoint.status().front(), at_b = t.b.endpoint.status().front();
  CHECK_FALSE(at_a.local_user.empty());
  CHECK(at_a.local_user == at_b.remote_user);
  CHECK(at_a.remote_user == at_b.local_user);
  CHECK(at_b.remote_user_proof);
}

TEST_CASE("[RFC4739 2.1] a user is offered, not forced: a peer that does not know how gets the machine alone") {
  WithUsers t;
  t.at_a().local_user = t.user(t.a, "alice");
  t.initiate();
  t.deliver(t.a);
  CHECK_FALSE(find_notify(parse_message(t.b.sent.front().payload)->payloads, NotifyType::MULTIPLE_AUTH_SUPPORTED));
  t.run();
  REQUIRE(t.a.event<ike::IkeSaUp>());
  CHECK(t.a.event<ike::IkeSaUp>()->own_user == "alice");
  CHECK(t.a.endpoint.status().front().local_user.empty());
}

TEST_CASE("[RFC4739 2.1] who demands a user and gets none says so, and whose round it was") {
  for (const bool initiator_demands : {false, true}) {
    CAPTURE(initiator_demands);
    WithUsers t;
    (initiator_demands ? t.at_a() : t.at_b()).remote_user = WithUsers::wanted("O=Example, CN=alice");
    SUBCASE("the peer takes no second authentication") {}
    SUBCASE("it takes one, and has no user") {
      (initiator_demands ? t.at_b() : t.at_a()).remote_user = WithUsers::wanted();
      (initiator_demands ? t.at_b() : t.at_a()).remote_user->required = false;
    }
    t.initiate();
    t.run();
    CHECK_FALSE((initiator_demands ? t.a : t.b).event<ike::IkeSaUp>());
    const auto& failed = t.failure(initiator_demands ? t.a : t.b);
    CHECK(failed.of_user);
    CHECK(failed.connection == "tunnel");
    CHECK(failed.code == Errc::authentication_failed);
    CHECK(failed.ours.find("CN=alice") != std::string::npos);
  }
}

TEST_CASE("[RFC4739 2.1] a user that may lack is asked for and not missed") {
  WithUsers t;
  t.at_b().remote_user = WithUsers::wanted();
  t.at_b().remote_user->required = false;
  SUBCASE("none comes") {
    t.initiate();
    t.run();
    REQUIRE(t.b.event<ike::IkeSaUp>());
    CHECK(t.b.event<ike::IkeSaUp>()->remote_user.empty());
  }
  SUBCASE("one comes") {
    t.at_a().local_user = t.user(t.a, "alice");
    t.initiate();
    t.run();
    REQUIRE(t.b.event<ike::IkeSaUp>());
    CHECK_FALSE(t.b.event<ike::IkeSaUp>()->remote_user.empty());
  }
}

TEST_CASE("[RFC4739 2.1] a user who is another, whom nobody vouches for, or who has not the key gets nothing") {
  for (const bool of_initiator : {false, true}) {
    CAPTURE(of_initiator);
    WithUsers t;
    OneEnd& claims = of_initiator ? t.a : t.b;
    OneEnd& judges = of_initiator ? t.b : t.a;
    (of_initiator ? t.at_a() : t.at_b()).local_user = t.user(claims, "mallory");
    auto& asked = (of_initiator ? t.at_b() : t.at_a()).remote_user;
    SUBCASE("another") { asked = WithUsers::wanted("O=Example, CN=alice"); }
    SUBCASE("not vouched for") {
      asked = WithUsers::wanted();
      judges.agent.anchors["users"] = {make_certificate(authority("others")).der};
    }
    SUBCASE("not the key") {
      asked = WithUsers::wanted();
      Made other = make_certificate(crypto::test::Wanted{});
      claims.agent.keys.erase("mallory");
      claims.agent.keys.emplace("mallory", *crypto::PrivateKey::from_pem(crypto::test::key_pem(other.key.get())));
    }
    t.initiate();
    t.run();
    // RFC 7296 2.21.2: a responder that is refused has already held it for established.
    CHECK_FALSE(judges.event<ike::IkeSaUp>());
    CHECK_FALSE(judges.event<ike::ChildSaReady>());
    CHECK(t.failure(judges).of_user);
    CHECK(t.failure(judges).sentence.find("user") != std::string::npos);
    CHECK(t.failure(judges).peers == "O=Example, CN=mallory");
    if (of_initiator) {
      CHECK(t.failure(t.a).of_user);
      CHECK(t.failure(t.a).by_peer);
      CHECK(t.failure(t.a).sentence.find("accepts our machine") != std::string::npos);
    }
    CHECK(t.a.endpoint.status().empty());
  }
}

TEST_CASE("[RFC4739 2.1] a second authentication that was not offered is refused, by either side") {
  WithUsers t;
  SUBCASE("by the responder") {
    t.begin();
    t.alter(t.a, [](auto& payloads) { payloads.push_back(another()); });
    t.run();
    CHECK(t.failure(t.b).sentence.find("not offered") != std::string::npos);
  }
  SUBCASE("by the responder, of one that did not say it takes any") {
    t.at_a().local_user = t.user(t.a, "alice");
    t.at_b().remote_user = WithUsers::wanted();
    t.begin();
    t.alter(t.a, [](auto& payloads) { remove_notify(payloads, NotifyType::MULTIPLE_AUTH_SUPPORTED); });
    t.run();
    CHECK(t.failure(t.b).sentence.find("not offered") != std::string::npos);
  }
  SUBCASE("by the initiator") {
    t.begin();
    t.deliver(t.a);
    t.alter(t.b, [](auto& payloads) { payloads.push_back(another()); });
    t.run();
    CHECK(t.failure(t.a).sentence.find("not offered") != std::string::npos);
  }
  SUBCASE("of a user that the connection takes none of") {
    t.at_a().local_user = t.user(t.a, "alice");
    t.at_b().local_user = t.user(t.b, "bob");
    t.initiate();
    t.run();
    CHECK(t.failure(t.b).sentence.find("takes none") != std::string::npos);
    CHECK(t.failure(t.b).of_user);
  }
  CHECK_FALSE(t.a.event<ike::IkeSaUp>());
  CHECK(t.a.endpoint.status().empty());
}

TEST_CASE("[RFC4739 2.1] a second round that is skipped, repeated or not announced ends it") {
  WithUsers t;
  t.at_a().local_user = t.user(t.a, "alice");
  t.at_b().remote_user = WithUsers::wanted();
  t.initiate();
  for (int i = 0; i < 2; ++i) {
    t.deliver(t.a);
    t.deliver(t.b);
  }
  REQUIRE(t.state_of(t.a) == "USER_SENT");
  const char* says = "";
  SUBCASE("skipped") {
    t.alter(t.a, [](auto& payloads) { payloads.clear(); });
    says = "proves none";
  }
  SUBCASE("without AUTH") {
    t.alter(t.a, [](auto& payloads) {
      std::erase_if(payloads, [](const Payload& p) { return std::holds_alternative<AuthPayload>(p); });
    });
    says = "proves none";
  }
  SUBCASE("repeated") {
    t.alter(t.a, [](auto& payloads) { payloads.push_back(another()); });
    says = "one more authentication";
  }
  SUBCASE("with another Child SA") {
    t.alter(t.a, [](auto& payloads) {
      payloads.push_back(SaPayload{{*model::parse_proposal(model::Protocol::ESP, "aes128gcm16")}});
    });
    says = "not usable";
  }
  SUBCASE("another exchange in between") {
    Forger f = forger_of(t.a);
    auto header = parse_message(t.a.sent.front().payload)->header;
    header.exchange = ExchangeType::CREATE_CHILD_SA;
    t.a.sent.front().payload = f.seal(header, std::vector<Payload>{});
    t.run();
    CHECK_FALSE(t.b.event<ike::IkeSaUp>());
    CHECK(t.state_of(t.b) == "none");
    return;
  }
  t.run();
  CHECK(t.failure(t.b).sentence.find(says) != std::string::npos);
  CHECK(t.failure(t.b).of_user);
  CHECK(t.none_up());
}

TEST_CASE("[RFC4739 2.1] an answer that runs ahead, skips or adds a user ends it at the initiator") {
  WithUsers t;
  t.at_b().local_user = t.user(t.b, "bob");
  t.at_a().remote_user = WithUsers::wanted();
  const char* says = "";
  const auto until_last = [&] {
    t.initiate();
    for (int i = 0; i < 2; ++i) {
      t.deliver(t.a);
      t.deliver(t.b);
    }
    t.deliver(t.a);
  };
  SUBCASE("the Child SA in the first answer") {
    t.begin();
    t.deliver(t.a);
    t.alter(t.b, [](auto& payloads) {
      payloads.push_back(SaPayload{{*model::parse_proposal(model::Protocol::ESP, "aes128gcm16")}});
    });
    says = "before the users are authenticated";
  }
  SUBCASE("no user") {
    until_last();
    t.alter(t.b, [](auto& payloads) {
      std::erase_if(payloads, [](const Payload& p) {
        return std::holds_alternative<AuthPayload>(p) || std::holds_alternative<IdPayload>(p);
      });
    });
    says = "proves none";
  }
  SUBCASE("one more") {
    until_last();
    t.alter(t.b, [](auto& payloads) { payloads.push_back(another()); });
    says = "one more authentication";
  }
  t.run();
  CHECK(t.failure(t.a).sentence.find(says) != std::string::npos);
  CHECK(t.failure(t.a).of_user);
  CHECK_FALSE(t.a.event<ike::IkeSaUp>());
}

TEST_CASE("[RFC7296 2.4] the time of a half-open IKE SA is one for both rounds") {
  WithUsers t;
  t.at_a().local_user = t.user(t.a, "alice");
  t.at_b().remote_user = WithUsers::wanted();
  t.initiate();
  for (int i = 0; i < 2; ++i) {
    t.deliver(t.a);
    t.deliver(t.b);
  }
  REQUIRE(t.b.endpoint.half_open() == 1);
  t.a.sent.clear();
  t.now += seconds(31);
  t.b.endpoint.handle_deadline(t.now);
  t.b.drain(t.now);
  CHECK(t.b.endpoint.half_open() == 0);
  CHECK(t.b.endpoint.status().empty());
}

TEST_CASE("[RFC4739 2.1] two users of one host get an IKE SA and a Child SA each") {
  WithUsers t;
  t.at_a().users_of_accounts = true;
  t.at_b().remote_user = WithUsers::wanted();
  const auto alice = t.user(t.a, "alice"), carol = t.user(t.a, "carol");
  t.load();
  for (const auto& user : {alice, carol, alice}) {
    ike::Initiate command{"tunnel", "net"};
    command.user = user;
    t.command(t.a, std::move(command));
    t.run();
  }
  // Neither ends the other's by INITIAL_CONTACT.
  REQUIRE(t.a.endpoint.status().size() == 2);
  REQUIRE(t.b.endpoint.status().size() == 2);
  CHECK(t.b.endpoint.status()[0].remote_user != t.b.endpoint.status()[1].remote_user);
  CHECK(t.b.count<ike::ChildSaReady>() == 2);
}

}  // namespace sallyport::test

TEST_SUITE_END();
