#include <doctest/doctest.h>

#include "unit/config/map_files.h"

using namespace sallyport;
using namespace sallyport::config;

namespace {

constexpr const char* kContexts = R"(
[main_mode.members]
auth = { method = "psk", secret = "members.psk" }
[quick_mode.members]
esp = ["null-sha256", "aes128gcm16"]
idle_timeout = "5m"
)";

// The only sentence, with its line.
std::string refusal(const std::string& text) {
  const Loaded loaded = load_one(kContexts + text);
  REQUIRE(loaded.errors.size() == 1);
  return std::to_string(loaded.errors[0].line) + ": " + loaded.errors[0].sentence;
}

}  // namespace

TEST_SUITE("config/read_filters") {
  TEST_CASE("a filter without a family in its layer's name is one of each, and addresses leave one out") {
    const Loaded loaded = load_one(std::string(kContexts) + R"(
[[filter]]
name = "a"
layer = "OUTBOUND_TRANSPORT"
action = "IPSEC_OUTBOUND_TRANSPORT"
raw_context = ["NEGOTIATE_DISCOVER", "SUPPRESS_NEGOTIATION"]
weight = 12
condition = { IP_LOCAL_ADDRESS_TYPE = "unicast", IP_PROTOCOL = ["tcp", "icmp", "132"], IP_REMOTE_PORT = [443, 8443], IP_LOCAL_PORT = "1024-65535" }
[[filter]]
name = "b"
layer = "INBOUND_TRANSPORT_V6"
[[filter]]
name = "c"
layer = "OUTBOUND_TRANSPORT"
condition = { IP_REMOTE_ADDRESS = ["192.0.2.0/24", "192.0.2.7-192.0.2.9"] }
)");
    for (const auto& error : loaded.errors) FAIL_CHECK(to_string(error));
    const auto& filters = loaded.settings.filters.filters;
    REQUIRE(filters.size() == 3);
    CHECK(filters[0].v4);
    CHECK(filters[0].v6);
    CHECK(filters[0].raw_context == 3);
    CHECK(filters[0].weight_range == 12);
    CHECK(filters[0].protocols == std::vector<uint8_t>{6, 132});
    CHECK(filters[0].icmp);
    CHECK(filters[0].unicast);
    CHECK(filters[0].remote_ports == std::vector<PortRange>{{443, 443}, {8443, 8443}});
    CHECK(filters[0].local_ports == std::vector<PortRange>{{1024, 65535}});
    CHECK_FALSE(filters[1].v4);
    CHECK(filters[1].action == "PERMIT");
    CHECK(filters[2].v4);
    CHECK_FALSE(filters[2].v6);
    CHECK(filters[2].remote.size() == 2);
  }

  TEST_CASE("[WFP 20.6] KM_AUTHORIZATION is one layer, and asks about a peer that has authenticated") {
    const Loaded loaded = load_one(std::string(kContexts) + R"(
[[filter]]
name = "only the clerk"
layer = "KM_AUTHORIZATION"
action = "BLOCK"
condition = { REMOTE_ID = ["CN=clerk.example", "guest.example"], AUTHENTICATION_TYPE = "cert" }
)");
    for (const auto& error : loaded.errors) FAIL_CHECK(to_string(error));
    const auto& filter = loaded.settings.filters.filters.at(0);
    CHECK(filter.remote_machines.size() == 2);
    CHECK(filter.authentication == model::AuthPolicy::Kind::cert);
    CHECK(filter.action == "BLOCK");
    CHECK(refusal("[[filter]]\nname = \"x\"\nlayer = \"KM_AUTHORIZATION_V4\"\n").find("one such layer") !=
          std::string::npos);
    CHECK(refusal("[[filter]]\nname = \"x\"\nlayer = \"KM_AUTHORIZATION\"\ncondition = { IP_PROTOCOL = 6 }\n")
              .find("unknown key") != std::string::npos);
  }

  TEST_CASE("[WFP 14] IPSEC_KM_DEMUX names the keying modules that may be tried") {
    const Loaded loaded = load_one(std::string(kContexts) + R"(
[[filter]]
name = "no IKEv2 to the old ones"
layer = "IPSEC_KM_DEMUX"
key_modules = ["AUTHIP", "IKE"]
terminating = true
condition = { IP_REMOTE_ADDRESS = "192.0.2.0/24" }
)");
    for (const auto& error : loaded.errors) FAIL_CHECK(to_string(error));
    const auto& filter = loaded.settings.filters.filters.at(0);
    CHECK(filter.key_modules == std::vector<std::string>{"AUTHIP", "IKE"});
    CHECK(filter.terminating_match);
    CHECK_FALSE(filter.v6);
    const std::string head = "[[filter]]\nname = \"x\"\nlayer = \"IPSEC_KM_DEMUX\"\n";
    CHECK(refusal(head).find("lacks \"key_modules\"") != std::string::npos);
    CHECK(refusal(head + "key_modules = []\n").find("must not be empty") != std::string::npos);
    CHECK(refusal(head + "key_modules = [\"IKEV2\", \"IKEV2\"]\n").find("twice") != std::string::npos);
    CHECK(refusal(head + "key_modules = \"IKEV3\"\n").find("is not known here") != std::string::npos);
    CHECK(refusal(head + "key_modules = \"IKEV2\"\naction = \"BLOCK\"\n").find("action") == std::string::npos);
    CHECK(refusal(head + "key_modules = \"IKEV2\"\ncondition = { IP_PROTOCOL = 6 }\n").find("unknown key") !=
          std::string::npos);
    CHECK(refusal("[[filter]]\nname = \"x\"\nlayer = \"OUTBOUND_TRANSPORT\"\nkey_modules = \"IKEV2\"\n")
              .find("belongs to filters at IPSEC_KM_DEMUX") != std::string::npos);
  }

  TEST_CASE("contexts have keys of their own that stay, and their secrets are credentials by that name") {
    const Loaded loaded = load_one(kContexts);
    REQUIRE(loaded.ok());
    const auto& main_mode = loaded.settings.filters.main_modes.at(0);
    CHECK(main_mode.key == key_of_name("main_mode/members"));
    CHECK(main_mode.key != key_of_name("main_mode/others"));
    CHECK(main_mode.key.size() == 36);
    CHECK(main_mode.proposals.size() == 2);
    REQUIRE(loaded.settings.credentials.size() == 1);
    CHECK(loaded.settings.credentials[0].name == main_mode.key + "/0");
    CHECK(loaded.settings.credentials[0].secret == "/etc/s/members.psk");
    CHECK(loaded.settings.filters.quick_modes.at(0).proposals.size() == 2);
  }

  TEST_CASE("every mistake has its line and the nearest right word") {
    CHECK(refusal("[[filter]]\nname = \"x\"\nlayer = \"OUTBOUND_TRANSPRT\"\n") ==
          "9: \"OUTBOUND_TRANSPRT\" is not known here; did you mean \"OUTBOUND_TRANSPORT\"?");
    CHECK(refusal("[[filter]]\nname = \"x\"\nlayer = \"INBOUND_TRANSPORT\"\naction = \"IPSEC_OUTBOUND_TRANSPORT\"\n")
              .find("10: \"IPSEC_OUTBOUND_TRANSPORT\" is not known here") == 0);
    CHECK(refusal("[[filter]]\nname = \"x\"\nlayer = \"IKEEXT\"\ncontext = \"member\"\n")
              .find("did you mean \"members\"?") != std::string::npos);
    CHECK(refusal("[[filter]]\nname = \"x\"\nlayer = \"IKEEXT\"\n").find("lacks \"context\"") != std::string::npos);
    CHECK(refusal("[[filter]]\nname = \"x\"\nlayer = \"INBOUND_TRANSPORT\"\ncontext = \"members\"\n")
              .find("belongs to filters at IKEEXT") != std::string::npos);
    CHECK(refusal("[[filter]]\nlayer = \"INBOUND_TRANSPORT\"\n").find("lacks \"name\"") != std::string::npos);
    CHECK(refusal("[[filter]]\nname = \"x\"\nlayer = \"INBOUND_TRANSPORT\"\nwight = 3\n").find("unknown key") !=
          std::string::npos);
    CHECK(refusal("[[filter]]\nname = \"x\"\nlayer = \"INBOUND_TRANSPORT\"\nweight = 16\n").find("between 0 and 15") !=
          std::string::npos);
    CHECK(
        refusal("[[filter]]\nname = \"x\"\nlayer = \"INBOUND_TRANSPORT\"\ncondition = { IP_REMOTE_PORT = \"70000\" }\n")
            .find("is no port") != std::string::npos);
    CHECK(
        refusal(
            "[[filter]]\nname = \"x\"\nlayer = \"OUTBOUND_TRANSPORT\"\ncondition = { ALE_REMOTE_MACHINE_ID = \"a\" }\n")
            .find("unknown key") != std::string::npos);
    CHECK(refusal("[[filter]]\nname = \"x\"\nlayer = \"INBOUND_TRANSPORT\"\n[[filter]]\nname = \"x\"\nlayer = "
                  "\"INBOUND_TRANSPORT\"\n")
              .find("has the same name") != std::string::npos);
    CHECK(load_one(std::string(kContexts) +
                   "[daemon]\nworkers = 2\n[[filter]]\nname = \"x\"\nlayer = \"INBOUND_TRANSPORT\"\n")
              .errors.empty());
    CHECK(refusal("[quick_mode.other]\nesp = [\"aes128gcm16-aes256gcm16\"]\n").find("cannot be said in this policy") !=
          std::string::npos);
    CHECK(refusal("[main_mode.other]\nike = [\"aes128gcm16-prfsha256-x25519\"]\nauth = { method = \"psk\", secret = "
                  "\"a\" }\n")
              .find("cannot be said in this policy") != std::string::npos);
    CHECK(refusal("[main_mode.other]\n").find("lacks \"auth\"") != std::string::npos);
  }

  TEST_CASE("a tunnel says its ends, and what is inside at either end") {
    const Loaded loaded = load_one(std::string(kContexts) + R"(
[tunnel.branch]
main_mode = "members"
local_endpoint = "192.0.2.1"
remote_endpoint = ["192.0.2.2", "198.51.100.2"]
flags = ["CLEAR_DF_ON_TUNNEL", "ENABLE_V6_IN_V4_TUNNELING"]
condition = { IP_LOCAL_ADDRESS = ["10.1.0.0/16", "2001:db8:1::/48"], IP_REMOTE_ADDRESS = ["10.2.0.0/16", "2001:db8:2::/48"] }
[tunnel.by-name]
main_mode = "members"
local_endpoint = "192.0.2.1"
remote_endpoint = "gate.example"
idle_timeout = "1m"
point_to_point = true
condition = { IP_LOCAL_ADDRESS = "192.0.2.1", IP_REMOTE_ADDRESS = "192.0.2.2", IP_PROTOCOL = "tcp" }
)");
    for (const auto& error : loaded.errors) FAIL_CHECK(to_string(error));
    const auto& tunnels = loaded.settings.filters.tunnels;
    REQUIRE(tunnels.size() == 2);
    CHECK(tunnels[0].remote_endpoints.size() == 2);
    CHECK(tunnels[0].flags == 0x108);
    CHECK((tunnels[0].traffic.v4 && tunnels[0].traffic.v6));
    CHECK(tunnels[0].proposals.size() == 2);
    CHECK(tunnels[1].remote_name == "gate.example");
    CHECK(tunnels[1].point_to_point);
    CHECK(tunnels[0].idle_timeout_seconds == 0);
    CHECK(tunnels[1].idle_timeout_seconds == 60);
    CHECK(loaded.settings.filters.quick_modes[0].idle_timeout_seconds == 300);
    CHECK_FALSE(tunnels[1].traffic.v6);
  }

  TEST_CASE("what a tunnel cannot be is refused with a sentence") {
    const auto tunnel = [](const std::string& remote, const std::string& condition, const std::string& more = "") {
      return refusal("[tunnel.x]\nmain_mode = \"members\"\nlocal_endpoint = \"192.0.2.1\"\nremote_endpoint = " +
                     remote + "\n" + more + "condition = { " + condition + " }\n");
    };
    const std::string nets = "IP_LOCAL_ADDRESS = \"10.1.0.0/16\", IP_REMOTE_ADDRESS = \"10.2.0.0/16\"";
    const std::string six = "IP_LOCAL_ADDRESS = \"2001:db8:1::/48\", IP_REMOTE_ADDRESS = \"2001:db8:2::/48\"";
    const auto says = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
    CHECK(says(tunnel("\"2001:db8::2\"", nets), "of another IP version than local_endpoint"));
    CHECK(says(tunnel("[\"192.0.2.2\", \"gate.example\"]", nets), "several are tried in order, a name stands alone"));
    CHECK(says(tunnel("\"192.0.2.2\"", "IP_LOCAL_ADDRESS = \"10.1.0.0/16\""), "what is at either end"));
    CHECK(says(tunnel("\"192.0.2.2\"", nets + ", IP_PROTOCOL = \"tcp\""), "says more than addresses"));
    CHECK(says(tunnel("\"192.0.2.2\"", six), "needs the flag ENABLE_V6_IN_V4_TUNNELING"));
    CHECK(says(tunnel("\"192.0.2.2\"", nets, "flags = [\"CLEAR_DF\"]\n"), "is not known here"));
    CHECK(says(refusal("[tunnel.x]\nmain_mode = \"member\"\nlocal_endpoint = \"192.0.2.1\"\nremote_endpoint = "
                       "\"192.0.2.2\"\ncondition = { " +
                       nets + " }\n"),
               "no main_mode is called"));
  }
}
