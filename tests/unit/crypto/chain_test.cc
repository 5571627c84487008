// Chains made here, each with one thing wrong.
#include "crypto/chain.h"

#include <doctest/doctest.h>

#include "crypto/certificate.h"
#include "unit/crypto/made_certificates.h"

namespace sallyport::crypto {

using model::Identity;
using test::authority;
using test::kDay;
using test::kNow;
using test::Made;
using test::make_certificate;
using test::Wanted;

namespace {

const Identity kGateway = Identity::parse("gw.example.org").value();

Wanted gateway() {
  Wanted out;
  out.name = "gw";
  out.alternative_names = "DNS:gw.example.org";
  return out;
}

ChainVerdict verify(std::vector<Bytes> chain, std::vector<Bytes> anchors, int64_t now = kNow) {
  return verify_chain(chain, anchors, kGateway, WallTime{now});
}

// Root, intermediate, leaf; each may be changed before it is made.
struct Three {
  Wanted root = authority("root"), middle = authority("middle"), leaf = gateway();
  ChainVerdict verdict(int64_t now = kNow) const {
    const Made a = make_certificate(root), b = make_certificate(middle, &a), c = make_certificate(leaf, &b);
    return verify({c.der, b.der}, {a.der}, now);
  }
};

}  // namespace

TEST_SUITE("crypto/chain") {
  TEST_CASE("[RFC5280 6] a leaf below an intermediate below our anchor verifies, and its subject is told") {
    const ChainVerdict verdict = Three{}.verdict();
    CHECK(verdict.why == "");
    CHECK(verdict.ok);
    CHECK(verdict.subject == "O=Example, CN=gw");
  }

  TEST_CASE("[RFC5280 6.1.3] what is expired or not yet valid is refused, wherever it stands below the anchor") {
    CHECK(Three{}.verdict(kNow + 2 * kDay).why == "certificate has expired");
    CHECK(Three{}.verdict(kNow - 2 * kDay).why == "certificate is not yet valid");
    Three old_middle;
    old_middle.middle.not_after = kNow - 60;
    CHECK(old_middle.verdict().why == "certificate has expired");
    Three early_leaf;
    early_leaf.leaf.not_before = kNow + 60;
    CHECK(early_leaf.verdict().why == "certificate is not yet valid");
    CHECK(early_leaf.verdict(kNow + 61).ok);
  }

  TEST_CASE("P9: an anchor of the same name with another key, a missing intermediate and no anchor are no trust") {
    const Made root = make_certificate(authority("root")), other = make_certificate(authority("root"));
    const Made middle = make_certificate(authority("middle"), &root), leaf = make_certificate(gateway(), &middle);
    CHECK(verify({leaf.der, middle.der}, {root.der}).ok);
    CHECK_FALSE(verify({leaf.der, middle.der}, {other.der}).ok);
    CHECK_FALSE(verify({leaf.der}, {root.der}).ok);
    CHECK_FALSE(verify({leaf.der, middle.der, root.der}, {}).ok);
    CHECK(verify({leaf.der}, {middle.der}).ok);  // an intermediate is as good an anchor as a root
    CHECK(verify({leaf.der}, {leaf.der}).ok);    // and so is the certificate itself
    CHECK(verify({leaf.der, middle.der}, {other.der, Bytes{1, 2, 3}, root.der}).ok);
  }

  TEST_CASE("[RFC4945 5.1.3.9] an issuer that does not say it is an authority is refused") {
    Three leaf_as_issuer;
    leaf_as_issuer.middle.basic_constraints = "critical,CA:FALSE";
    leaf_as_issuer.middle.key_usage = "";
    CHECK_FALSE(leaf_as_issuer.verdict().ok);
    Three only_usage;
    only_usage.middle.basic_constraints = "";
    only_usage.middle.key_usage = "critical,keyCertSign";
    CHECK(only_usage.verdict().why == "invalid CA certificate");
    Three version_1;
    version_1.middle = {};
    version_1.middle.name = "middle";
    version_1.middle.version_1 = true;
    CHECK_FALSE(version_1.verdict().ok);
    Three may_not_sign;
    may_not_sign.middle.key_usage = "critical,cRLSign";
    CHECK_FALSE(may_not_sign.verdict().ok);
    Three old_anchor;  // configured by us: it needs no mark
    old_anchor.root = {};
    old_anchor.root.name = "root";
    old_anchor.root.version_1 = true;
    CHECK(old_anchor.verdict().ok);
  }

  TEST_CASE("[RFC5280 4.2.1.9] a path longer than an authority allows is refused") {
    Three none_below;
    none_below.root.basic_constraints = "critical,CA:TRUE,pathlen:0";
    CHECK(none_below.verdict().why == "path length constraint exceeded");
    Three one_below;
    one_below.root.basic_constraints = "critical,CA:TRUE,pathlen:1";
    one_below.middle.basic_constraints = "critical,CA:TRUE,pathlen:0";
    CHECK(one_below.verdict().ok);
  }

  TEST_CASE("[RFC5280 4.2.1.10] a name outside an authority's name constraints is refused") {
    Three inside;
    inside.middle.name_constraints = "critical,permitted;DNS:example.org";
    CHECK(inside.verdict().ok);
    Three outside;
    outside.middle.name_constraints = "critical,permitted;DNS:example.net";
    CHECK(outside.verdict().why == "permitted subtree violation");
  }

  TEST_CASE("[RFC4945 5.1.3.12] extended key usage: none, IKE, any, TLS ends and iKEIntermediate; nothing else") {
    for (const char* good : {"1.3.6.1.5.5.7.3.17", "anyExtendedKeyUsage", "serverAuth", "clientAuth",
                             "codeSigning,1.3.6.1.5.5.7.3.17", "critical,1.3.6.1.5.5.8.2.2"}) {
      Three chain;
      chain.leaf.extended_key_usage = good;
      CAPTURE(good);
      CHECK(chain.verdict().ok);
    }
    for (const char* bad : {"codeSigning", "emailProtection,OCSPSigning", "critical,1.3.6.1.5.5.7.3.5",
                            "1.3.6.1.5.5.7.3.6,1.3.6.1.5.5.7.3.7", "1.3.6.1.5.5.7.3.170"}) {
      Three chain;
      chain.leaf.extended_key_usage = bad;
      CAPTURE(bad);
      CHECK(chain.verdict().why == "the certificate's extended key usage does not allow IKE");
    }
  }

  TEST_CASE("[RFC4945 5.1.3.2] a leaf with key usage must allow signatures") {
    for (const auto& [usage, good] : {std::pair{"digitalSignature", true},
                                      {"nonRepudiation", true},
                                      {"critical,digitalSignature,keyAgreement", true},
                                      {"keyAgreement", false},
                                      {"critical,keyEncipherment", false}}) {
      Three chain;
      const char* const said = usage;  // clang 14 captures no structured binding
      chain.leaf.key_usage = said;
      CAPTURE(said);
      CHECK(chain.verdict().ok == good);
    }
  }

  TEST_CASE("P9: less than 112 bits of strength is refused: short RSA keys, SHA-1 signatures") {
    Three weak_leaf;
    weak_leaf.leaf.key = "rsa1024";
    CHECK(weak_leaf.verdict().why == "EE certificate key too weak");
    Three weak_issuer;
    weak_issuer.middle.key = "rsa1024";
    CHECK(weak_issuer.verdict().why == "CA certificate key too weak");
    Three old_digest;
    old_digest.leaf.digest = EVP_sha1();
    CHECK(old_digest.verdict().why == "CA signature digest algorithm too weak");
    Three other_keys;
    other_keys.middle.key = "rsa";
    other_keys.leaf.key = "P-521";
    CHECK(other_keys.verdict().ok);
  }

  TEST_CASE("[RFC5280 4.2] an unknown critical extension is refused, an unknown one that is not critical is not") {
    Three critical;
    critical.leaf.unknown_critical = "critical,hello";
    CHECK_FALSE(critical.verdict().ok);
    Three harmless;
    harmless.leaf.unknown_critical = "hello";
    CHECK(harmless.verdict().ok);
  }

  TEST_CASE(
      "[RFC4945 3.1] a chain that verifies for somebody else is refused, and the sentence names who was expected") {
    Three other;
    other.leaf.alternative_names = "DNS:other.example.org,DNS:*.example.org";
    CHECK(other.verdict().why == "the certificate is not for gw.example.org");
  }

  TEST_CASE("P9: a changed octet anywhere in the leaf is refused; so are no certificate, too many and too large ones") {
    const Made root = make_certificate(authority("root")), leaf = make_certificate(gateway(), &root);
    REQUIRE(verify({leaf.der}, {root.der}).ok);
    for (size_t i = 0; i < leaf.der.size(); i += 7) {
      Bytes changed = leaf.der;
      changed[i] ^= 0x04;
      CHECK_FALSE(verify({changed}, {root.der}).ok);
    }
    Bytes longer = leaf.der;
    longer.push_back(0);
    CHECK(verify({longer}, {root.der}).why == "the certificate cannot be read");
    CHECK(verify({}, {root.der}).why == "the peer sent no certificate");
    CHECK(verify(std::vector<Bytes>(9, leaf.der), {root.der}).why == "the chain has more than 8 certificates");
    CHECK(verify({leaf.der, Bytes(65536)}, {root.der}).why == "the chain is longer than 64 KiB");
    CHECK(verify({leaf.der, Bytes{0x30, 0x80}, Bytes()}, {root.der}).ok);  // rubbish beside a good leaf is not used
  }

  TEST_CASE(
      "P9: a signature that its issuer did not make is refused, wherever it stands, whatever names and key IDs say") {
    const Made root = make_certificate(authority("root")), middle = make_certificate(authority("middle"), &root);
    // Says that it is this issuer, and signs with a key of its own.
    const auto in_the_name_of = [](const Made& issuer) {
      Made out = make_certificate(authority("somebody"));
      X509_up_ref(issuer.certificate.get());
      out.certificate.reset(issuer.certificate.get());
      return out;
    };
    const Made false_middle = in_the_name_of(middle), false_root = in_the_name_of(root);
    const Made leaf = make_certificate(gateway(), &middle), forged = make_certificate(gateway(), &false_middle);
    CHECK(verify({leaf.der, middle.der}, {root.der}).ok);
    CHECK(verify({forged.der, middle.der}, {root.der}).why == "certificate signature failure");
    CHECK_FALSE(verify({forged.der, middle.der}, {middle.der}).ok);
    const Made own_middle = make_certificate(authority("middle"), &false_root);
    const Made below = make_certificate(gateway(), &own_middle);
    CHECK(verify({below.der, own_middle.der}, {root.der}).why == "certificate signature failure");
    CHECK_FALSE(verify({below.der, own_middle.der, middle.der}, {root.der}).ok);
  }

  TEST_CASE("P9: a chain that is as large as a chain may be verifies; one octet more, however good, is not looked at") {
    const Made root = make_certificate(authority("root"));
    const auto large = [](Wanted wanted, const Made& issuer, size_t octets) {
      wanted.unknown_critical = std::string(1000, 'x');
      const size_t rest = make_certificate(wanted, &issuer).der.size() - 1000;
      wanted.unknown_critical = std::string(octets - rest - 30, 'x');  // lengths and signatures vary by some octets
      return make_certificate(wanted, &issuer);
    };
    const Made middle = large(authority("middle"), root, kMaxCertificateOctets);
    const Made leaf = large(gateway(), middle, kMaxCertificateOctets);
    const size_t both = middle.der.size() + leaf.der.size();
    REQUIRE(both > 65000);
    REQUIRE(both < 65536);
    CHECK(verify({leaf.der, middle.der}, {root.der}).why == "");
    CHECK(verify({leaf.der, middle.der, Bytes(65536 - both)}, {root.der}).why == "");
    CHECK(verify({leaf.der, middle.der, Bytes(65537 - both)}, {root.der}).why == "the chain is longer than 64 KiB");
    const Made too_large = large(gateway(), root, kMaxCertificateOctets + 100);
    REQUIRE(too_large.der.size() > kMaxCertificateOctets);
    CHECK(verify({too_large.der}, {root.der}).why == "the certificate cannot be read");
  }

  TEST_CASE("P9: a path deeper than six issuers is refused") {
    std::vector<Made> made;
    made.push_back(make_certificate(authority("root")));
    for (int i = 0; i < 7; ++i) made.push_back(make_certificate(authority("middle" + std::to_string(i)), &made.back()));
    const Made leaf = make_certificate(gateway(), &made.back());
    std::vector<Bytes> chain = {leaf.der};
    for (size_t i = made.size(); i-- > 1;) chain.push_back(made[i].der);
    CHECK_FALSE(verify(chain, {made[0].der}).ok);
    CHECK(verify(chain, {made[3].der}).ok);
  }
}

}  // namespace sallyport::crypto
