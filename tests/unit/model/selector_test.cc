#include "model/selector.h"

#include <doctest/doctest.h>

using namespace sallyport;
using namespace sallyport::model;

static Selector sel(const char* text) { return *parse_selector(text); }

TEST_SUITE("model/selector") {
  TEST_CASE("text round-trips") {
    for (const char* text : {"10.1.0.0/24", "10.1.0.5-10.1.0.9", "0.0.0.0/0[tcp/443]", "2001:db8::/32[udp/1000-2000]",
                             "10.0.0.1/32[any/53]", "10.0.0.0/8[tcp/opaque]", "10.0.0.0/8[47]"})
      CHECK(sel(text).to_string() == text);
  }
  TEST_CASE("text that is no selector is refused") {
    for (const char* bad :
         {"", "10.0.0.9-10.0.0.5", "10.0.0.1-::1", "10.0.0.0/8[tcp", "10.0.0.0/8[tcp/9-5]", "10.0.0.0/8[x]"})
      CHECK_MESSAGE(!parse_selector(bad), bad);
  }
  TEST_CASE("[RFC7296 2.9] intersection is the common part and is covered by both") {
    const auto both = intersect(sel("10.1.0.0/16[tcp]"), sel("10.1.2.0/24[any/80-90]"));
    REQUIRE(both);
    CHECK(both->to_string() == "10.1.2.0/24[tcp/80-90]");
    CHECK(covers(sel("10.1.0.0/16[tcp]"), *both));
    CHECK_FALSE(covers(*both, sel("10.1.0.0/16[tcp]")));
    CHECK_FALSE(intersect(sel("10.1.0.0/16"), sel("10.2.0.0/16")));
    CHECK_FALSE(intersect(sel("10.1.0.0/16[tcp]"), sel("10.1.0.0/16[udp]")));
    CHECK_FALSE(intersect(sel("0.0.0.0/0"), sel("::/0")));
  }
  TEST_CASE("[RFC4301 4.4.1.1] OPAQUE matches only packets whose ports cannot be seen") {
    CHECK(sel("10.0.0.0/8[tcp/opaque]").contains(*IpAddr::parse("10.1.1.1"), 6, 0, false));
    CHECK_FALSE(sel("10.0.0.0/8[tcp/opaque]").contains(*IpAddr::parse("10.1.1.1"), 6, 80, true));
    CHECK_FALSE(sel("10.0.0.0/8[tcp/80]").contains(*IpAddr::parse("10.1.1.1"), 6, 0, false));
    CHECK(sel("10.0.0.0/8[tcp]").contains(*IpAddr::parse("10.1.1.1"), 6, 0, false));
  }
}
