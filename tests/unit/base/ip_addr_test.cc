#include "base/ip_addr.h"

#include <doctest/doctest.h>

using namespace sallyport;

TEST_SUITE("base/ip_addr") {
  TEST_CASE("[RFC5952 4] IPv6 text is the short form") {
    CHECK(IpAddr::parse("2001:0db8:0:0:1:0:0:1")->to_string() == "2001:db8::1:0:0:1");
    CHECK(IpAddr::parse("::")->to_string() == "::");
    CHECK(IpAddr::parse("::1")->to_string() == "::1");
    CHECK(IpAddr::parse("fe80::")->to_string() == "fe80::");
    CHECK(IpAddr::parse("1:0:2:3:4:5:6:7")->to_string() == "1:0:2:3:4:5:6:7");
    CHECK(IpAddr::parse("::ffff:192.0.2.1")->to_string() == "::ffff:c000:201");
  }
  TEST_CASE("text that is no address is refused") {
    for (const char* bad : {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", ":::", "1::2::3",
                            "12345::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1%eth0", "1:2:3:4:5:6:7:"})
      CHECK_MESSAGE(!IpAddr::parse(bad), bad);
  }
  TEST_CASE("prefixes contain their first and last address and nothing beside") {
    const auto p = *IpPrefix::parse("10.1.2.0/23");
    CHECK(p.contains(*IpAddr::parse("10.1.2.0")));
    CHECK(p.contains(*IpAddr::parse("10.1.3.255")));
    CHECK_FALSE(p.contains(*IpAddr::parse("10.1.4.0")));
    CHECK_FALSE(p.contains(*IpAddr::parse("::1")));
    CHECK_FALSE(IpPrefix::parse("10.1.2.1/23"));
    CHECK_FALSE(IpPrefix::parse("10.1.2.0/33"));
    CHECK(IpAddr::parse("10.255.255.255")->next().to_string() == "11.0.0.0");
  }
}
