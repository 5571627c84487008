// Every verb against a scripted control server: what it asks, prints and returns, as text and as JSON.
#include <doctest/doctest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "cli/verbs.h"
#include "support/json.h"
#include "support/scripted_control.h"

using namespace sallyport;
using test::ScriptedControl;

namespace {

struct Ran {
  int code = 0;
  std::string out, err;
};

Ran run(const std::string& socket, std::vector<std::string> words) {
  words.insert(words.begin(), {"sallyport", "--socket", socket});
  std::vector<const char*> argv;
  for (const auto& word : words) argv.push_back(word.c_str());
  std::ostringstream out, err;
  Ran ran;
  ran.code = cli::run(static_cast<int>(argv.size()), argv.data(), out, err);
  ran.out = out.str();
  ran.err = err.str();
  return ran;
}

ScriptedControl::Script says(std::vector<ctl::Reply> replies) {
  return [replies](const ctl::Request&) { return replies; };
}
ctl::Done done(ctl::ResultCode code = ctl::ResultCode::ok, std::string sentence = {}) {
  return {code, std::move(sentence), {}, {}};
}
bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
test::Json json(const std::string& text) { return test::JsonReader(text).value(); }

// Dotted paths of everything in a JSON value; list items are "name[]".
void paths_of(const test::Json& value, const std::string& at, std::set<std::string>& out) {
  for (const auto& [name, member] : value.members) paths_of(member, at.empty() ? name : at + "." + name, out);
  for (const auto& item : value.items) paths_of(item, at + "[]", out);
  if (value.members.empty() && value.items.empty() && !at.empty()) out.insert(at);
}

std::string file(const std::string& name) {
  std::ifstream in(name);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// The keys that docs/control-protocol.md lists for a verb: first column of the table below its heading.
std::set<std::string> documented_keys(const std::string& verb) {
  std::set<std::string> out;
  std::istringstream lines(file("docs/control-protocol.md"));
  bool here = false;
  const std::regex row("^\\| `([a-z_.\\[\\]]+)` \\|.*");
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) here = holds(line, "`sallyport " + verb + " --json`");
    std::smatch match;
    if (here && std::regex_match(line, match, row)) out.insert(match[1]);
  }
  return out;
}

void compare_keys(const std::string& verb, const std::string& text) {
  std::set<std::string> printed;
  paths_of(json(text), "", printed);
  // Counters are open lists: their names are those of the tables of counters.
  std::set<std::string> folded;
  for (const auto& path : printed) {
    const bool counter = path.starts_with("drops.") || path.starts_with("counters.");
    std::string name = counter ? path.substr(0, path.find('.')) : path;
    // A list of texts is one key.
    if (name.ends_with("[]")) name.resize(name.size() - 2);
    folded.insert(name);
  }
  const auto wanted = documented_keys(verb);
  for (const auto& key : folded) CHECK_MESSAGE(wanted.contains(key), verb << " prints " << key << ", not documented");
  for (const auto& key : wanted) CHECK_MESSAGE(folded.contains(key), verb << " does not print " << key);
}

}  // namespace

