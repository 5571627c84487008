// What certificates say, and names between text and DER.
#include "crypto/certificate.h"

#include <doctest/doctest.h>

#include "crypto/hash.h"
#include "support/vector_file.h"
#include "unit/crypto/made_certificates.h"

namespace sallyport::crypto {

using model::Identity;
using model::IdType;
using model::KeyType;
using sallyport::test::hex;
using test::kDay;
using test::kNow;
using test::Made;
using test::make_certificate;
using test::Wanted;

namespace {

Identity id(const char* text) { return Identity::parse(text).value(); }
std::string there_and_back(const char* text) { return dn_text(encode_dn(text).value()); }

Made gateway() {
  Wanted wanted;
  wanted.name = "gw";
  wanted.alternative_names =
      "DNS:gw.example.org,email:admin@example.org,IP:192.0.2.1,IP:2001:db8::1,URI:https://example.org/";
  return make_certificate(wanted);
}

}  // namespace

TEST_SUITE("crypto/certificate") {
  TEST_CASE("a certificate is read: subject, names, key, validity, authority") {
    const Made made = gateway();
    const auto view = read_certificate(made.der);
    REQUIRE(view);
    CHECK(view->subject == "O=Example, CN=gw");
    CHECK(view->subject_der == *encode_dn("O=Example, CN=gw"));
    CHECK(view->key_type == KeyType::ecdsa_p256);
    CHECK(view->not_before.unix_seconds == kNow - kDay);
    CHECK(view->not_after.unix_seconds == kNow + kDay);
    CHECK_FALSE(view->authority);
    CHECK(view->public_key_sha1 == sha1(test::public_der(made.key.get())));
    REQUIRE(view->alternative_names.size() == 4);
    CHECK(view->alternative_names[0] == id("gw.example.org"));
    CHECK(view->alternative_names[1] == id("admin@example.org"));
    CHECK(view->alternative_names[2] == id("192.0.2.1"));
    CHECK(view->alternative_names[3] == id("2001:db8::1"));
    CHECK(read_certificate(make_certificate(test::authority("ca")).der)->authority);
  }

  TEST_CASE("for people a distinguished name is text, and every other identity what it always is") {
    const Identity wire{IdType::ID_DER_ASN1_DN, encode_dn("O=Example, CN=gw").value(), false};
    CHECK(shown(wire) == "O=Example, CN=gw");
    CHECK(shown(id("O=Example, CN=gw")) == "O=Example, CN=gw");
    CHECK(shown(id("gw.example.org")) == "gw.example.org");
    CHECK(shown({IdType::ID_DER_ASN1_DN, Bytes{1, 2}, false}) == "dn:0102");
  }

  TEST_CASE("keys are told by their kind and curve; a curve of ours by name, not by size") {
    for (const auto& [key, type] : {std::pair{"P-384", KeyType::ecdsa_p384},
                                    {"P-521", KeyType::ecdsa_p521},
                                    {"rsa", KeyType::rsa},
                                    {"secp256k1", KeyType::none},
                                    {"brainpoolP256r1", KeyType::none}}) {
      Wanted wanted;
      wanted.key = key;
      CAPTURE(key);
      CHECK(read_certificate(make_certificate(wanted).der)->key_type == type);
    }
    for (const auto& [key, type] : {std::pair{"ed25519", KeyType::ed25519}, {"ed448", KeyType::ed448}}) {
      Wanted wanted;
      wanted.key = key;
      wanted.digest = nullptr;
      CHECK(read_certificate(make_certificate(wanted).der)->key_type == type);
    }
  }

  TEST_CASE("P9: what is cut, too long, empty or no certificate is refused") {
    const Bytes der = gateway().der;
    for (size_t n = 0; n < der.size(); ++n) REQUIRE_FALSE(read_certificate(ByteView(der).first(n)));
    Bytes longer = der;
    longer.push_back(0);
    CHECK(read_certificate(longer).error().code == Errc::bad_certificate);
    CHECK_FALSE(read_certificate(Bytes(kMaxCertificateOctets + 1, 0x30)));
  }

  TEST_CASE("PEM gives every certificate in the order of the file, and an error where there is none") {
    const Made a = gateway(), b = make_certificate(test::authority("ca"));
    Bytes pem = test::certificate_pem(a);
    append(pem, as_bytes("some text between\n"));
    append(pem, test::key_pem(a.key.get()));
    append(pem, test::certificate_pem(b));
    const auto read = certificates_from_pem(pem);
    REQUIRE(read);
    CHECK(*read == std::vector<Bytes>{a.der, b.der});
    CHECK(certificates_from_pem(as_bytes("hello")).error().code == Errc::bad_certificate);
    CHECK_FALSE(certificates_from_pem({}));
  }

  TEST_CASE("[RFC4514 2] names go to DER and back: order, several pairs in one RDN, escapes") {
    CHECK(there_and_back("C=DE, O=Example, CN=gw") == "C=DE, O=Example, CN=gw");
    CHECK(there_and_back("C=DE,O=Example,CN=gw") == "C=DE, O=Example, CN=gw");
    CHECK(there_and_back("CN=b + OU=a, O=c") == "CN=b + OU=a, O=c");
    CHECK(there_and_back(R"(O=Sue\, Grabbit and Runn, CN=L\+R)") == R"(O=Sue\, Grabbit and Runn, CN=L\+R)");
    CHECK(there_and_back(R"(CN=back\\slash)") == R"(CN=back\\slash)");
    CHECK(there_and_back(R"(CN=back\\, O=x)") == R"(CN=back\\, O=x)");  // the comma after an escaped backslash joins
    CHECK(there_and_back("  CN =  gw  ,  O = Example ") == "CN=gw, O=Example");
    // One RDN of two pairs, which DER sorts; two RDNs are something else.
    CHECK(*encode_dn("OU=a + CN=b") == *encode_dn("CN=b + OU=a"));
    CHECK(*encode_dn("OU=a + CN=b") != *encode_dn("OU=a, CN=b"));
    // SEQUENCE { SET { SEQUENCE { 2.5.4.3, UTF8String } } }
    CHECK(*encode_dn(R"(CN=a\2Cb)") == hex("300e310c300a06035504030c03612c62"));
    CHECK(*encode_dn(R"(CN=\ a\ )") == hex("300e310c300a06035504030c03206120"));
    CHECK(*encode_dn(R"(CN=\C3\A9)") == hex("300d310b300906035504030c02c3a9"));
    CHECK(*encode_dn("2.5.4.3=gw") == *encode_dn("CN=gw"));
  }

  TEST_CASE("what is no name is refused, with the place where reading stopped") {
    for (const char* bad :
         {"", ",", "CN", "=gw", "CN=", "CN=a,", "CN=a,,O=b", "CN=a+", "CN=a\\", R"(CN=a\g)", R"(CN=a\0)", R"(CN=a\00)",
          "CN=#0c0161", "CN=\"a\"", "NOSUCH=a", "CN=a;O=b", "C=Germany", "CN=\xff"}) {
      CAPTURE(bad);
      const auto out = encode_dn(bad);
      REQUIRE_FALSE(out);
      CHECK(out.error().code == Errc::bad_value);
    }
    CHECK(encode_dn("CN=a, O").error().detail == 5);
    CHECK(dn_text(Bytes{0x30, 0x01}) == "");
    CHECK(dn_text(hex("300e310c300a06035504030c03612c6200")) == "");
  }

  TEST_CASE("[RFC5280 7.1] names are the same whatever their string types, letter case and spaces") {
    const Bytes utf8 = *encode_dn("O=Example Inc, CN=gw");
    Bytes printable = utf8;
    for (size_t i = 0; i + 1 < printable.size(); ++i) {
      if (printable[i] == 0x0c) printable[i] = 0x13;
    }
    CHECK(printable != utf8);
    CHECK(same_dn(utf8, printable));
    CHECK(same_dn(utf8, *encode_dn("O=EXAMPLE  inc, CN=GW")));
    CHECK_FALSE(same_dn(utf8, *encode_dn("CN=gw, O=Example Inc")));
    CHECK_FALSE(same_dn(utf8, *encode_dn("O=Example Inc, CN=gw2")));
    CHECK_FALSE(same_dn(utf8, *encode_dn("O=Example Inc + CN=gw")));
    CHECK_FALSE(same_dn(utf8, {}));
    CHECK_FALSE(same_dn({}, {}));
  }

  TEST_CASE("[RFC4945 3.1] an identity is the subject or one of the alternative names, without wildcards") {
    const Bytes der = gateway().der;
    for (const char* good : {"gw.example.org", "GW.Example.ORG", "admin@example.org", "192.0.2.1", "2001:db8::1",
                             "O=Example, CN=gw", "O=EXAMPLE, CN=GW"}) {
      CAPTURE(good);
      CHECK(identity_matches(der, id(good)));
    }
    for (const char* bad : {"example.org", "a.gw.example.org", "root@example.org", "192.0.2.2", "2001:db8::2", "CN=gw",
                            "CN=gw, O=Example", "https://example.org/", "keyid:6777"}) {
      CAPTURE(bad);
      CHECK_FALSE(identity_matches(der, id(bad)));
    }
    const Identity encoded{IdType::ID_DER_ASN1_DN, *encode_dn("O=Example, CN=gw"), false};
    CHECK(identity_matches(der, encoded));
    Wanted wild;
    wild.alternative_names = "DNS:*.example.org";
    CHECK_FALSE(identity_matches(make_certificate(wild).der, id("gw.example.org")));
    CHECK_FALSE(identity_matches(Bytes(10), id("gw.example.org")));
  }
}

}  // namespace sallyport::crypto
