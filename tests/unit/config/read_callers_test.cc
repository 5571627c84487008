// [[secure_sockets.caller]].
#include <doctest/doctest.h>

#include "unit/config/map_files.h"

using namespace sallyport;
using namespace sallyport::config;

namespace {

Loaded load_callers(const std::string& text) {
  MapFiles files;
  files.files["/etc/s/s.toml"] = "[secure_sockets]\nauth = { method = \"psk\", secret = \"sockets.psk\" }\n" + text;
  return load(files, "/etc/s/s.toml");
}

std::string refusal(const std::string& text) {
  const Loaded loaded = load_callers(text);
  REQUIRE(loaded.errors.size() == 1);
  return to_string(loaded.errors.front());
}

}  // namespace

TEST_SUITE("config/read_callers") {
  TEST_CASE("rules are read in their order, with all that they name") {
    const Loaded loaded = load_callers(R"([[secure_sockets.caller]]
name = "web"
action = "allow"
user = ["www-data", "33"]
group = "ssl"
cgroup = "/system.slice/nginx.service/"
executable = ["/usr/sbin/nginx"]
broker = "read"
[[secure_sockets.caller]]
action = "refuse"
)");
    for (const auto& error : loaded.errors) FAIL_CHECK(to_string(error));
    const auto& rules = loaded.settings.secure_sockets.callers;
    REQUIRE(rules.size() == 2);
    CHECK(rules[0].name == "web");
    CHECK(rules[0].allow);
    CHECK(rules[0].users == std::vector<std::string>{"www-data", "33"});
    CHECK(rules[0].groups == std::vector<std::string>{"ssl"});
    CHECK(rules[0].cgroups == std::vector<std::string>{"/system.slice/nginx.service"});
    CHECK(rules[0].executables == std::vector<std::string>{"/usr/sbin/nginx"});
    CHECK(rules[0].broker == SocketCallerRule::Broker::read);
    CHECK(rules[0].line == 3);
    CHECK(rules[1].name == "caller[1]");
    CHECK_FALSE(rules[1].allow);
    CHECK(rules[1].broker == SocketCallerRule::Broker::none);
  }

  TEST_CASE("a refusal names file, line and key, and the nearest right one") {
    CHECK(refusal("[[secure_sockets.caller]]\naction = \"allow\"\nexecutabel = \"/bin/a\"\n") ==
          "/etc/s/s.toml:5: secure_sockets.caller[0].executabel: unknown key; did you mean \"executable\"?");
    CHECK(refusal("[[secure_sockets.caller]]\naction = \"alow\"\n").find("did you mean \"allow\"?") !=
          std::string::npos);
    CHECK(refusal("[[secure_sockets.caller]]\nuser = \"a\"\n") ==
          "/etc/s/s.toml:3: secure_sockets.caller[0].action: is missing: \"allow\" or \"refuse\".");
    CHECK(refusal("[[secure_sockets.caller]]\naction = \"allow\"\ncgroup = \"system.slice\"\n")
              .ends_with("caller[0].cgroup: \"system.slice\" must begin with a slash."));
    CHECK(refusal("[[secure_sockets.caller]]\naction = \"refuse\"\nbroker = \"write\"\n")
              .ends_with("caller[0].broker: is for callers that are allowed."));
    CHECK(refusal("caller = \"me\"\n").find("write [[secure_sockets.caller]]") != std::string::npos);
    CHECK(refusal("[[secure_sockets.caller]]\naction = \"allow\"\nuser = []\n").ends_with("must not be empty."));
  }
}
