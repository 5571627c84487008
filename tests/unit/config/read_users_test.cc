#include <doctest/doctest.h>

#include "unit/config/map_files.h"

using namespace sallyport;
using namespace sallyport::config;

namespace {

std::string connection(const std::string& more) {
  return "[connection.c]\nlocal = { id = \"a.example\" }\nremote = { address = \"192.0.2.2\", id = \"b.example\" }\n"
         "auth = { method = \"psk\", secret = \"s.psk\" }\n" +
         more + "[connection.c.child.net]\nlocal = \"10.1.0.0/24\"\nremote = \"10.2.0.0/24\"\n";
}

}  // namespace

TEST_SUITE("config/read_users") {
  TEST_CASE("[RFC4739 1] a connection proves a user and demands one") {
    const Loaded loaded =
        load_one(connection("local_user = { certificate = \"alice.pem\", key = \"alice.key\" }\n"
                            "remote_user = { ca = \"users.pem\", id = \"O=Example, CN=bob\", required = false }\n"));
    for (const auto& error : loaded.errors) FAIL_CHECK(to_string(error));
    const model::ConnectionPolicy& c = loaded.settings.connections.at(0);
    REQUIRE(c.local_user);
    CHECK(c.local_user->id.value.empty());
    CHECK(c.local_user->credential == "cert:/etc/s/alice.pem:/etc/s/alice.key");
    REQUIRE(c.remote_user);
    CHECK(c.remote_user->id->to_string() == "O=Example, CN=bob");
    CHECK_FALSE(c.remote_user->required);
    const auto policy = to_policy(loaded.settings);
    CHECK(policy.credential(c.local_user->credential));
    CHECK(policy.trust_set(c.remote_user->trust));
  }

  TEST_CASE("what a user lacks is said") {
    CHECK(refusal_of(connection("local_user = { certificate = \"alice.pem\" }\n")).find("lacks \"key\"") !=
          std::string::npos);
    CHECK(refusal_of(connection("remote_user = { ca = \"users.pem\" }\n")).find("lacks \"id\"") != std::string::npos);
    CHECK(refusal_of(connection("remote_user = { id = \"any\" }\n")).find("lacks \"ca\"") != std::string::npos);
    CHECK(refusal_of("[quick_mode.m]\nuser = { }\n").find("says nothing") != std::string::npos);
    CHECK(refusal_of("[quick_mode.m]\nuser = { certificate = \"a.pem\" }\n").find("lacks \"key\"") !=
          std::string::npos);
    CHECK(refusal_of("[[user]]\naccount = \"alice\"\ncertificate = \"a.pem\"\n").find("lacks \"key\"") !=
          std::string::npos);
    CHECK(refusal_of("[user]\naccount = \"alice\"\n").find("[[user]]") != std::string::npos);
    const std::string one = "[[user]]\naccount = \"alice\"\ncertificate = \"a.pem\"\nkey = \"a.key\"\n";
    CHECK(refusal_of(one + one).find("has a certificate already") != std::string::npos);
  }

  TEST_CASE("[WFP 13.4] quick mode policy: whose users prove who they are, and accounts of this host") {
    const Loaded loaded = load_one(
        "[quick_mode.server]\nuser = { ca = \"users.pem\" }\n"
        "[quick_mode.member]\nuser = { accounts = true }\n"
        "[quick_mode.kiosk]\nuser = { certificate = \"k.pem\", key = \"k.key\" }\n"
        "[[user]]\naccount = \"alice\"\ncertificate = \"a.pem\"\nkey = \"a.key\"\n");
    for (const auto& error : loaded.errors) FAIL_CHECK(to_string(error));
    const auto of = [&](const char* name) {
      for (const auto& each : loaded.settings.filters.quick_modes)
        if (each.name == name) return each;
      return QuickModeSettings{};
    };
    CHECK(of("server").user == UserSettings{false, true});
    CHECK(of("member").user == UserSettings{true, false});
    CHECK(of("kiosk").user == UserSettings{true, false});
    const auto policy = to_policy(loaded.settings);
    CHECK(policy.trust_set(of("server").key + "/0"));
    CHECK(policy.credential(of("kiosk").key + "/0"));
    CHECK_FALSE(policy.credential(of("member").key + "/0"));
    REQUIRE(loaded.settings.users.size() == 1);
    CHECK(policy.credential(loaded.settings.users[0].user.credential));
    CHECK(policy.users.empty());  // nobody has looked the account up
  }

  TEST_CASE("[WFP 20.6] users in conditions") {
    const Loaded loaded = load_one(
        "[[filter]]\nname = \"x\"\nlayer = \"ALE_AUTH_RECV_ACCEPT\"\n"
        "condition = { ALE_REMOTE_USER_ID = [\"O=Example, CN=alice\", \"bob@example.org\"] }\n");
    for (const auto& error : loaded.errors) FAIL_CHECK(to_string(error));
    CHECK(loaded.settings.filters.filters.at(0).remote_users.size() == 2);
    CHECK(refusal_of("[[filter]]\nname = \"x\"\nlayer = \"OUTBOUND_TRANSPORT\"\n"
                     "condition = { ALE_REMOTE_USER_ID = \"a\" }\n")
              .find("ALE_REMOTE_USER_ID") != std::string::npos);
  }

  TEST_CASE("[WFP ALE_APP_ID, ALE_USER_ID] programs and accounts of this host in conditions of the ALE layers") {
    const auto with = [](const char* layer, const std::string& condition) {
      return std::string("[[filter]]\nname = \"x\"\nlayer = \"") + layer + "\"\ncondition = { " + condition + " }\n";
    };
    const Loaded loaded =
        load_one(with("ALE_AUTH_CONNECT", "program = \"/usr/bin/curl\", user = [\"alice\", \"1000\"]"));
    for (const auto& error : loaded.errors) FAIL_CHECK(to_string(error));
    const FilterSettings& filter = loaded.settings.filters.filters.at(0);
    CHECK(filter.programs == std::vector<std::string>{"/usr/bin/curl"});
    CHECK(filter.users == std::vector<std::string>{"alice", "1000"});
    CHECK(filter.line == 4);
    for (const char* path : {"curl", "/", "/usr/../bin/curl", "/usr//curl", "/usr/./curl", "/usr/bin/"})
      CHECK(refusal_of(with("ALE_AUTH_CONNECT", std::string("program = \"") + path + "\"")).find("absolute path") !=
            std::string::npos);
    CHECK(refusal_of(with("OUTBOUND_TRANSPORT", "program = \"/bin/a\"")).find("program") != std::string::npos);
    CHECK(refusal_of(with("INBOUND_TRANSPORT", "user = \"alice\"")).find("user") != std::string::npos);
  }
}
