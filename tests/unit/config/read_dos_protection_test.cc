// [dos_protection.NAME].
#include <doctest/doctest.h>

#include "unit/config/map_files.h"

using namespace sallyport;
using namespace sallyport::config;

namespace {

Loaded load_protection(const std::string& text) {
  MapFiles files;
  files.files["/etc/s/s.toml"] = "[dos_protection.edge]\n" + text;
  return load(files, "/etc/s/s.toml");
}

std::string refusal(const std::string& text) {
  const Loaded loaded = load_protection(text);
  REQUIRE(loaded.errors.size() == 1);
  return to_string(loaded.errors.front());
}

}  // namespace

TEST_SUITE("config/read_dos_protection") {
  TEST_CASE("[WFP 19] two interfaces are enough, and everything can be said") {
    const Loaded least = load_protection("public = \"wan0\"\ninternal = \"lan0\"\n");
    for (const auto& error : least.errors) FAIL_CHECK(to_string(error));
    REQUIRE(least.settings.dos_protection.size() == 1);
    DosProtectionSettings expected;
    expected.name = "edge";
    expected.public_interfaces = {"wan0"};
    expected.internal_interfaces = {"lan0"};
    CHECK(least.settings.dos_protection.front() == expected);

    const Loaded all = load_protection(R"(public = ["wan0", "wan1"]
internal = "lan0"
public_prefix = "2001:db8:f::/48"
internal_prefix = "2001:db8:1::80"
keying = ["ikev1", "authip"]
default_block = false
filter = "exempt"
unauthenticated = { rate = "never", rate_per_address = "4KB", dscp = 10 }
authenticated = { rate = 5000 }
icmpv6 = { dscp = 0 }
filter_exempt = { rate = "1MB" }
default_block_exempt = { rate = 1 }
state_idle_timeout = "2s"
queue_idle_timeout = "1d"
max_states = 1
max_queues = 131072
)");
    for (const auto& error : all.errors) FAIL_CHECK(to_string(error));
    REQUIRE(all.settings.dos_protection.size() == 1);
    const auto& read = all.settings.dos_protection.front();
    CHECK(read.public_interfaces.size() == 2);
    CHECK(read.public_prefix == Prefix6{*IpAddr::parse("2001:db8:f::"), 48});
    CHECK(read.internal_prefix == Prefix6{*IpAddr::parse("2001:db8:1::80"), 128});
    CHECK((read.ikev1 && !read.ikev2 && read.authip));
    CHECK(read.unauthenticated == DosClassSettings{0, 10});
    CHECK(read.unauthenticated_per_address == 4000);
    CHECK(read.icmpv6 == DosClassSettings{10240, 0});
    CHECK(read.queue_idle_timeout_seconds == 86400);
  }

  TEST_CASE("[WFP 19] what cannot be enforced is refused") {
    const std::string good = "public = \"wan0\"\ninternal = \"lan0\"\n";
    CHECK(refusal("public = \"wan0\"\n").find("lacks \"internal\"") != std::string::npos);
    CHECK(refusal("public = \"wan 0\"\ninternal = \"lan0\"\n").find("no name of an interface") != std::string::npos);
    CHECK(refusal("public = \"a-name-of-17-char\"\ninternal = \"lan0\"\n").find("no name") != std::string::npos);
    CHECK(refusal("public = \"\\\"; drop\"\ninternal = \"lan0\"\n").find("no name") != std::string::npos);
    CHECK(refusal("public = \"lan0\"\ninternal = \"lan0\"\n").find("public interfaces too") != std::string::npos);
    CHECK(refusal(good + "public_prefix = \"192.0.2.0/24\"\n").find("no IPv6 prefix") != std::string::npos);
    CHECK(refusal(good + "public_prefix = \"2001:db8::1/32\"\n").find("no IPv6 prefix") != std::string::npos);
    CHECK(refusal(good + "public_prefix = \"2001:db8::1-2001:db8::2\"\n").find("no IPv6") != std::string::npos);
    CHECK(refusal(good + "keying = \"ikev3\"\n").find("did you mean") != std::string::npos);
    CHECK(refusal(good + "icmpv6 = { rate = 0 }\n").find("icmpv6.rate") != std::string::npos);
    CHECK(refusal(good + "icmpv6 = { rate = \"5GB\" }\n").find("octets in a second") != std::string::npos);
    CHECK(refusal(good + "icmpv6 = { dscp = 64 }\n").find("icmpv6.dscp") != std::string::npos);
    CHECK(refusal(good + "icmpv6 = { rate_per_address = 5 }\n").find("unknown key") != std::string::npos);
    CHECK(refusal(good + "state_idle_timeout = \"25h\"\n").find("state_idle_timeout") != std::string::npos);
  }
}
