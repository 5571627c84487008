// Which provider does what.
#include "crypto/provider.h"

#include <doctest/doctest.h>

#include "crypto/aead.h"

namespace sallyport::crypto {

using model::EncrId;
using model::IntegId;

TEST_SUITE("crypto/provider") {
  TEST_CASE("OpenSSL does what the table does not name; a row covers the other ICVs, implicit IVs and 192 bits") {
    ProviderTable table;
    CHECK(table.of({EncrId::AES_GCM_16, 128, IntegId::NONE}) == Provider::openssl);
    table.set({{EncrId::AES_GCM_16, 128, IntegId::NONE}, Provider::ipsec_mb, 0, 0});
    table.set({{EncrId::CHACHA20_POLY1305, 256, IntegId::NONE}, Provider::ipsec_mb, 0, 0});
    table.set({{EncrId::AES_CBC, 256, IntegId::HMAC_SHA1_96}, Provider::ipsec_mb, 0, 0});
    for (const EncrId id : {EncrId::AES_GCM_8, EncrId::AES_GCM_12, EncrId::AES_GCM_16, EncrId::AES_GCM_16_IIV}) {
      CHECK(table.of({id, 128, IntegId::NONE}) == Provider::ipsec_mb);
      CHECK(table.of({id, 256, IntegId::NONE}) == Provider::openssl);
    }
    CHECK(table.of({EncrId::CHACHA20_POLY1305_IIV, 0, IntegId::NONE}) == Provider::ipsec_mb);
    CHECK(table.of({EncrId::AES_CBC, 192, IntegId::HMAC_SHA1_96}) == Provider::ipsec_mb);
    CHECK(table.of({EncrId::AES_CBC, 256, IntegId::HMAC_SHA2_256_128}) == Provider::openssl);
    table.set({{EncrId::AES_GCM_16, 128, IntegId::NONE}, Provider::openssl, 0, 0});
    CHECK(table.of({EncrId::AES_GCM_16, 128, IntegId::NONE}) == Provider::openssl);
    CHECK(table.rows().size() == 3);
  }

  TEST_CASE("the faster one by the clock that was given is chosen, and its Aead says who it is") {
    // OpenSSL runs first: its rounds take 100 each on this clock, those of the other one 10 or 1000.
    for (const uint64_t other : {uint64_t{10}, uint64_t{1000}}) {
      uint64_t now = 0;
      int reads = 0;
      const auto clock = [&] {
        if (reads % 2 == 1) now += reads < 6 ? 1600 : other * 16;
        ++reads;
        return now;
      };
      const Suite suite{EncrId::AES_GCM_16, 128, IntegId::NONE};
      const ProviderTable table = measure_providers(clock, {&suite, 1});
      if (!available(Provider::ipsec_mb)) {
        CHECK(table.rows().empty());
        return;
      }
      REQUIRE(table.rows().size() == 1);
      CHECK(table.rows()[0].openssl_ns == 100);
      CHECK(table.rows()[0].ipsec_mb_ns == other);
      const Provider winner = other < 100 ? Provider::ipsec_mb : Provider::openssl;
      CHECK(table.of(suite) == winner);
      const auto aead = Aead::create(suite.encr, Bytes(20), 128, IntegId::NONE, {}, table.of(suite));
      REQUIRE(aead);
      CHECK((*aead)->provider() == winner);
    }
  }

  TEST_CASE("what ipsec-mb does not know OpenSSL does, whoever was asked") {
    const auto ccm = Aead::create(EncrId::AES_CCM_16, Bytes(19), 128, IntegId::NONE, {}, Provider::ipsec_mb);
    REQUIRE(ccm);
    CHECK((*ccm)->provider() == Provider::openssl);
    CHECK(to_string((*ccm)->provider()) == "OpenSSL");
    const auto legacy =
        Aead::create(EncrId::DES3, Bytes(24, 1), 0, IntegId::HMAC_MD5_96, Bytes(16), Provider::ipsec_mb);
    REQUIRE(legacy);
    CHECK((*legacy)->provider() == Provider::openssl);
  }

  TEST_CASE("every suite that is measured is one that both know") {
    for (const Suite& suite : suites_to_measure()) {
      const auto integ = model::info(suite.integ);
      const auto aead =
          Aead::create(suite.encr, Bytes(model::key_material_octets(suite.encr, suite.key_bits), 1), suite.key_bits,
                       suite.integ, Bytes(integ ? integ->key_octets : 0, 2), Provider::ipsec_mb);
      REQUIRE(aead);
      CHECK((*aead)->provider() == Provider::ipsec_mb);
    }
    CHECK(suites_to_measure().empty() == !available(Provider::ipsec_mb));
  }
}

}  // namespace sallyport::crypto
