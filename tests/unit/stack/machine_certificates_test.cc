// Which certificates and authorities of the host a program's policy means.
#include "stack/machine_certificates.h"

#include <doctest/doctest.h>

#include "crypto/certificate.h"
#include "crypto/hash.h"
#include "model/machine_store.h"
#include "support/policy_samples.h"
#include "unit/crypto/made_certificates.h"

using namespace sallyport;
using namespace sallyport::stack;
using crypto::test::authority;
using crypto::test::Made;
using crypto::test::make_certificate;
using support::guid;

namespace {

using policy::AuthMethod;
using policy::AuthMethodType;
using policy::CertConfigType;
using policy::CertCriteria;
using policy::CertificateAuth;

Bytes name_of(const Made& made) { return crypto::read_certificate(made.der)->subject_der; }

// A root A, an authority below it, a root B; certificates by B (P-256), by the authority below A (P-384), by A (RSA).
struct Host {
  Made a = make_certificate(authority("root A")), below = make_certificate(authority("below A"), &a),
       b = make_certificate(authority("root B"));
  Made by_b = make_certificate(leaf("web", "P-256"), &b), by_below = make_certificate(leaf("mail", "P-384"), &below),
       by_a = make_certificate(leaf("files", "rsa"), &a);
  model::IkePolicySet base;

  Host() {
    add({by_b.der});
    add({by_below.der, below.der});
    add({by_a.der});
    base.trust.push_back({std::string(model::kMachineStore), {}, {}});
    for (const Made* root : {&a, &b}) {
      base.trust.back().anchors.push_back(root->der);
      base.trust.back().key_ids.push_back(crypto::read_certificate(root->der)->public_key_sha1);
    }
  }
  static crypto::test::Wanted leaf(const char* name, const char* key) {
    crypto::test::Wanted out;
    out.name = name;
    out.key = key;
    out.extended_key_usage = std::string("serverAuth") + (std::string_view(name) == "web" ? "" : ",clientAuth");
    return out;
  }
  void add(std::vector<Bytes> chain) {
    const auto type = crypto::read_certificate(chain.front())->key_type;
    base.credentials.push_back(
        {model::machine_credential(base.credentials.size()), model::AuthPolicy::Kind::cert, std::move(chain), type});
  }
  policy::MethodNames names(const AuthMethod& method, std::string* why = nullptr) const {
    MachineCertificates certificates(base);
    auto out = certificates.names(guid(9), 0, method);
    if (why != nullptr) *why = certificates.complaint(guid(9));
    return out;
  }
};

AuthMethod method(std::vector<CertCriteria> outbound, std::vector<CertCriteria> inbound = {}) {
  CertificateAuth out;
  out.outbound = {CertConfigType::EXPLICIT_TRUST_LIST, std::move(outbound)};
  out.inbound = {CertConfigType::EXPLICIT_TRUST_LIST, std::move(inbound)};
  return {AuthMethodType::CERTIFICATE, out};
}
CertCriteria root(const Made& made, uint32_t flags = 0) { return {name_of(made), {}, {}, std::nullopt, flags}; }

}  // namespace

