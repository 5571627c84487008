// RFC 3566, 4493, 2202, 4868: known answers of tests/vectors/integ.vec.
#include "crypto/integ.h"

#include <doctest/doctest.h>

#include "crypto/aead.h"
#include "support/vector_file.h"

namespace sallyport::crypto {

using test::hex;

TEST_SUITE("crypto/integ") {
  TEST_CASE("[RFC3566 4.6] [RFC4494] [RFC4868 2.7.2] every known answer of the integrity algorithms holds") {
    const auto cases = test::read_vectors("integ.vec");
    REQUIRE(cases.size() == 15);
    for (const auto& one : cases) {
      CAPTURE(one.at("integ"));
      const Bytes data = hex(one.at("data")), icv = hex(one.at("icv"));
      const auto integ = Integ::create(test::registry_id<model::IntegId>(one.at("integ")), hex(one.at("key")));
      REQUIRE(integ);
      REQUIRE((*integ)->icv_octets() == icv.size());
      for (const size_t cut : {size_t{0}, data.size() / 3, data.size()}) {
        Bytes got(icv.size());
        REQUIRE((*integ)->compute({ByteView(data).first(cut), ByteView(data).subspan(cut)}, got));
        CHECK(got == icv);
      }
      CHECK((*integ)->verify({data}, icv));
      for (size_t bit = 0; bit < icv.size() * 8; ++bit) {
        Bytes wrong = icv;
        wrong[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
        REQUIRE_FALSE((*integ)->verify({data}, wrong));
      }
      CHECK_FALSE((*integ)->verify({data}, ByteView(icv).first(icv.size() - 1)));
    }
  }

  TEST_CASE("[RFC4868 2.1.1] a key of another length than the algorithm fixes is refused") {
    for (const size_t n : {size_t{0}, size_t{31}, size_t{33}}) {
      const auto out = Integ::create(model::IntegId::HMAC_SHA2_256_128, Bytes(n, 1));
      REQUIRE_FALSE(out);
      CHECK(out.error().code == Errc::bad_key);
    }
    CHECK_FALSE(Integ::create(model::IntegId::NONE, {}));
  }

  TEST_CASE("[RFC4543 3.4 4] GMAC of AH takes an IV, has 16 octets, and is the tag of GCM without a text") {
    // NIST SP 800-38D validation, GCM test case 1: everything zero and empty.
    const auto zero = Integ::create(model::IntegId::AES_128_GMAC, Bytes(20));
    REQUIRE(zero);
    Bytes icv(16);
    REQUIRE((*zero)->compute(Bytes(8), {}, icv));
    CHECK(icv == hex("58e2fccefa7e3061367f1d57a4e7455a"));

    for (const auto& [id, bits] : {std::pair{model::IntegId::AES_128_GMAC, uint16_t{128}},
                                   {model::IntegId::AES_192_GMAC, uint16_t{192}},
                                   {model::IntegId::AES_256_GMAC, uint16_t{256}}}) {
      Bytes key(bits / 8u + 4);
      for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<uint8_t>(i * 7);
      const auto gmac = Integ::create(id, key);
      const auto gcm = Aead::create(model::EncrId::AES_GCM_16, key, bits);
      REQUIRE((gmac && gcm));
      CHECK(((*gmac)->iv_octets() == 8 && (*gmac)->icv_octets() == 16));
      const Bytes data(100, 0x3c), iv = hex("0102030405060708");
      const ByteView parts[] = {ByteView(data).first(33), {}, ByteView(data).subspan(33)};
      Bytes wanted(16);
      REQUIRE((*gcm)->seal(data, {}, iv, {}, {}, wanted));
      REQUIRE((*gmac)->compute(iv, parts, icv));
      CHECK(icv == wanted);
      CHECK((*gmac)->verify(iv, parts, icv));
      CHECK_FALSE((*gmac)->verify(hex("0102030405060709"), parts, icv));
      CHECK_FALSE((*gmac)->verify({}, parts, icv));
      CHECK_FALSE((*gmac)->verify(iv, std::span(parts).first(1), icv));
      CHECK_FALSE((*gmac)->verify(iv, parts, ByteView(icv).first(12)));
      CHECK_FALSE(Integ::create(id, ByteView(key).first(key.size() - 4)));
    }
    const auto hmac = Integ::create(model::IntegId::HMAC_SHA1_96, Bytes(20));
    Bytes short_icv(12);
    CHECK_FALSE((*hmac)->compute(Bytes(8), {}, short_icv));
  }
}

}  // namespace sallyport::crypto
