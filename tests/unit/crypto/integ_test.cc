// RFC 3566, 4493, 2202, 4868: known answers of tests/vectors/integ.vec.
#include "crypto/integ.h"

#include <doctest/doctest.h>

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
}

}  // namespace sallyport::crypto
