// RFC 4231, 2202, 4434, 4615: known answers of tests/vectors/prf.vec.
#include "crypto/prf.h"

#include <doctest/doctest.h>

#include "support/vector_file.h"

namespace sallyport::crypto {

using test::hex;

TEST_SUITE("crypto/prf") {
  TEST_CASE("[RFC4434 2] [RFC4615 3] every known answer of the pseudo-random functions holds, keys of any length") {
    const auto cases = test::read_vectors("prf.vec");
    REQUIRE(cases.size() == 32);
    for (const auto& one : cases) {
      CAPTURE(one.at("prf"));
      CAPTURE(one.at("key"));
      const Bytes data = hex(one.at("data")), out = hex(one.at("out"));
      const size_t half = data.size() / 2;
      const auto got = prf(test::registry_id<model::PrfId>(one.at("prf")), hex(one.at("key")),
                           {ByteView(data).first(half), {}, ByteView(data).subspan(half)});
      REQUIRE(got);
      REQUIRE(got->size() >= out.size());  // RFC 4231 4.6 cuts its answer to 128 bits
      CHECK(equal(got->view().first(out.size()), out));
    }
  }

  TEST_CASE("[RFC7296 2.13] prf+ chains blocks over the block before, the seed and a counter from one") {
    const Bytes key(32, 0x11), seed(40, 0x22);
    const auto out = prf_plus(model::PrfId::HMAC_SHA2_256, key, seed, 70);
    REQUIRE(out);
    REQUIRE(out->size() == 70);
    const uint8_t one[] = {1}, two[] = {2}, three[] = {3};
    const auto t1 = prf(model::PrfId::HMAC_SHA2_256, key, {seed, one});
    const auto t2 = prf(model::PrfId::HMAC_SHA2_256, key, {t1->view(), seed, two});
    const auto t3 = prf(model::PrfId::HMAC_SHA2_256, key, {t2->view(), seed, three});
    CHECK(equal(out->view().first(32), t1->view()));
    CHECK(equal(out->view().subspan(32, 32), t2->view()));
    CHECK(equal(out->view().subspan(64), t3->view().first(6)));
  }

  TEST_CASE("[RFC7296 2.13] prf+ refuses more than 255 blocks") {
    const Bytes key(20, 1);
    CHECK(prf_plus(model::PrfId::HMAC_SHA1, key, key, 255 * 20));
    const auto over = prf_plus(model::PrfId::HMAC_SHA1, key, key, 255 * 20 + 1);
    REQUIRE_FALSE(over);
    CHECK(over.error().code == Errc::limit);
  }

  TEST_CASE("S8: an unknown prf is an error and yields no key") {
    const auto out = prf(static_cast<model::PrfId>(999), Bytes(16, 1), {});
    REQUIRE_FALSE(out);
    CHECK(out.error().code == Errc::algorithm_refused);
  }
}

}  // namespace sallyport::crypto
