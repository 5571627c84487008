#include "base/secret.h"

#include <doctest/doctest.h>

using namespace sallyport;

TEST_SUITE("base/secret") {
  TEST_CASE("a moved-from secret is empty and a clone is equal") {
    SecretBytes a(Bytes{1, 2, 3});
    SecretBytes b = a.clone();
    SecretBytes c = std::move(a);
    CHECK(a.empty());
    CHECK(constant_time_equal(b.view(), c.view()));
  }
  TEST_CASE("constant-time comparison tells every differing octet and length") {
    const Bytes x = {1, 2, 3};
    CHECK(constant_time_equal(x, x));
    for (size_t i = 0; i < x.size(); ++i) {
      Bytes y = x;
      y[i] ^= 0x80;
      CHECK_FALSE(constant_time_equal(x, y));
    }
    for (size_t octets = 0; octets <= 40; ++octets) {
      const Bytes one(octets, 0x5A);
      Bytes other = one;
      CHECK(constant_time_equal(one, other));
      for (uint8_t& octet : other) {
        octet ^= 0x80;
        CHECK_FALSE(constant_time_equal(one, other));
        octet ^= 0x80;
      }
    }
    CHECK_FALSE(constant_time_equal(x, Bytes{1, 2}));
  }
  TEST_CASE("wipe leaves zeros") {
    Bytes x = {1, 2, 3};
    wipe(x);
    CHECK(x == Bytes{0, 0, 0});
  }
}
