// IPsec rules of Windows as configuration: what each kind of rule becomes, what is refused, and in which clothes
// PowerShell prints the same thing.
#include "cli/windows_rules.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "config/load.h"
#include "unit/config/map_files.h"

using namespace sallyport;
using cli::import_windows;
using cli::WindowsImport;
using cli::WindowsRules;

namespace {

struct Rule {
  std::string in = "1", out = "1", mode = "1", key_module = "4", auth = "{p1}", quick = "{q}";
  std::string remote = R"(["10.0.0.0/255.0.0.0"])", local = R"("Any")", protocol = "Any", local_port = R"("Any")",
              remote_port = R"("Any")", enabled = "1", more = "";
};

// Rules as CIM numbers, each with its filters, and the three sets that they name.
std::string document(const std::vector<Rule>& rules) {
  std::string out = "{\"Rules\":[", addresses, ports;
  for (size_t i = 0; i < rules.size(); ++i) {
    const Rule& r = rules[i];
    const std::string id = "\"{r" + std::to_string(i) + "}\"", comma = i == 0 ? "" : ",";
    out += comma + "{\"InstanceID\":" + id + ",\"DisplayName\":\"Rule " + std::to_string(i) +
           "\",\"Enabled\":" + r.enabled + ",\"Mode\":" + r.mode + ",\"InboundSecurity\":" + r.in +
           ",\"OutboundSecurity\":" + r.out + ",\"KeyModule\":" + r.key_module + ",\"Phase1AuthSet\":\"" + r.auth +
           "\",\"QuickModeCryptoSet\":\"" + r.quick + "\"" + r.more + "}";
    addresses +=
        comma + "{\"InstanceID\":" + id + ",\"LocalAddress\":" + r.local + ",\"RemoteAddress\":" + r.remote + "}";
    ports += comma + "{\"InstanceID\":" + id + ",\"Protocol\":\"" + r.protocol + "\",\"LocalPort\":" + r.local_port +
             ",\"RemotePort\":" + r.remote_port + "}";
  }
  return out + "],\"Addresses\":[" + addresses + "],\"Ports\":[" + ports + R"(],
    "Sets":[
     {"InstanceID":"{p1}","Proposals":[{"AuthenticationMethod":65002},{"AuthenticationMethod":65006,"TrustedCA":"CN=Root"}]},
     {"InstanceID":"{kerberos}","Proposals":[{"AuthenticationMethod":65002}]},
     {"InstanceID":"{psk}","Proposals":[{"AuthenticationMethod":2,"PreSharedKey":"do not print me"}]},
     {"InstanceID":"{E5A5D32A-4BCE-4e4d-B07F-4AB1BA7E5FE3}","ForceDiffieHellman":false,"MaxLifetimeMinutes":480,
      "Proposals":[{"CipherAlgorithm":65001,"HashAlgorithm":3,"GroupID":2},
                   {"CipherAlgorithm":65004,"HashAlgorithm":65001,"GroupID":19},
                   {"CipherAlgorithm":65003,"HashAlgorithm":65002,"GroupID":14}]},
     {"InstanceID":"{q}","PerfectForwardSecrecyGroup":"DH20","Proposals":[
       {"Encapsulation":2,"CipherAlgorithm":65004,"HashAlgorithmESP":65003,"MaxLifetimeMinutes":60},
       {"Encapsulation":2,"CipherAlgorithm":65003,"HashAlgorithmESP":65001,"MaxLifetimeMinutes":60},
       {"Encapsulation":2,"CipherAlgorithm":0,"HashAlgorithmESP":3},
       {"Encapsulation":3,"CipherAlgorithm":65001,"HashAlgorithmESP":3,"HashAlgorithmAH":3}]}]})";
}

bool has(const WindowsRules& got, std::string_view text) { return got.toml.find(text) != std::string::npos; }
size_t count(const WindowsRules& got, std::string_view text) {
  size_t n = 0;
  for (size_t at = got.toml.find(text); at != std::string::npos; at = got.toml.find(text, at + 1)) ++n;
  return n;
}
bool told(const std::vector<std::string>& sentences, std::string_view text) {
  return std::any_of(sentences.begin(), sentences.end(),
                     [&](const std::string& s) { return s.find(text) != std::string::npos; });
}

}  // namespace

