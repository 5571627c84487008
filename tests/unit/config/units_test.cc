#include "config/units.h"

#include <doctest/doctest.h>

using namespace sallyport;
using namespace sallyport::config;

TEST_SUITE("config/units") {
  TEST_CASE("durations") {
    CHECK(parse_duration("30s") == Duration(seconds(30)));
    CHECK(parse_duration("1h30m") == Duration(minutes(90)));
    CHECK(parse_duration("250ms") == Duration(milliseconds(250)));
    CHECK(parse_duration("1m500ms") == Duration(milliseconds(60500)));
    CHECK(parse_duration("7d") == Duration(hours(168)));
    CHECK(parse_duration("0s") == Duration(0));
    for (const char* bad : {"", "30", "s", "30 s", "-1s", "1m1h", "1s1s", "1.5h", "30sec", "4000d",
                            "99999999999999999999s", "18446744073709551615h"}) {
      CAPTURE(bad);
      CHECK_FALSE(parse_duration(bad).has_value());
    }
  }

  TEST_CASE("sizes") {
    CHECK(parse_size("1000") == 1000);
    CHECK(parse_size("64KiB") == 65536);
    CHECK(parse_size("10GiB") == 10ull << 30);
    CHECK(parse_size("5MB") == 5000000);
    for (const char* bad : {"", "GiB", "1 GiB", "-1", "1gib", "20000000000TiB", "1.5GB"}) {
      CAPTURE(bad);
      CHECK_FALSE(parse_size(bad).has_value());
    }
  }
}
