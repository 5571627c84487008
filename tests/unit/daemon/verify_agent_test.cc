// What the helper answers: no chain without anchors, names to addresses, and no key work.
#include "daemon/verify_agent.h"

#include <doctest/doctest.h>

#include <map>

#include "crypto/certificate.h"
#include "crypto/signature.h"
#include "model/machine_store.h"
#include "unit/crypto/made_certificates.h"

using namespace sallyport;
using namespace sallyport::daemon;

namespace {
struct Texts final : config::FileSource {
  std::map<std::string, std::string> texts;
  Result<std::string> read(const std::string& path) override {
    const auto found = texts.find(path);
    if (found == texts.end()) return fail(Errc::not_found);
    return found->second;
  }
  Result<std::vector<std::string>> list(const std::string&) override { return fail(Errc::not_found); }
};
}  // namespace

TEST_SUITE("daemon/verify_agent") {
  TEST_CASE("a CA file that is absent or holds no certificate is complained about, and vouches for nobody") {
    Texts files;
    files.texts["/empty.pem"] = "no PEM here";
    VerifyAgent agent;
    const auto complaints = agent.load(files, {{"ca", {"/empty.pem", "/absent.pem"}}});
    REQUIRE(complaints.size() == 2);
    CHECK(complaints[0] == "the CA file /empty.pem holds no PEM certificate");
    CHECK(complaints[1].find("/absent.pem cannot be read") != std::string::npos);
    model::VerifyPeer work;
    work.trust = "ca";
    work.chain = {Bytes(10, 1)};
    for (const char* trust : {"ca", "nobody"}) {
      work.trust = trust;
      const auto reply = agent.answer(model::KeyRequest(model::VerifyPeer(work)));
      REQUIRE(std::holds_alternative<model::Verdict>(reply));
      CHECK_FALSE(std::get<model::Verdict>(reply).ok);
      CHECK(std::get<model::Verdict>(reply).why.find(trust) != std::string::npos);
    }
  }

  TEST_CASE("[WFP 13.3] a part of a trust set vouches for its own alone") {
    const auto lasting = [](crypto::test::Wanted wanted) {
      wanted.not_before = 1;  // now, whenever that is
      wanted.not_after = int64_t{4'000'000'000};
      return wanted;
    };
    using crypto::test::make_certificate;
    const auto a = make_certificate(lasting(crypto::test::authority("root A")));
    const auto b = make_certificate(lasting(crypto::test::authority("root B")));
    crypto::test::Wanted wanted;
    wanted.alternative_names = "DNS:peer.example";
    const auto peer = make_certificate(lasting(wanted), &b);
    Texts files;
    for (const auto* root : {&a, &b}) files.texts["/roots.pem"] += as_text(crypto::test::certificate_pem(*root));
    VerifyAgent agent;
    REQUIRE(agent.load(files, {{"store", {"/roots.pem"}}}).empty());
    const auto key = crypto::PrivateKey::from_pem(crypto::test::key_pem(peer.key.get()));
    REQUIRE(key);
    const auto vouches = [&](const std::string& trust) {
      constexpr auto kMethod = model::AuthMethod::ECDSA_SHA2_256_P256;
      const Bytes octets = to_bytes(as_bytes("octets"));
      model::VerifyPeer work{trust, {peer.der}, *model::Identity::parse("peer.example"), kMethod, {}, octets};
      work.auth_data = *key->sign(kMethod, model::HashId::SHA2_256, false, octets);
      return std::get<model::Verdict>(agent.answer(model::KeyRequest(std::move(work)))).ok;
    };
    const auto part = [](const crypto::test::Made& root) {
      return model::narrowed_trust("store", {crypto::read_certificate(root.der)->public_key_sha1});
    };
    CHECK(vouches("store"));
    CHECK(vouches(part(b)));
    CHECK_FALSE(vouches(part(a)));
    CHECK_FALSE(vouches(model::narrowed_trust("store", {Bytes(20, 1)})));
    CHECK_FALSE(vouches("other#00"));
  }

  TEST_CASE("literal addresses resolve to themselves; what is no name does not") {
    const VerifyAgent agent;
    const auto reply = agent.answer(model::KeyRequest(model::Resolve{"127.0.0.1"}));
    REQUIRE(std::holds_alternative<model::Addresses>(reply));
    CHECK(std::get<model::Addresses>(reply).addresses == std::vector<IpAddr>{*IpAddr::parse("127.0.0.1")});
    for (const std::string& name : {std::string(), std::string(300, 'a')}) {
      const auto refused = agent.answer(model::KeyRequest(model::Resolve{name}));
      REQUIRE(std::holds_alternative<model::Refused>(refused));
      CHECK(std::get<model::Refused>(refused).code == Errc::bad_value);
    }
  }

  TEST_CASE("[T1] the helper signs nothing") {
    const VerifyAgent agent;
    CHECK(std::get<model::Refused>(agent.answer(model::KeyRequest(model::Sign{}))).code == Errc::permission);
    CHECK(std::get<model::Refused>(agent.answer(model::KeyRequest(model::PskAuth{}))).code == Errc::permission);
  }
}