TEST_SUITE("cli/windows_rules") {
  TEST_CASE("require in, request out is domain isolation: discovery out, connections judged where they are accepted") {
    const auto got = import_windows(document({{.in = "2", .out = "1"}}), {});
    CHECK(got.problems.empty());
    CHECK(got.rules == 1);
    CHECK(has(got, "ca = [\"windows-ca.pem\"]"));
    CHECK(told(got.notes, "CN=Root"));
    CHECK(has(got, "ike = [\"aes128gcm16-prfsha256-ecp256\", \"aes256-sha384-modp2048\"]\nlifetime = \"480m\"\n"));
    CHECK(told(got.notes, "too weak"));
    CHECK(has(got,
              "esp = [\"aes128gcm16-ecp384\", \"aes256-sha256-ecp384\", \"null-sha1-ecp384\"]\nlifetime = \"60m\"\n"
              "flags = [\"ND_SECURE\"]\n"));
    CHECK(told(got.notes, "ahesp"));
    CHECK(has(got,
              "layer = \"OUTBOUND_TRANSPORT\"\naction = \"IPSEC_OUTBOUND_TRANSPORT\"\nraw_context = "
              "[\"NEGOTIATE_DISCOVER\"]\ncondition = { IP_LOCAL_ADDRESS_TYPE = \"unicast\", IP_REMOTE_ADDRESS = "
              "[\"10.0.0.0/8\"] }"));
    CHECK(has(got, "raw_context = [\"PERSIST_CONNECTION_SECURITY\"]"));
    CHECK(has(got, "action = \"IPSEC_INBOUND_INITIATE_SECURE\""));
  }

  TEST_CASE("request both ways is a boundary host, require both ways never leaves in clear") {
    const auto boundary = import_windows(document({{.in = "1", .out = "1"}}), {});
    CHECK(has(boundary, "ND_BOUNDARY"));
    CHECK_FALSE(has(boundary, "INITIATE_SECURE"));
    const auto both = import_windows(document({{.in = "2", .out = "2"}}), {});
    CHECK_FALSE(has(both, "raw_context"));
    CHECK_FALSE(has(both, "flags"));
    CHECK(has(both, "action = \"IPSEC_INBOUND_TRANSPORT\"\ncondition"));
  }

  TEST_CASE("neither in nor out is an exemption, whatever it authenticates by") {
    const auto got = import_windows(
        document(
            {{.in = "0", .out = "0", .auth = "{nobody}", .protocol = "UDP", .remote_port = R"(["53","5000-5010"])"}}),
        {});
    CHECK(got.problems.empty());
    CHECK(count(got, "action = \"PERMIT\"\nweight = 12\n") == 3);
    CHECK(has(got, "IP_PROTOCOL = \"udp\", IP_REMOTE_PORT = [\"53\", \"5000-5010\"]"));
    CHECK_FALSE(has(got, "main_mode"));
  }

  TEST_CASE("rules share the sections that say the same") {
    const auto got = import_windows(document({{}, {.remote = R"(["192.0.2.7","2001:db8::/32"])"}, {.in = "2"}}), {});
    CHECK(got.rules == 3);
    CHECK(count(got, "[main_mode.") == 1);
    CHECK(count(got, "[quick_mode.") == 2);
    CHECK(has(got, "[quick_mode.windows-2]"));
    CHECK(has(got, "IP_REMOTE_ADDRESS = [\"192.0.2.7\", \"2001:db8::/32\"]"));
  }

  TEST_CASE("a rule for Kerberos is left out until something takes its place; a secret is never printed") {
    const std::string text = document({{.auth = "{kerberos}"}});
    const auto refused = import_windows(text, {});
    CHECK(refused.rules == 0);
    CHECK(told(refused.problems, "authenticates by kerberos"));
    CHECK(has(refused, "# LEFT OUT: Rule 0"));
    CHECK_FALSE(has(refused, "[[filter]]"));
    const auto replaced = import_windows(text, {WindowsImport::Auth::psk});
    CHECK(replaced.problems.empty());
    CHECK(has(replaced, "secret = \"windows.psk\""));
    const auto psk = import_windows(document({{.auth = "{psk}"}}), {});
    CHECK(has(psk, "method = \"psk\""));
    CHECK_FALSE(has(psk, "do not print me"));
    CHECK_FALSE(told(psk.notes, "do not print me"));
  }

  TEST_CASE("what has no fixed meaning outside Windows leaves its rule out, and only that one") {
    for (const Rule& rule : {Rule{.remote = R"(["LocalSubnet"])"}, Rule{.local_port = R"(["RPC"])"},
                             Rule{.remote = R"(["10.0.0.0/255.0.255.0"])"}, Rule{.protocol = "Frobnicate"},
                             Rule{.remote = R"(["10.0.0.9-10.0.0.1"])"}}) {
      const auto got = import_windows(document({rule, {}}), {});
      CHECK(got.rules == 1);
      CHECK(got.problems.size() == 1);
      CHECK(has(got, "LEFT OUT: Rule 0"));
    }
    const auto disabled = import_windows(document({{.enabled = "2"}}), {});
    CHECK(disabled.rules == 0);
    CHECK(told(disabled.notes, "disabled"));
  }

  TEST_CASE("a tunnel rule between known ends is a connection; without a remote end it is told") {
    Rule tunnel{.in = "2", .out = "2", .mode = "2", .remote = R"(["10.2.0.0/16"])", .local = R"(["10.1.0.0/16"])"};
    tunnel.more = R"(,"LocalTunnelEndpoint":["192.0.2.1"],"RemoteTunnelEndpoint":["192.0.2.2"])";
    const auto got = import_windows(document({tunnel}), {});
    CHECK(got.problems.empty());
    CHECK(has(got,
              "[connection.windows-1]\nlocal = { address = \"192.0.2.1\" }\nremote = { address = \"192.0.2.2\", id = "
              "\"any\" }"));
    CHECK(has(got, "local = [\"10.1.0.0/16\"]\nremote = [\"10.2.0.0/16\"]\nesp = ["));
    tunnel.more = R"(,"RemoteTunnelEndpoint":["Any"])";
    CHECK(told(import_windows(document({tunnel}), {}).problems, "remote endpoint"));
  }

  TEST_CASE("names, numbers, wrapped lists and UTF-16 are the same rules") {
    const std::string numbers = document({{.in = "2", .out = "1"}});
    std::string names = numbers;
    const auto swap = [&](std::string_view from, std::string_view to) {
      const size_t at = names.find(from);
      REQUIRE(at != std::string::npos);
      names.replace(at, from.size(), to);
    };
    swap("\"InboundSecurity\":2", "\"InboundSecurity\":\"Require\"");
    swap("\"OutboundSecurity\":1", "\"OutboundSecurity\":\"Request\"");
    swap("\"KeyModule\":4", "\"KeyModule\":\"IKEv2\"");
    swap("\"CipherAlgorithm\":65004,\"HashAlgorithmESP\":65003",
         "\"Encryption\":\"AESGCM128\",\"ESPHash\":\"AESGMAC128\"");
    swap("[\"10.0.0.0/255.0.0.0\"]", "{\"value\":[\"10.0.0.0/8\"],\"Count\":1}");
    const auto expected = import_windows(numbers, {});
    CHECK(import_windows(names, {}).toml == expected.toml);
    std::string wide = "\xff\xfe";
    for (const char c : numbers) wide += {c, '\0'};
    CHECK(import_windows(wide, {}).toml == expected.toml);
    CHECK(import_windows("\xef\xbb\xbf" + numbers, {}).toml == expected.toml);
  }

  TEST_CASE("what is printed is good configuration") {
    Rule tunnel{.in = "2", .out = "2", .mode = "2", .remote = R"(["10.2.0.0/16"])", .local = R"(["10.1.0.0/16"])"};
    tunnel.more = R"(,"LocalTunnelEndpoint":["192.0.2.1"],"RemoteTunnelEndpoint":["192.0.2.2"])";
    const std::string text =
        document({{.in = "2"},
                  {.in = "2", .out = "2", .protocol = "6", .remote_port = R"(["443","8000-8080"])"},
                  {.in = "0", .out = "2", .quick = "{other}"},
                  {.in = "2", .out = "0", .remote = R"(["192.0.2.7-192.0.2.9","2001:db8::/32"])"},
                  {.in = "0", .out = "0", .protocol = "ICMPv4"},
                  tunnel});
    for (const auto auth : {WindowsImport::Auth::as_written, WindowsImport::Auth::psk}) {
      const auto got = import_windows(text, {auth});
      CHECK(got.problems.empty());
      CHECK(got.rules == 6);
      config::MapFiles files;
      files.files["windows.toml"] = got.toml;
      const auto loaded = config::load(files, "windows.toml");
      for (const auto& error : loaded.errors) FAIL_CHECK(config::to_string(error));
      CHECK(loaded.settings.filters.main_modes.size() == 1);
      CHECK(loaded.settings.connections.size() == 1);
      CHECK(loaded.settings.filters.filters.size() == 5 + 4 + 3 + 4 + 3);
    }
  }

  TEST_CASE("a document that is no JSON, or holds no rule, is one sentence") {
    CHECK(told(import_windows("{\n\"a\": ]", {}).problems, "line 2: no JSON"));
    CHECK(told(import_windows("", {}).problems, "no JSON"));
    CHECK(told(import_windows("[1, {}]", {}).problems, "no IPsec rule"));
    CHECK(told(import_windows(std::string(100, '[') + std::string(100, ']'), {}).problems, "no JSON"));
    const std::string good = document({{}});
    for (size_t cut = 0; cut < good.size(); ++cut)
      CHECK_FALSE(import_windows(good.substr(0, cut), {}).problems.empty());
  }
}