TEST_SUITE("cli/verbs") {
  TEST_CASE("up waits, says that it is up, and why not") {
    const ScriptedControl good(says({done()}));
    Ran ran = run(good.path(), {"up", "west.net", "--wait=3s"});
    CHECK(ran.code == 0);
    CHECK(ran.out == "west.net is up.\n");
    CHECK(good.last<ctl::Up>().connection == "west");
    CHECK(good.last<ctl::Up>().child == "net");
    CHECK(good.last<ctl::Up>().wait == seconds(3));
    CHECK(run(good.path(), {"up", "west", "--no-wait"}).out == "west is being negotiated.\n");
    CHECK(good.last<ctl::Up>().wait == Duration::zero());

    const ScriptedControl bad(
        says({ctl::Done{ctl::ResultCode::peer_refused, "no proposal in common", "aes256gcm16", "3des"}}));
    ran = run(bad.path(), {"up", "west"});
    CHECK(ran.code == 4);
    CHECK(ran.out.empty());
    CHECK(ran.err == "sallyport: no proposal in common\n  ours:       aes256gcm16\n  the peer's: 3des\n");
    ran = run(bad.path(), {"up", "west.net", "--json"});
    CHECK(ran.code == 4);
    CHECK(ran.err.empty());
    const auto told = json(ran.out);
    CHECK(told.at("connection").text == "west");
    CHECK(told.at("child").text == "net");
    CHECK(told.at("result").text == "peer_refused");
    CHECK(told.at("exit_code").text == "4");
    CHECK(told.at("ours").text == "aes256gcm16");
    CHECK(told.at("peers").text == "3des");
  }

  TEST_CASE("down, rekey and reload say what they did, and with --json the same as values") {
    const ScriptedControl server(says({done()}));
    CHECK(run(server.path(), {"down", "west"}).out == "west is down.\n");
    CHECK_FALSE(server.last<ctl::Down>().ike_id);
    CHECK(run(server.path(), {"down", "west.net", "--ike-id", "5"}).code == 0);
    CHECK(server.last<ctl::Down>().child == "net");
    CHECK(server.last<ctl::Down>().ike_id == 5);
    CHECK(run(server.path(), {"rekey", "west.net"}).out == "west.net is being rekeyed.\n");
    CHECK(server.last<ctl::Rekey>().child == "net");
    CHECK(run(server.path(), {"reload"}).out == "Reloaded.\n");
    for (const std::vector<std::string>& words : {std::vector<std::string>{"--json", "down", "west.net"},
                                                  {"rekey", "west.net", "--json"},
                                                  {"reload", "--json"}}) {
      const Ran ran = run(server.path(), words);
      CHECK(ran.code == 0);
      CHECK(ran.err.empty());
      const auto told = json(ran.out);
      CHECK(told.at("result").text == "ok");
      CHECK(told.at("exit_code").text == "0");
      if (words[0] != "reload") CHECK(told.at("child").text == "net");
    }
    const ScriptedControl absent(says({done(ctl::ResultCode::not_found, "there is no connection \"west\"")}));
    for (const char* verb : {"down", "rekey", "up"}) {
      const Ran ran = run(absent.path(), {verb, "west"});
      CHECK(ran.code == 3);
      CHECK(ran.out.empty());
      CHECK(ran.err == "sallyport: there is no connection \"west\"\n");
      const Ran as_json = run(absent.path(), {verb, "west", "--json"});
      CHECK(as_json.code == 3);
      CHECK(json(as_json.out).at("result").text == "not_found");
    }
    CHECK(json(run(absent.path(), {"reload", "--json"}).out).at("exit_code").text == "3");
  }

  TEST_CASE("status shows connections, SAs and drops, up or down") {
    const ScriptedControl server(says({test::sample_status(), done()}));
    const Ran ran = run(server.path(), {"status"});
    CHECK(ran.code == 0);
    CHECK(holds(ran.out, "sallyportd 9.9.9, pid 4711, up 1h2m; ports 500 and 4500; device sallyport0 (tun, mtu 1400)"));
    CHECK(holds(ran.out, "west: up"));
    CHECK(holds(ran.out, "north: down"));
    CHECK(holds(ran.out, "last attempt: the peer at 192.0.2.3:500 did not answer"));
    CHECK(holds(ran.out, "next attempt in 7s"));
    CHECK(holds(ran.out, "1122334455667788_i* 99aabbccddeeff00_r"));
    CHECK(holds(ran.out, "SPIs 00001234 in, abcdef01 out"));
    CHECK(holds(ran.out, "in 2.0 KiB (2 packets), out 1.5 KiB (3 packets)"));
    CHECK(holds(ran.out, "replayed 2"));
    CHECK_FALSE(holds(ran.out, "KEYS"));
    CHECK(run(server.path(), {"status", "west"}).code == 0);
    CHECK(server.last<ctl::Status>().connection == "west");
  }

  TEST_CASE("status of the internal device has no empty name, and a key log is said loudly") {
    auto status = test::sample_status();
    status.daemon.device_type = "internal";
    status.daemon.device_name.clear();
    status.daemon.key_log = true;
    const ScriptedControl server(says({status, done()}));
    const Ran ran = run(server.path(), {"status"});
    CHECK(holds(ran.out, "device internal (mtu 1400)\n"));
    CHECK(holds(ran.out, "KEYS ARE BEING LOGGED"));
  }

  TEST_CASE("the keys of status --json are the documented ones") {
    const ScriptedControl server(says({test::sample_status(), done()}));
    const Ran ran = run(server.path(), {"status", "--json"});
    CHECK(ran.code == 0);
    const auto told = json(ran.out);
    CHECK(told.at("connections").items.size() == 2);
    CHECK(told.at("ike_sas").items.at(0).at("children").items.at(0).at("spi_out").text == "abcdef01");
    CHECK(told.at("drops").at("replayed").text == "2");
    compare_keys("status", ran.out);
  }

  TEST_CASE("watch prints events until it has enough") {
    const ctl::Event up{"ike_up", 1700000000123, "west", "", "", "IKE SA is up", "", ""};
    const ctl::Event failed{"attempt_failed", 1700000001000, "west", "net", "no_proposal_chosen", "refused", "a", "b"};
    const ctl::Event moved{
        "ike_state", 1700000002000, "west",      "",         "", "IKE SA 7: INIT_SENT -> INIT_DONE", "", "",
        7,           "row",         "INIT_SENT", "INIT_DONE"};
    const ScriptedControl server(says({up, failed, moved, up}));  // no Done: open until cancelled
    Ran ran = run(server.path(), {"watch", "--count", "2"});
    CHECK(ran.code == 0);
    CHECK(ran.out ==
          "2023-11-14T22:13:20.123Z  ike_up  west  IKE SA is up\n"
          "2023-11-14T22:13:21.000Z  attempt_failed  west.net  refused\n"
          "    ours:       a\n"
          "    the peer's: b\n");
    ran = run(server.path(), {"watch", "--count", "3", "--json"});
    std::istringstream lines(ran.out);
    std::vector<std::string> each;
    for (std::string line; std::getline(lines, line);) each.push_back(line);
    REQUIRE(each.size() == 3);
    CHECK(json(each[1]).at("error").text == "no_proposal_chosen");
    CHECK(json(each[2]).at("from").text == "INIT_SENT");
    CHECK(json(each[2]).at("to").text == "INIT_DONE");
    CHECK(json(each[2]).at("row").text == "row");
    compare_keys("watch", each[2]);
  }

  TEST_CASE("check prints each problem with its place and fails") {
    const ctl::CheckReply problems{{"a.toml", "b.toml"}, {{"a.toml", 7, "connection.west.ike", "no such word"}}};
    const ScriptedControl bad(says({problems, done(ctl::ResultCode::failed, "the configuration has errors")}));
    Ran ran = run(bad.path(), {"check"});
    CHECK(ran.code == 1);
    CHECK(ran.out == "a.toml:7: connection.west.ike: no such word\n");
    CHECK(bad.last<ctl::Check>().path.empty());
    ran = run(bad.path(), {"check", "--json"});
    CHECK(ran.code == 1);
    CHECK(json(ran.out).at("problems").items.at(0).at("line").text == "7");
    compare_keys("check", ran.out);

    const ScriptedControl good(says({ctl::CheckReply{{"a.toml"}, {}}, done()}));
    ran = run(good.path(), {"check", "README.md"});
    CHECK(ran.code == 0);
    CHECK(ran.out == "The configuration is good.\n");
    CHECK(good.last<ctl::Check>().path.starts_with("/"));  // the daemon has another working directory
  }

  TEST_CASE("explain asks about one packet and tells who decides") {
    const ctl::ExplainReply reply{"PROTECT",
                                  "west",
                                  "net",
                                  "10.1.0.0/24 to 10.2.0.0/24",
                                  0xabcdef01,
                                  "protected",
                                  {{"OUTBOUND_TRANSPORT_V4", "PERMIT", 7, "ours", "because"}}};
    const ScriptedControl server(says({reply, done()}));
    Ran ran = run(server.path(), {"explain", "10.1.0.1", "10.2.0.1", "tcp", "443", "55000"});
    CHECK(ran.code == 0);
    CHECK(ran.out ==
          "PROTECT  by west.net  (10.1.0.0/24 to 10.2.0.0/24)  on SPI abcdef01\nprotected\n"
          "  OUTBOUND_TRANSPORT_V4: PERMIT by filter 7 \"ours\" (because)\n");
    const auto asked = server.last<ctl::Explain>();
    CHECK(asked.protocol == 6);
    CHECK(asked.destination_port == 443);
    CHECK(asked.source_port == 55000);
    ran = run(server.path(), {"explain", "10.1.0.1", "10.2.0.1", "--json"});
    CHECK(json(ran.out).at("action").text == "PROTECT");
    compare_keys("explain", ran.out);
    CHECK(run(server.path(), {"explain", "10.1.0.1", "fd00::1"}).code == 2);
    CHECK(run(server.path(), {"explain", "10.1.0.1", "nowhere"}).code == 2);
    CHECK(run(server.path(), {"explain", "10.1.0.1", "10.2.0.1", "teleport"}).code == 2);
    CHECK(run(server.path(), {"explain", "10.1.0.1", "10.2.0.1", "256"}).code == 2);
  }

  TEST_CASE("filter, layer and context list what the engine has") {
    ctl::PolicyRow row;
    row.number = 7;
    row.name = "ours";
    row.layer = "OUTBOUND_TRANSPORT_V4";
    row.action = "CALLOUT_TERMINATING IPSEC_OUTBOUND_TRANSPORT_V4";
    row.raw_context = 1;
    row.conditions = {"IP_PROTOCOL EQUAL 6"};
    row.sublayer = "UNIVERSAL";
    row.provider = "configuration";
    const ScriptedControl server(says({ctl::PolicyListing{{row}}, done()}));
    Ran ran = run(server.path(), {"filter"});
    CHECK(ran.code == 0);
    CHECK(ran.out.find("OUTBOUND_TRANSPORT_V4\n") == 0);
    CHECK(ran.out.find("7  CALLOUT_TERMINATING IPSEC_OUTBOUND_TRANSPORT_V4  \"ours\" context 0x1") !=
          std::string::npos);
    CHECK(ran.out.find("IP_PROTOCOL EQUAL 6  (UNIVERSAL, weight 0000000000000000, of configuration)") !=
          std::string::npos);
    CHECK(server.last<ctl::ListPolicy>().what == ctl::ListPolicy::What::filters);
    ran = run(server.path(), {"filter", "--json"});
    CHECK(json(ran.out).items.at(0).at("number").text == "7");
    compare_keys("filter", ran.out);
    CHECK(run(server.path(), {"layer"}).out.find("ours") != std::string::npos);
    CHECK(server.last<ctl::ListPolicy>().what == ctl::ListPolicy::What::layers);
    CHECK(run(server.path(), {"context"}).code == 0);
    CHECK(server.last<ctl::ListPolicy>().what == ctl::ListPolicy::What::contexts);
    const ScriptedControl empty(says({ctl::PolicyListing{}, done()}));
    CHECK(run(empty.path(), {"filter"}).out == "There are no filters.\n");
  }

  TEST_CASE("events prints what failed and what was dropped") {
    ctl::NetEvent failed;
    failed.unix_milliseconds = 1700000000123;
    failed.type = "IKEEXT_MM_FAILURE";
    failed.local = "192.0.2.1";
    failed.remote = "2001:db8::2";
    failed.remote_port = 500;
    failed.code = 13801;
    failed.point = "peer";
    failed.role = "initiator";
    failed.filter = 7;
    failed.sentence =
        "not \x1b"
        "believed";
    ctl::NetEvent dropped;
    dropped.type = "IPSEC_KERNEL_DROP";
    dropped.code = 0xC0360001;
    dropped.layer = "INBOUND_TRANSPORT_V4";
    dropped.spi = 0x1234;
    const ScriptedControl server(says({failed, dropped, done()}));
    Ran ran = run(server.path(), {"events"});
    CHECK(ran.code == 0);
    CHECK(holds(ran.out, "2023-11-14T22:13:20.123Z  IKEEXT_MM_FAILURE  192.0.2.1 - [2001:db8::2]:500"));
    CHECK(holds(ran.out, "at peer, initiator  code 13801  filter 7\n    not ?believed"));
    CHECK(holds(ran.out, "code 0xc0360001  INBOUND_TRANSPORT_V4  SPI 00001234"));
    CHECK_FALSE(server.last<ctl::NetEvents>().follow);
    ran = run(server.path(), {"events", "--json"});
    std::istringstream lines(ran.out);
    std::string first;
    REQUIRE(std::getline(lines, first));
    CHECK(json(first).at("filter").text == "7");
    compare_keys("events", first);
  }

  TEST_CASE("log prints lines, cleaned of what could move a cursor") {
    const ScriptedControl server(says({ctl::LogLine{1700000000123, "info", "one\x1b[2J"}, done()}));
    Ran ran = run(server.path(), {"log", "-n", "5", "--level", "debug"});
    CHECK(ran.code == 0);
    CHECK(ran.out == "2023-11-14T22:13:20.123Z info one?[2J\n");
    CHECK(server.last<ctl::Log>().lines == 5);
    CHECK(server.last<ctl::Log>().level == "debug");
    CHECK_FALSE(server.last<ctl::Log>().follow);
    ran = run(server.path(), {"log", "--json"});
    CHECK(json(ran.out).at("level").text == "info");
    compare_keys("log", ran.out);
    CHECK(run(server.path(), {"log", "--level", "loud"}).code == 2);
  }

  TEST_CASE("version tells of the daemon and its library") {
    const ScriptedControl server(says({ctl::VersionReply{"9.9.9", "a compiler", "OpenSSL 3", 1}, done()}));
    CHECK(run(server.path(), {"version"}).out ==
          "sallyportd 9.9.9\nbuilt with a compiler, runs with OpenSSL 3\ncontrol protocol 1\n");
    const Ran ran = run(server.path(), {"version", "--json"});
    CHECK(json(ran.out).at("openssl").text == "OpenSSL 3");
    compare_keys("version", ran.out);
  }

  TEST_CASE("ping prints each answer and fails when there is none") {
    const ScriptedControl server(says(
        {ctl::PingAnswer{1, true, 56, 1234567, ""}, ctl::PingAnswer{2, false, 0, 0, "no answer in time"}, done()}));
    Ran ran = run(server.path(), {"ping", "10.2.0.1", "-c", "2", "-s", "56", "-i", "10ms", "-W", "1s"});
    CHECK(ran.code == 0);
    CHECK(ran.out == "56 bytes, sequence 1, 1.234 ms\nsequence 2: no answer in time\n1 of 2 answered\n");
    CHECK(server.last<ctl::Ping>().count == 2);
    CHECK(server.last<ctl::Ping>().interval == milliseconds(10));
    ran = run(server.path(), {"ping", "10.2.0.1", "--json"});
    CHECK(json(ran.out).at("answered").text == "1");
    compare_keys("ping", ran.out);
    const ScriptedControl silent(says({ctl::PingAnswer{1, false, 0, 0, "no answer in time"}, done()}));
    CHECK(run(silent.path(), {"ping", "10.2.0.1", "-c", "1"}).code == 5);
    CHECK(run(silent.path(), {"ping", "nowhere"}).code == 2);
    CHECK(run(silent.path(), {"ping", "10.2.0.1", "-c", "0"}).code == 2);
  }

  TEST_CASE("without a daemon every verb exits with 7 and says where it looked") {
    for (const std::vector<std::string>& words : {std::vector<std::string>{"up", "west"},
                                                  {"down", "west"},
                                                  {"rekey", "west"},
                                                  {"reload"},
                                                  {"status"},
                                                  {"watch"},
                                                  {"explain", "10.0.0.1", "10.0.0.2"},
                                                  {"log"},
                                                  {"events"},
                                                  {"version"},
                                                  {"ping", "10.0.0.1"},
                                                  {"check"}}) {
      const Ran ran = run("/tmp/sallyport-no-such-socket", words);
      CHECK(ran.code == 7);
      CHECK(holds(ran.err, "/tmp/sallyport-no-such-socket"));
    }
  }

  TEST_CASE("what cannot be understood exits with 2, help with 0") {
    const ScriptedControl server(says({done()}));
    for (const std::vector<std::string>& words : {std::vector<std::string>{},
                                                  {"fly"},
                                                  {"up"},
                                                  {"up", "west", "--wait=soon"},
                                                  {"down"},
                                                  {"rekey"},
                                                  {"status", "west", "east"},
                                                  {"down", "west", "--ike-id", "first"},
                                                  {"reload", "now"}}) {
      CHECK(run(server.path(), words).code == 2);
    }
    CHECK(server.requests().empty());
    CHECK(run(server.path(), {"--help"}).code == 0);
  }

  TEST_CASE("docs/exit-codes.md is the table of the code, and so is the help") {
    std::map<std::string, std::string> documented;
    std::istringstream lines(file("docs/exit-codes.md"));
    const std::regex row("^\\| ([0-9]+) \\| `([a-z_]+)` \\|.*");
    for (std::string line; std::getline(lines, line);) {
      std::smatch match;
      if (std::regex_match(line, match, row)) documented[match[1]] = match[2];
    }
    std::map<std::string, std::string> coded;
    for (uint8_t code = 0; code <= static_cast<uint8_t>(ctl::ResultCode::unreachable); ++code) {
      coded[std::to_string(code)] = ctl::to_string(static_cast<ctl::ResultCode>(code));
    }
    CHECK(documented == coded);
    const std::string help = run("/nowhere", {"--help"}).out;
    CHECK(holds(help, "0 ok, 1 other failure, 2 usage, 3 not found, 4 peer refused, 5 timeout"));
    CHECK(holds(help, "6 authentication failed, 7 daemon not reachable"));
  }

  TEST_CASE("every code the daemon can send is the exit code") {
    for (uint8_t code = 0; code < 7; ++code) {
      const ScriptedControl server(says({done(static_cast<ctl::ResultCode>(code), "a sentence")}));
      CHECK(run(server.path(), {"up", "west"}).code == code);
      CHECK(run(server.path(), {"reload", "--json"}).code == code);
    }
  }

  TEST_CASE("words for durations and names") {
    CHECK(cli::parse_wait("10") == Duration(seconds(10)));
    CHECK(cli::parse_wait("500ms") == Duration(milliseconds(500)));
    CHECK(cli::parse_wait("2m") == Duration(minutes(2)));
    for (const char* text : {"", "s", "-1", "1d", "1.5s", "9999999"}) CHECK_FALSE(cli::parse_wait(text));
    CHECK(cli::parse_target("west").child.empty());
    CHECK(cli::parse_target("west.net").child == "net");
    CHECK(cli::ago(59) == "59s");
    CHECK(cli::ago(61) == "1m1s");
    CHECK(cli::ago(90061) == "1d1h");
  }
}
