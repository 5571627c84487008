// One driver with the internal device and UDP sockets on the loopback interface: a daemon without processes, rights or
// key files. Two of them are two daemons in one test; turn() lets each work a little.
#pragma once
#include <doctest/doctest.h>

#include <string>
#include <utility>  // before Asio
//
#include <boost/asio/io_context.hpp>

#include "runtime/clock.h"
#include "runtime/driver.h"
#include "runtime/source_lookup.h"
#include "runtime/udp_socket.h"
#include "support/seeded_rng.h"
#include "support/stack_pair.h"
#include "tests/unit/config/map_files.h"

namespace sallyport::runtime {

class DoubleKeys final : public KeyPort {
 public:
  DoubleKeys(Loop& loop, test::KeyDouble keys) : keys_(std::move(keys)), loop_(loop) {}
  bool silent = false;  // requests get no reply
  void submit(model::RequestId id, model::KeyRequest work) override {
    if (silent) return;
    auto reply = std::make_shared<model::KeyReply>(keys_.answer(work));
    loop_.post([this, id, reply] { on_reply(id, std::move(*reply)); });
  }
  void set_policy_secrets(const stack::PolicySecrets& secrets) override {
    for (const auto& [name, secret] : secrets.secrets) keys_.secrets[name] = std::string(as_text(secret.view()));
  }

 private:
  test::KeyDouble keys_;
  Loop& loop_;
};

struct Ports {
  Fd ike, natt;
  uint16_t ike_port = 0, natt_port = 0;
  Ports() {
    auto a = open_udp_socket({*IpAddr::parse("127.0.0.1"), 0}, {});
    auto b = open_udp_socket({*IpAddr::parse("127.0.0.1"), 0}, {});
    REQUIRE(a);
    REQUIRE(b);
    ike_port = *bound_port(*a);
    natt_port = *bound_port(*b);
    ike = std::move(*a);
    natt = std::move(*b);
  }
};

// What differs between the ends of a pair.
struct NodeFacts {
  std::string name, inner, peer_name, peer_inner;
  std::string secret = "a secret";
  std::string more;  // lines of the connection
  bool local_address = true;
  bool one_socket_for_all = false;  // the keying thread reads where ESP comes too, as if the kernel steered nothing
};

inline std::string node_config(const NodeFacts& facts, const Ports& mine, uint16_t peer_ike, uint16_t peer_natt) {
  return "[daemon]\nports = { ike = " + std::to_string(mine.ike_port) + ", natt = " + std::to_string(mine.natt_port) +
         ", peer_natt = " + std::to_string(peer_natt) +
         " }\nlog = { level = \"debug\", stderr = false }\n[device]\ntype = \"internal\"\naddress = [\"" + facts.inner +
         "\"]\n[connection.site]\nlocal = { " + (facts.local_address ? "address = \"127.0.0.1\", " : "") + "id = \"" +
         facts.name + "\" }\nremote = { address = \"127.0.0.1\", id = \"" + facts.peer_name +
         "\", port = " + std::to_string(peer_ike) +
         " }\nauth = { method = \"psk\", secret = \"psk\" }\nretransmit = { timeout = \"500ms\", tries = 3 }\n" +
         facts.more + "\n[connection.site.child.net]\nlocal = [\"" + facts.inner + "/32\"]\nremote = [\"" +
         facts.peer_inner + "/32\"]\n";
}

struct DriverNode {
  DriverNode(const NodeFacts& facts, Ports ports, uint16_t peer_ike, uint16_t peer_natt, uint64_t seed)
      : text(node_config(facts, ports, peer_ike, peer_natt)),
        settings(load(text)),
        log("test", settings.daemon.log, {}),
        keys(loop, {{{"psk:psk", facts.secret}}}),
        rng(seed),
        driver(loop, log, keys, rng, {settings, policy(settings), descriptors(facts, std::move(ports))}) {
    driver.on_notice = [this](const stack::Notice& notice) { notices.push_back(notice); };
    driver.on_result = [this](const stack::CommandResult& result) { results.push_back(result); };
    driver.on_pong = [this](const stack::InnerHost::Pong& pong) { pongs.push_back(pong); };
  }

  static config::Settings load(const std::string& text) {
    config::MapFiles files;
    files.files["node.toml"] = text;
    auto loaded = config::load(files, "node.toml");
    for (const auto& error : loaded.errors) FAIL(config::to_string(error));
    return loaded.settings;
  }
  static std::shared_ptr<const model::IkePolicySet> policy(const config::Settings& settings) {
    return std::make_shared<model::IkePolicySet>(config::to_policy(settings));
  }
  static Descriptors descriptors(const NodeFacts& facts, Ports ports) {
    Descriptors out;
    out.udp.push_back({std::move(ports.ike), Family::v4, false, ports.ike_port});
    out.udp.push_back({std::move(ports.natt), Family::v4, true, ports.natt_port});
    if (facts.one_socket_for_all) out.udp.back().worker = UdpDescriptor::kKeying;
    if (auto lookup = open_source_lookup()) out.route_lookup = std::move(*lookup);
    return out;
  }
  void turn() {
    loop.io().restart();
    loop.io().run_for(std::chrono::milliseconds(2));
  }
  bool noticed(stack::Notice::Kind kind) const {
    for (const auto& notice : notices) {
      if (notice.kind == kind) return true;
    }
    return false;
  }

  std::string text;
  config::Settings settings;
  Loop loop;
  TraceLog log;
  DoubleKeys keys;
  test::SeededRng rng;
  Driver driver;
  std::vector<stack::Notice> notices;
  std::vector<stack::CommandResult> results;
  std::vector<stack::InnerHost::Pong> pongs;
};

struct DriverPair {
  explicit DriverPair(NodeFacts east_facts = {"east", "10.1.0.1", "west", "10.2.0.1", "a secret", "force_encap = true",
                                              true},
                      NodeFacts west_facts = {"west", "10.2.0.1", "east", "10.1.0.1", "a secret", "", true}) {
    Ports e, w;
    const uint16_t e_ike = e.ike_port, e_natt = e.natt_port, w_ike = w.ike_port, w_natt = w.natt_port;
    east = std::make_unique<DriverNode>(east_facts, std::move(e), w_ike, w_natt, 1);
    west = std::make_unique<DriverNode>(west_facts, std::move(w), e_ike, e_natt, 2);
    east->driver.start();
    west->driver.start();
  }
  // Until the fact holds; false after ten seconds.
  template <class Fact>
  bool until(Fact fact) {
    for (const TimePoint end = monotonic_now() + seconds(10); !fact();) {
      if (monotonic_now() > end) return false;
      east->turn();
      west->turn();
    }
    return true;
  }
  bool up() {
    east->driver.command(stack::UpCommand{1, "site", ""});
    return until([&] { return !east->results.empty(); }) && !east->results.front().error;
  }
  std::unique_ptr<DriverNode> east, west;
};

}  // namespace sallyport::runtime
