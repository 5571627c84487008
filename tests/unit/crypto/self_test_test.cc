// The known answers asked at start.
#include "crypto/self_test.h"

#include <doctest/doctest.h>

#include "crypto/hash.h"

namespace sallyport::crypto {

TEST_SUITE("crypto/self_test") {
  TEST_CASE("the library under us answers every known question, and both providers agree") {
    const auto out = self_test();
    CAPTURE(out ? 0 : out.error().detail);
    CHECK(out);
  }

  TEST_CASE("a keyed hash depends on its key and on every octet, not on where the parts are cut") {
    const Bytes a = keyed_hash(Bytes(16, 1), {as_bytes("ab"), as_bytes("c")});
    CHECK(a.size() == 32);
    CHECK(a == keyed_hash(Bytes(16, 1), {as_bytes("abc")}));
    CHECK(a != keyed_hash(Bytes(16, 2), {as_bytes("abc")}));
    CHECK(a != keyed_hash(Bytes(16, 1), {as_bytes("abd")}));
  }
}

}  // namespace sallyport::crypto
