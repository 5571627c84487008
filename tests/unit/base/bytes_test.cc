#include "base/bytes.h"

#include <doctest/doctest.h>

using namespace sallyport;

TEST_SUITE("base/bytes") {
  TEST_CASE("a read past the end is an error and does not move the cursor") {
    const Bytes in = {1, 2, 3};
    Reader r(in);
    CHECK(*r.u16() == 0x0102);
    CHECK(r.u32().error().code == Errc::truncated);
    CHECK(*r.u8() == 3);
    CHECK(r.expect_end());
  }
  TEST_CASE("trailing bytes are an error that counts them") {
    const Bytes in = {1, 2, 3};
    Reader r(in);
    REQUIRE(r.u8());
    CHECK(r.expect_end().error() == Error{Errc::trailing_bytes, 2});
  }
  TEST_CASE("writer and reader agree on every width") {
    Writer w;
    w.u8(1);
    w.u16(0x0203);
    w.u32(0x04050607);
    w.u64(0x08090a0b0c0d0e0f);
    CHECK(to_hex(w.view()) == "0102030405060708090a0b0c0d0e0f");
    w.patch_u16(1, 0xffee);
    CHECK(to_hex(w.view()).substr(2, 4) == "ffee");
  }
  TEST_CASE("hexadecimal text: round trip and refusals") {
    CHECK(to_hex(*from_hex("00ffA5")) == "00ffa5");
    CHECK_FALSE(from_hex("0"));
    CHECK_FALSE(from_hex("0g"));
  }
}
