#include "config/section.h"

#include <doctest/doctest.h>

using namespace sallyport;
using namespace sallyport::config;

TEST_SUITE("config/section") {
  TEST_CASE("nearest finds what was meant and nothing far-fetched") {
    const std::vector<std::string_view> keys{"local", "remote", "keep_up", "dpd", "rekey"};
    CHECK(nearest("lcoal", keys) == "local");
    CHECK(nearest("keepup", keys) == "keep_up");
    CHECK(nearest("rekey_time", keys) == "rekey");
    CHECK_FALSE(nearest("xyz", keys).has_value());
    CHECK_FALSE(nearest(std::string(500, 'a'), keys).has_value());
    CHECK(suggestion("xyz", {"a1", "b2"}) == "; known are a1, b2.");
  }

  TEST_CASE("relative paths lie beside the file that names them") {
    CHECK(Reading{"/etc/s/a.toml", nullptr}.beside("b.psk") == "/etc/s/b.psk");
    CHECK(Reading{"/etc/s/a.toml", nullptr}.beside("/x/b.psk") == "/x/b.psk");
    CHECK(Reading{"a.toml", nullptr}.beside("b.psk") == "b.psk");
  }
}