TEST_SUITE("stack/machine_certificates") {
  TEST_CASE("[WFP 13.3] the first certificate that leads to a root of the list proves who this host is") {
    const Host host;
    CHECK(host.names(method({})).credential == model::machine_credential(0));
    CHECK(host.names(method({root(host.b)})).credential == model::machine_credential(0));
    CHECK(host.names(method({root(host.a)})).credential == model::machine_credential(1));
    // An authority below a root is meant only where the flag says so.
    CHECK(host.names(method({root(host.below)})).credential.empty());
    CHECK(host.names(method({root(host.below, 8)})).credential == model::machine_credential(1));
  }

  TEST_CASE("[WFP 13.3] digest, purposes and names of a criterion hold together, criteria are alternatives") {
    const Host host;
    CertCriteria hash;
    hash.cert_hash = crypto::sha1(host.by_a.der);
    CHECK(host.names(method({hash})).credential == model::machine_credential(2));
    CertCriteria client;
    client.ekus = {"1.3.6.1.5.5.7.3.2"};
    CHECK(host.names(method({client})).credential == model::machine_credential(1));
    CertCriteria files;
    files.name = policy::CertName{policy::CertNameType::CN, "files"};
    CHECK(host.names(method({files})).credential == model::machine_credential(2));
    files.cert_data = name_of(host.b);
    CHECK(host.names(method({files})).credential.empty());
    CHECK(host.names(method({files, hash})).credential == model::machine_credential(2));
  }

  TEST_CASE("[WFP 13.3] ECDSA methods mean keys of their curve") {
    const Host host;
    AuthMethod wanted = method({});
    wanted.type = AuthMethodType::CERTIFICATE_ECDSA_P384;
    CHECK(host.names(wanted).credential == model::machine_credential(1));
    wanted.type = AuthMethodType::CERTIFICATE_ECDSA_P256;
    CHECK(host.names(wanted).credential == model::machine_credential(0));
  }

  TEST_CASE("[WFP 13.3] of peers the roots of the list are trusted and no other") {
    const Host host;
    CHECK(host.names(method({})).trust == model::kMachineStore);
    MachineCertificates certificates(host.base);
    const std::string name = certificates.names(guid(9), 0, method({}, {root(host.b)})).trust;
    const auto part = model::read_narrowed_trust(name);
    REQUIRE(part);
    CHECK(part->set == model::kMachineStore);
    CHECK(part->key_ids == std::vector<Bytes>{crypto::read_certificate(host.b.der)->public_key_sha1});
    const auto sets = certificates.narrowed();
    REQUIRE(sets.size() == 1);
    CHECK(sets[0].name == name);
    CHECK(sets[0].anchors == std::vector<Bytes>{host.b.der});
  }

  TEST_CASE("what cannot be asked of a peer, or is not there, makes the method unusable, and is said") {
    const Host host;
    std::string why;
    const auto refused = [&](const AuthMethod& wanted) { return host.names(wanted, &why).trust.empty(); };
    CertCriteria purpose = root(host.a);
    purpose.ekus = {"1.3.6.1.5.5.7.3.1"};
    CHECK(refused(method({}, {purpose})));
    CHECK(why.find("cannot be asked of a peer") != std::string::npos);
    CHECK(refused(method({}, {root(host.below)})));
    CHECK(why.find("no root that the policy trusts") != std::string::npos);
    CHECK(refused(method({}, {root(host.a, 0x80)})));
    CHECK(why.find("health") != std::string::npos);
    AuthMethod strong = method({});
    std::get<CertificateAuth>(strong.detail).flags = 4;
    CHECK(refused(strong));
    CHECK(why.find("revocation") != std::string::npos);
    CHECK(host.names(method({root(host.below)}), &why).credential.empty());
    CHECK(why.find("[[certificates.machine]]") != std::string::npos);
    CHECK(host.names(method({root(host.a, 4)}), &why).credential.empty());
    CHECK(why.find("health") != std::string::npos);
    const model::IkePolicySet nothing;
    MachineCertificates bare(nothing);
    CHECK(bare.names(guid(9), 0, method({})).credential.empty());
    CHECK(bare.names(guid(9), 0, method({})).trust.empty());
    CHECK(bare.complaint(guid(9)).find("[certificates]") != std::string::npos);
    CHECK(bare.complaint(guid(8)).empty());
  }

  TEST_CASE("a context of the configuration keeps its own, and a direction that is unspecified needs nothing") {
    Host host;
    const std::string own = policy::credential_name(guid(9), 0);
    host.base.credentials.push_back({own, model::AuthPolicy::Kind::cert, {}, model::KeyType::none});
    CHECK(host.names(method({root(host.a)})).credential == own);
    CHECK(host.names(method({root(host.a)})).trust == own);
    host.base.credentials.clear();
    AuthMethod one_way = method({});
    std::get<CertificateAuth>(one_way.detail).outbound.type = CertConfigType::UNSPECIFIED;
    std::string why;
    CHECK(host.names(one_way, &why).trust == model::kMachineStore);
    CHECK(why.empty());
  }
}
