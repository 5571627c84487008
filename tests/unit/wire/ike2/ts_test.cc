#include <doctest/doctest.h>

#include "wire/ike2/payloads.h"

using namespace sallyport;
using namespace sallyport::wire::ike2;

static const char* const kTwo =
    "02000000"
    "0706001001bb01bb0a0000000affffff"
    "080000280000ffff20010db8000000000000000000000000"
    "20010db8ffffffffffffffffffffffff";

static Result<model::Selectors> changed(size_t at, uint8_t value) {
  Bytes copy = *from_hex(kTwo);
  copy[at] = value;
  return parse_ts(copy);
}

TEST_SUITE("wire/ike2/ts") {
  TEST_CASE("[RFC7296 3.13] count, types, ports and addresses lie where the standard puts them") {
    const auto ts = parse_ts(*from_hex(kTwo));
    REQUIRE(ts);
    CHECK(model::to_string(*ts) == "10.0.0.0/8[tcp/443] 2001:db8::/32");
    Writer out;
    write_ts(*ts, out);
    CHECK(to_hex(out.view()) == kTwo);
  }
  TEST_CASE("[P3] counts and lengths that do not add up are refused") {
    CHECK(changed(0, 0).error().code == Errc::bad_value);
    CHECK(changed(0, 1).error().code == Errc::trailing_bytes);
    CHECK(changed(0, 3).error().code == Errc::truncated);
    CHECK(changed(7, 7).error().code == Errc::bad_length);
    CHECK(changed(7, 15).error().code == Errc::truncated);
    CHECK(changed(7, 17).error().code == Errc::trailing_bytes);
    CHECK(changed(4, 8).error().code == Errc::truncated);  // IPv4 octets called IPv6
  }
  TEST_CASE("[RFC7296 3.13.1] ranges that run backwards are refused, OPAQUE ports are not") {
    CHECK(changed(12, 11).error().code == Errc::bad_value);  // first address after the last
    CHECK(changed(8, 2).error().code == Errc::bad_value);    // first port after the last
    Bytes opaque = *from_hex(kTwo);
    store_be32(opaque.data() + 8, 0xFFFF0000);
    CHECK((*parse_ts(opaque))[0].opaque_port());
  }
  TEST_CASE("[RFC7296 2.9] a selector of unknown type is left out, the others stay") {
    const auto ts = changed(4, 9);
    REQUIRE(ts);
    REQUIRE(ts->size() == 1);
    CHECK((*ts)[0].family() == Family::v6);
  }
  TEST_CASE("[P4] 32 selectors are read, 33 are not") {
    for (const size_t n : {size_t{32}, size_t{33}}) {
      Writer out;
      write_ts(model::Selectors(n, model::Selector::any(Family::v4)), out);
      CHECK(parse_ts(out.view()).has_value() == (n == 32));
    }
  }
  TEST_CASE("every truncation is refused") {
    const Bytes good = *from_hex(kTwo);
    for (size_t n = 0; n < good.size(); ++n) CHECK_FALSE(parse_ts(ByteView(good).first(n)));
  }
}
