// Which certificates a policy's wish means.
#include "crypto/certificate_match.h"

#include <doctest/doctest.h>

#include "crypto/hash.h"
#include "unit/crypto/made_certificates.h"

namespace sallyport::crypto {

using Kind = CertificateWish::NameKind;

namespace {

Bytes web_server() {
  test::Wanted wanted;
  wanted.name = "Web";
  wanted.extended_key_usage = "serverAuth,1.3.6.1.5.5.8.2.2";
  wanted.alternative_names =
      "DNS:web.example.org,email:web@example.org,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:web@corp.example";
  return test::make_certificate(wanted).der;
}

bool named(const Bytes& certificate, Kind kind, const char* text) {
  return fits(certificate, {{}, {}, CertificateWish::Name{kind, text}});
}

}  // namespace

TEST_SUITE("crypto/certificate_match") {
  TEST_CASE("a wish for nothing is every certificate's, and nothing else's") {
    CHECK(fits(web_server(), {}));
    CHECK_FALSE(fits(Bytes{0x30, 0x00}, {}));
  }

  TEST_CASE("[WFP 13.3] a digest is of the whole certificate") {
    const Bytes certificate = web_server();
    CHECK(fits(certificate, {sha1(certificate), {}, {}}));
    CHECK_FALSE(fits(certificate, {Bytes(20, 7), {}, {}}));
  }

  TEST_CASE("[RFC5280 4.2.1.12] every purpose has to be listed") {
    const Bytes certificate = web_server();
    CHECK(fits(certificate, {{}, {"1.3.6.1.5.5.8.2.2"}, {}}));
    CHECK(fits(certificate, {{}, {"1.3.6.1.5.5.8.2.2", "1.3.6.1.5.5.7.3.1"}, {}}));
    CHECK_FALSE(fits(certificate, {{}, {"1.3.6.1.5.5.8.2.2", "1.3.6.1.5.5.7.3.2"}, {}}));
    CHECK_FALSE(fits(test::make_certificate({}).der, {{}, {"1.3.6.1.5.5.7.3.1"}, {}}));
  }

  TEST_CASE("[RFC5280 4.2.1.6] names of each kind, whatever the case of letters, and of no other kind") {
    const Bytes certificate = web_server();
    const std::pair<Kind, const char*> theirs[] = {{Kind::dns, "WEB.example.org"},
                                                   {Kind::upn, "web@corp.example"},
                                                   {Kind::rfc822, "Web@Example.org"},
                                                   {Kind::cn, "web"},
                                                   {Kind::o, "example"}};
    for (const auto& [kind, text] : theirs) CHECK(named(certificate, kind, text));
    for (const auto& [kind, text] : theirs) {
      for (const Kind other : {Kind::dns, Kind::upn, Kind::rfc822, Kind::cn, Kind::ou, Kind::o, Kind::dc}) {
        if (other != kind) CHECK_FALSE(named(certificate, other, text));
      }
    }
    CHECK_FALSE(named(certificate, Kind::dns, "web.example.org.evil.example"));
    CHECK_FALSE(named(certificate, Kind::dns, "web.example.or"));
  }
}

}  // namespace sallyport::crypto
