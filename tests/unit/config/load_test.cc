#include "config/load.h"

#include <doctest/doctest.h>

#include "unit/config/map_files.h"

using namespace sallyport;
using namespace sallyport::config;

namespace {

const std::string kPath = "/etc/sallyport/sallyport.toml";
const std::string kTenLines = R"([connection.west]
local  = { address = "192.0.2.1", id = "east.example" }
remote = { address = "192.0.2.2", id = "west.example" }
auth   = { method = "psk", secret = "west.psk" }
keep_up = true

[connection.west.child.net]
local  = ["10.1.0.0/24"]
remote = ["10.2.0.0/24"]
start  = "up"
)";

Loaded load_text(const std::string& text, std::map<std::string, std::string> more = {}) {
  MapFiles files;
  files.files = std::move(more);
  files.files[kPath] = text;
  return load(files, kPath);
}

// The only error that loading `text` gives, as text without the file.
std::string only_error(const std::string& text) {
  const Loaded loaded = load_text(text);
  CHECK(loaded.errors.size() == 1);
  if (loaded.errors.empty()) return "";
  std::string all = to_string(loaded.errors.front());
  REQUIRE(all.starts_with(kPath + ":"));
  return all.substr(kPath.size() + 1);
}

std::string with(std::string from, std::string to) {
  std::string text = kTenLines;
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_SUITE("config/load") {
  TEST_CASE("ten lines make a connection; everything else has a default") {
    const Loaded loaded = load_text(kTenLines);
    for (const auto& error : loaded.errors) MESSAGE(to_string(error));
    REQUIRE(loaded.ok());
    REQUIRE(loaded.settings.connections.size() == 1);
    const auto& west = loaded.settings.connections[0];
    CHECK(west.name == "west");
    CHECK(west.local_addrs == std::vector<std::string>{"192.0.2.1"});
    CHECK(west.remote_addrs == std::vector<std::string>{"192.0.2.2"});
    CHECK(west.local_id.to_string() == "east.example");
    CHECK(west.remote_id->to_string() == "west.example");
    CHECK(west.keep_up);
    CHECK(west.remote_port == 500);
    CHECK(west.rekey_time == hours(4));
    CHECK(west.ike_proposals.size() == 2);
    CHECK(west.ike_proposals[1].number == 2);
    CHECK(west.local_auth.credential == "psk:/etc/sallyport/west.psk");
    CHECK(west.remote_auth.credential == west.local_auth.credential);
    REQUIRE(loaded.settings.credentials.size() == 1);
    CHECK(loaded.settings.credentials[0].secret == "/etc/sallyport/west.psk");
    REQUIRE(west.children.size() == 1);
    const auto& net = west.children[0];
    CHECK(net.start == model::ChildPolicy::Start::up);
    CHECK(net.proposals.size() == 2);
    CHECK(net.reqid != 0);
    CHECK(net.rekey.time == Duration(hours(1)));
    CHECK(net.hard.time == Duration(minutes(66)));
    CHECK(model::to_string(net.local) == "10.1.0.0/24");
    CHECK(loaded.settings.daemon.ike_port == 500);
    CHECK(loaded.settings.daemon.split);
    CHECK(loaded.files == std::vector<std::string>{kPath});
  }

  TEST_CASE("the default proposals share algorithms with what strongSwan 5.9.8 offers by default") {
    const auto loaded = load_text(kTenLines);
    const auto& west = loaded.settings.connections.at(0);
    const auto offered =
        model::parse_proposal(model::Protocol::IKE,
                              "aes128-aes192-aes256-sha256-sha384-sha512-prfsha256-ecp256-x25519-modp3072")
            .value();
    CHECK(model::select_proposal(west.ike_proposals, {offered}).has_value());
    const auto child = model::parse_proposal(model::Protocol::ESP, "aes128-aes192-aes256-sha256-noesn").value();
    CHECK(model::select_proposal(west.children.at(0).proposals, {child}).has_value());
  }

  TEST_CASE("an unknown key is refused with file, line and the nearest key") {
    CHECK(only_error(with("keep_up", "keepup")) == "5: connection.west.keepup: unknown key; did you mean \"keep_up\"?");
    CHECK(only_error(with("start ", "strat ")) ==
          "10: connection.west.child.net.strat: unknown key; did you mean \"start\"?");
    CHECK(only_error(with("id = \"west.example\"", "identity = \"west.example\""))
              .find("3: connection.west.remote.identity") == 0);
    CHECK(only_error("[conection.a]\n" + kTenLines) == "1: conection: unknown key; did you mean \"connection\"?");
    CHECK(only_error(kTenLines + "[daemon]\nports = { ike = 1, nat = 2 }\n") ==
          "12: daemon.ports.nat: unknown key; did you mean \"natt\"?");
  }

  TEST_CASE("a value of the wrong kind or range says what is wanted") {
    CHECK(only_error(with("keep_up = true", "keep_up = \"yes\"")) ==
          "5: connection.west.keep_up: must be true or false, not a string.");
    CHECK(only_error(with("keep_up = true", "dpd = \"soon\"")).find("\"soon\" is no duration") != std::string::npos);
    CHECK(only_error(with("keep_up = true", "retransmit = { tries = 0 }")) ==
          "5: connection.west.retransmit.tries: must lie between 1 and 100, not 0.");
    CHECK(only_error(with("keep_up = true", "retransmit = { factor = 0.5 }")) ==
          "5: connection.west.retransmit.factor: must lie between 1 and 10.");
    CHECK(only_error(with("\"up\"", "\"upp\"")) ==
          "10: connection.west.child.net.start: \"upp\" is not known here; did you mean \"up\"?");
    CHECK(only_error(with("[\"10.1.0.0/24\"]", "[\"10.1.0.1/24\"]")).find("is no selector") != std::string::npos);
    CHECK(only_error(with("\"192.0.2.2\"", "\"192.0.2.256\"")).find("neither an IP address nor a host name") !=
          std::string::npos);
  }

  TEST_CASE("a proposal's wrong word is named, with the nearest right one") {
    CHECK(only_error(with("keep_up = true", "ike = [\"aes256gmc16-prfsha256-x25519\"]")) ==
          "5: connection.west.ike: \"aes256gmc16\" in \"aes256gmc16-prfsha256-x25519\" is no algorithm; did you mean "
          "\"aes256gcm16\"?");
    CHECK(only_error(with("keep_up = true", "ike = [\"aes256gcm16-prfsha256\"]")) ==
          "5: connection.west.ike: \"aes256gcm16-prfsha256\" lacks a key exchange group (x25519, …).");
    CHECK(only_error(with("start ", "esp = \"aes128gcm16-sha256\"\nstart ")).find("mixes") != std::string::npos);
  }

  TEST_CASE("what is missing is asked for") {
    CHECK(only_error(with("auth   = { method = \"psk\", secret = \"west.psk\" }", "")) ==
          "1: connection.west: lacks \"auth\": how do the two sides prove who they are?");
    CHECK(only_error(with("method = \"psk\", ", "")).find("lacks \"method\"") != std::string::npos);
    CHECK(only_error(with(", secret = \"west.psk\"", "")) == "4: connection.west.auth: lacks \"secret\".");
    CHECK(only_error(with("secret = \"west.psk\"", "secret = \"west.psk\", ca = \"ca.pem\""))
              .find("has no meaning here") != std::string::npos);
    CHECK(only_error(with("local  = [\"10.1.0.0/24\"]\n", "")) ==
          "7: connection.west.child.net: lacks \"local\": which addresses?");
    CHECK(only_error(with("address = \"192.0.2.2\", ", "")).find("must know where the peer is") != std::string::npos);
    CHECK(only_error(with("{ address = \"192.0.2.1\", id = \"east.example\" }", "{}")).find("who are we?") !=
          std::string::npos);
    CHECK(only_error("[connection.a]\nlocal = { id = \"a\" }\nauth = { method = \"psk\", secret = \"s\" }\n")
              .find("there is no child") != std::string::npos);
  }

  TEST_CASE("every error is reported, in the order of lines") {
    const Loaded loaded =
        load_text(with("keep_up = true", "kep_up = true") + "mode = \"trasnport\"\n[daemon]\nsplit = 3\n");
    REQUIRE(loaded.errors.size() == 3);
    CHECK(loaded.errors[0].line == 5);
    CHECK(loaded.errors[1].line == 11);
    CHECK(loaded.errors[2].line == 13);
  }

  TEST_CASE("text that is no TOML is refused with its line") {
    const Loaded loaded = load_text("[daemon]\ncontrol = \n");
    REQUIRE(loaded.errors.size() == 1);
    CHECK(loaded.errors[0].line == 2);
    CHECK_FALSE(loaded.errors[0].sentence.empty());
  }

  TEST_CASE("drop-ins are read in sorted order; other files beside them are not") {
    const std::string child = "[connection.NAME.child.n]\nlocal = \"10.1.0.0/24\"\nremote = \"10.3.0.0/24\"\n";
    const auto connection = [&](std::string name) {
      std::string text =
          "[connection.NAME]\nlocal = { id = \"e\" }\nauth = { method = \"psk\", secret = \"s.psk\" }\n" + child;
      for (size_t at; (at = text.find("NAME")) != std::string::npos;) text.replace(at, 4, name);
      return text;
    };
    const Loaded loaded = load_text(kTenLines, {{"/etc/sallyport/conf.d/20-b.toml", connection("b")},
                                                {"/etc/sallyport/conf.d/10-c.toml", connection("c")},
                                                {"/etc/sallyport/conf.d/.hidden.toml", "nonsense"},
                                                {"/etc/sallyport/conf.d/note.txt", "nonsense"}});
    for (const auto& error : loaded.errors) MESSAGE(to_string(error));
    REQUIRE(loaded.ok());
    REQUIRE(loaded.settings.connections.size() == 3);
    CHECK(loaded.settings.connections[1].name == "c");
    CHECK(loaded.settings.connections[2].name == "b");
    CHECK(loaded.settings.connections[2].local_auth.credential == "psk:/etc/sallyport/conf.d/s.psk");
    CHECK(loaded.files.size() == 3);
  }

  TEST_CASE("a connection or a daemon key written in two files is refused, naming the first place") {
    const Loaded twice = load_text(kTenLines, {{"/etc/sallyport/conf.d/a.toml", kTenLines}});
    REQUIRE(twice.errors.size() == 1);
    CHECK(
        to_string(twice.errors[0]) ==
        "/etc/sallyport/conf.d/a.toml:1: connection.west: is already written in /etc/sallyport/sallyport.toml line 1.");
    const Loaded key = load_text(kTenLines + "[daemon]\nsplit = true\n",
                                 {{"/etc/sallyport/conf.d/a.toml", "[daemon]\nsplit = false\n"}});
    REQUIRE(key.errors.size() == 1);
    CHECK(key.errors[0].line == 2);
    CHECK(key.errors[0].sentence.find("line 12") != std::string::npos);
  }

  TEST_CASE("a missing file is one sentence") {
    MapFiles files;
    const Loaded loaded = load(files, "/nowhere.toml");
    REQUIRE(loaded.errors.size() == 1);
    CHECK(to_string(loaded.errors[0]) == "/nowhere.toml: there is no such file.");
  }

  TEST_CASE("certificates: a peer without a named identity is refused unless any is written") {
    const std::string auth =
        "auth = { method = \"cert\", certificate = \"e.pem\", key = \"/k/e.key\", ca = [\"ca.pem\"] }";
    std::string text = with("auth   = { method = \"psk\", secret = \"west.psk\" }", auth);
    const Loaded good = load_text(text);
    REQUIRE(good.ok());
    CHECK(good.settings.connections[0].remote_auth.trust == "ca:/etc/sallyport/ca.pem");
    CHECK(good.settings.connections[0].local_auth.kind == model::AuthPolicy::Kind::cert);
    REQUIRE(good.settings.trust.size() == 1);
    REQUIRE(good.settings.credentials.size() == 1);
    CHECK(good.settings.credentials[0].key == "/k/e.key");
    const std::string id = ", id = \"west.example\"";
    const std::string without = std::string(text).replace(text.find(id), id.size(), "");
    CHECK(only_error(without).find("which identity") != std::string::npos);
    const std::string any = std::string(text).replace(text.find(id), id.size(), ", id = \"any\"");
    CHECK(load_text(any).ok());
  }

  TEST_CASE("each side may prove itself in its own way") {
    const Loaded loaded = load_text(with("auth   = { method = \"psk\", secret = \"west.psk\" }",
                                         "local_auth = { method = \"psk\", secret = \"a.psk\" }\n"
                                         "remote_auth = { method = \"cert\", ca = \"ca.pem\" }"));
    for (const auto& error : loaded.errors) MESSAGE(to_string(error));
    REQUIRE(loaded.ok());
    CHECK(loaded.settings.connections[0].local_auth.kind == model::AuthPolicy::Kind::psk);
    CHECK(loaded.settings.connections[0].remote_auth.kind == model::AuthPolicy::Kind::cert);
    CHECK(only_error(with("auth   =", "local_auth   =")).find("lacks the other") != std::string::npos);
  }

  TEST_CASE("lifetimes: text or table; hard must lie past rekey") {
    const auto child = [](const std::string& line) {
      const Loaded loaded = load_text(with("start ", line + "\nstart "));
      for (const auto& error : loaded.errors) MESSAGE(to_string(error));
      REQUIRE(loaded.ok());
      return loaded.settings.connections[0].children[0];
    };
    CHECK(child("rekey = \"30m\"").rekey.time == Duration(minutes(30)));
    CHECK_FALSE(child("rekey = \"never\"").rekey.time.has_value());
    CHECK_FALSE(child("rekey = \"never\"").hard.time.has_value());
    const auto table = child("rekey = { time = \"2h\", bytes = \"10GiB\", packets = 1000 }");
    CHECK(table.rekey.bytes == 10ull << 30);
    CHECK(table.hard.packets == 1101);
    CHECK_FALSE(child("").hard.idle.has_value());
    CHECK(child("idle_timeout = \"5m\"").hard.idle == Duration(minutes(5)));
    CHECK_FALSE(child("idle_timeout = \"never\"").hard.idle.has_value());
    CHECK(only_error(with("start ", "rekey = \"1h\"\nhard = \"30m\"\nstart ")).find("must lie past rekey") !=
          std::string::npos);
  }

  TEST_CASE("reqids do not depend on what else is configured") {
    const uint32_t alone = load_text(kTenLines).settings.connections[0].children[0].reqid;
    const Loaded more = load_text(
        "[connection.aa]\nlocal = { id = \"e\" }\nauth = { method = \"psk\", secret = \"s\" }\n"
        "[connection.aa.child.n]\nlocal = \"10.1.0.0/24\"\nremote = \"10.3.0.0/24\"\n" +
        kTenLines);
    REQUIRE(more.ok());
    CHECK(more.settings.connections[1].children[0].reqid == alone);
    CHECK(more.settings.connections[0].children[0].reqid != alone);
  }

  TEST_CASE("the internal device takes the single addresses of the children when it has none of its own") {
    const std::string internal = "[device]\ntype = \"internal\"\n";
    CHECK(only_error(kTenLines + internal).find("needs an address") != std::string::npos);
    const Loaded loaded = load_text(with("10.1.0.0/24", "10.1.0.1/32") + internal);
    REQUIRE(loaded.ok());
    REQUIRE(loaded.settings.device.addresses.size() == 1);
    CHECK(loaded.settings.device.addresses[0].to_string() == "10.1.0.1");
  }

  TEST_CASE("child selectors of two IP versions that can never match are refused") {
    CHECK(only_error(with("[\"10.2.0.0/24\"]", "[\"fd00::/64\"]")).find("different IP versions") != std::string::npos);
  }

  TEST_CASE("to_policy gives names and kinds and no content") {
    const auto policy = to_policy(load_text(kTenLines).settings);
    CHECK(policy.connection("west") != nullptr);
    REQUIRE(policy.credential("psk:/etc/sallyport/west.psk") != nullptr);
    CHECK(policy.credential("psk:/etc/sallyport/west.psk")->chain.empty());
  }

  TEST_CASE("no text crashes the reader: every truncation and every deleted octet of a configuration") {
    for (size_t n = 0; n <= kTenLines.size(); ++n) (void)load_text(kTenLines.substr(0, n));
    for (size_t n = 0; n < kTenLines.size(); ++n) (void)load_text(std::string(kTenLines).erase(n, 1));
  }

  TEST_CASE("protection that cannot be enforced refuses the start, unless the administrator says otherwise") {
    using FailClosed = FailClosedSettings;
    CHECK(load_text(kTenLines).settings.daemon.fail_closed == FailClosed{});
    CHECK(FailClosed{}.enforce == FailClosed::Enforce::require);
    const Loaded loaded = load_text(
        "[daemon]\nfail_closed = { enforce = \"warn\", after_stop = \"closed\", other_family = "
        "\"leave\" }\n" +
        kTenLines);
    REQUIRE(loaded.ok());
    const auto& got = loaded.settings.daemon.fail_closed;
    CHECK(got.enforce == FailClosed::Enforce::warn);
    CHECK(got.after_stop == FailClosed::AfterStop::closed);
    CHECK_FALSE(got.refuse_other_family);
    CHECK(only_error("[daemon]\nfail_closed = { enforce = \"maybe\" }\n" + kTenLines)
              .starts_with("2: daemon.fail_closed.enforce"));
  }

  TEST_CASE("a device's name cannot be anything but a name to the packet filter") {
    CHECK(only_error("[device]\nname = \"tun*\"\n" + kTenLines).starts_with("2: device.name"));
    CHECK(only_error("[device]\nname = \"a\\\"b\"\n" + kTenLines).starts_with("2: device.name"));
  }
}
