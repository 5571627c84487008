// Requests of the control socket carried out by a driver: two of them with internal devices on the loopback interface.
#include "runtime/control_service.h"

#include <doctest/doctest.h>

#include "tests/unit/runtime/control_client.h"
#include "tests/unit/runtime/driver_node.h"

using namespace sallyport;
using namespace sallyport::runtime;

namespace {

struct ServedPair : DriverPair {
  using DriverPair::DriverPair;
  SocketFolder folder;
  std::unique_ptr<ControlServer> server;
  std::unique_ptr<ControlService> service;

  void serve() {
    auto listening = open_control_socket(folder.socket, "");
    REQUIRE(listening);
    server =
        std::make_unique<ControlServer>(east->loop.io(), std::move(*listening), "1.2.3", [](uint32_t) { return true; });
    service = std::make_unique<ControlService>(
        east->loop, east->log, east->driver, *server,
        ReportFacts{"1.2.3", "/etc/sallyport/x.toml", 42, monotonic_now(), false, "a library"});
  }
  ctl::Done ask(ControlClient& client, uint64_t id, const ctl::Request& request) {
    client.ask(id, request);
    REQUIRE(until([&] {
      client.read();
      return client.done(id) != nullptr;
    }));
    return *client.done(id);
  }
  ~ServedPair() {
    service.reset();
    server.reset();
  }
};

}  // namespace

TEST_SUITE("runtime/control_service") {
  TEST_CASE("up waits until the tunnel stands; status, rekey, ping and down act on it") {
    ServedPair served;
    served.serve();
    ControlClient client(served.folder.socket);
    CHECK(served.ask(client, 2, ctl::Up{"site", "", seconds(10)}).code == ctl::ResultCode::ok);
    CHECK(served.ask(client, 3, ctl::Up{"site", "net", seconds(10)}).sentence == "\"site\" is up already");

    CHECK(served.ask(client, 4, ctl::Status{}).code == ctl::ResultCode::ok);
    REQUIRE(client.replies<ctl::StatusReply>(4).size() == 1);
    CHECK(client.replies<ctl::StatusReply>(4)[0].ike_sas.size() == 1);
    CHECK(served.ask(client, 5, ctl::Status{"nowhere"}).code == ctl::ResultCode::not_found);

    ctl::Ping ping;
    ping.address = *IpAddr::parse("10.2.0.1");
    ping.count = 3;
    ping.interval = milliseconds(1);
    const ctl::Done pinged = served.ask(client, 6, ping);
    CHECK(pinged.code == ctl::ResultCode::ok);
    CHECK(pinged.sentence == "3 of 3 answered");
    CHECK(client.replies<ctl::PingAnswer>(6).size() == 3);

    CHECK(served.ask(client, 7, ctl::Rekey{"site", "net", {}}).code == ctl::ResultCode::ok);
    CHECK(served.ask(client, 8, ctl::Rekey{"site", "other", {}}).code == ctl::ResultCode::not_found);

    const auto ike_id = client.replies<ctl::StatusReply>(4)[0].ike_sas[0].ike_id;
    CHECK(served.ask(client, 9, ctl::Down{"site", "", ike_id + 100}).code == ctl::ResultCode::not_found);
    CHECK(served.east->driver.control().ike_sas().size() == 1);
    CHECK(served.ask(client, 10, ctl::Down{"site", "", ike_id}).code == ctl::ResultCode::ok);
    CHECK(served.until([&] { return served.east->driver.control().ike_sas().empty(); }));
    CHECK(served.ask(client, 11, ctl::Rekey{"site", "", {}}).code == ctl::ResultCode::not_found);
  }

  TEST_CASE("an up whose time runs out tells what is waited for") {
    ServedPair served;
    served.serve();
    served.east->keys.silent = true;
    ControlClient client(served.folder.socket);
    const ctl::Done done = served.ask(client, 2, ctl::Up{"site", "", milliseconds(300)});
    CHECK(done.code == ctl::ResultCode::timeout);
    CHECK(done.sentence.find("\"site\" is not up after 0.3 s; no answer from 127.0.0.1:") == 0);
  }

  TEST_CASE("a failed up carries what each side wanted, and so does one that joins a failing attempt") {
    ServedPair served({"east", "10.1.0.1", "west", "10.2.0.1", "a secret",
                       "force_encap = true\nike = [\"aes256gcm16-prfsha256-x25519\"]", true},
                      {"west", "10.2.0.1", "east", "10.1.0.1", "a secret", "ike = [\"aes128-sha1-modp2048\"]", true});
    served.serve();
    ControlClient client(served.folder.socket);
    const ctl::Done done = served.ask(client, 2, ctl::Up{"site", "", seconds(10)});
    CHECK(done.code == ctl::ResultCode::peer_refused);
    CHECK(done.ours == "aes256gcm16-prfsha256-x25519");
    const ctl::Done later = make_not_up(served.east->driver, seconds(1), "site", "net");
    CHECK(later.sentence.find("the last attempt failed: ") != std::string::npos);
    CHECK(later.ours == done.ours);
    CHECK(make_not_up(served.east->driver, seconds(1), "site", "other").ours.empty());
  }

  TEST_CASE("without a wait up returns at once, and names that are none are refused at once") {
    ServedPair served;
    served.serve();
    ControlClient client(served.folder.socket);
    CHECK(served.ask(client, 2, ctl::Up{"site", "", {}}).sentence == "negotiation has begun");
    CHECK(served.ask(client, 3, ctl::Up{"nowhere", "", {}}).code == ctl::ResultCode::not_found);
    CHECK(served.ask(client, 4, ctl::Down{"nowhere", "", {}}).code == ctl::ResultCode::not_found);
  }

  TEST_CASE("watch sends events, among them the moves of the IKE SA, until it is cancelled") {
    ServedPair served;
    served.serve();
    ControlClient client(served.folder.socket);
    client.ask(2, ctl::Watch{});
    CHECK(served.ask(client, 3, ctl::Up{"site", "", seconds(10)}).code == ctl::ResultCode::ok);
    std::string kinds;
    bool moved = false;
    for (const auto& event : client.replies<ctl::Event>(2)) {
      kinds += event.kind + " ";
      moved =
          moved || (event.kind == "ike_state" && event.from == "INIT_SENT" && event.to == "INIT_DONE" && event.ike_id);
    }
    CHECK(kinds.find("ike_up ") != std::string::npos);
    CHECK(kinds.find("child_up ") != std::string::npos);
    CHECK(moved);
    CHECK(served.ask(client, 4, ctl::Cancel{2}).code == ctl::ResultCode::ok);
    REQUIRE(client.done(2));
    const size_t seen = client.replies<ctl::Event>(2).size();
    CHECK(served.ask(client, 5, ctl::Down{"site", "", {}}).code == ctl::ResultCode::ok);
    CHECK(client.replies<ctl::Event>(2).size() == seen);
  }

  TEST_CASE("log gives the past and goes on when told to; a level that is none is refused") {
    ServedPair served;
    served.serve();
    served.east->log.line(LogLevel::info, "one");
    served.east->log.line(LogLevel::warning, "two");
    ControlClient client(served.folder.socket);
    CHECK(served.ask(client, 2, ctl::Log{"warning", 10, false}).code == ctl::ResultCode::ok);
    REQUIRE(client.replies<ctl::LogLine>(2).size() == 1);
    CHECK(client.replies<ctl::LogLine>(2)[0].text == "two");
    client.ask(3, ctl::Log{"info", 1, true});
    CHECK(served.until([&] {
      client.read();
      return !client.replies<ctl::LogLine>(3).empty();
    }));
    served.east->log.line(LogLevel::info, "three");
    served.east->log.remember(LogLevel::warning, "four, of another process");
    CHECK(served.until([&] {
      client.read();
      return client.replies<ctl::LogLine>(3).size() >= 3;
    }));
    CHECK(client.replies<ctl::LogLine>(3).back().text == "four, of another process");
    CHECK(served.ask(client, 4, ctl::Log{"loud", 1, false}).code == ctl::ResultCode::usage);
  }

  TEST_CASE("version names the library; reload and check go to whoever may read files") {
    ServedPair served;
    served.serve();
    ControlClient client(served.folder.socket);
    CHECK(served.ask(client, 2, ctl::Version{}).code == ctl::ResultCode::ok);
    CHECK(client.replies<ctl::VersionReply>(2).at(0).openssl == "a library");
    CHECK(served.ask(client, 3, ctl::Reload{}).sentence == "this daemon does not serve that request");

    served.service->on_reload = [&](stack::CommandToken token) {
      served.service->reload_failed(token, "line 3 is wrong");
    };
    const ctl::Done reloaded = served.ask(client, 4, ctl::Reload{});
    CHECK(reloaded.code == ctl::ResultCode::failed);
    CHECK(reloaded.sentence == "line 3 is wrong");
    served.service->on_check = [&](stack::CommandToken token) {
      served.service->checked(token, {{"/etc/sallyport/x.toml"}, {{"/etc/sallyport/x.toml", 3, "device", "wrong"}}});
    };
    CHECK(served.ask(client, 5, ctl::Check{}).code == ctl::ResultCode::failed);
    CHECK(client.replies<ctl::CheckReply>(5).at(0).problems.at(0).line == 3);
    CHECK(served.ask(client, 6, ctl::Check{"/etc/passwd"}).code == ctl::ResultCode::usage);
  }

  TEST_CASE("pings that cannot be sent, or get no answer, say so") {
    ServedPair served;
    served.serve();
    ControlClient client(served.folder.socket);
    ctl::Ping ping;
    ping.address = *IpAddr::parse("10.2.0.1");
    ping.count = 0;
    CHECK(served.ask(client, 2, ping).code == ctl::ResultCode::usage);
    ping.count = 1;
    ping.timeout = milliseconds(30);
    CHECK(served.ask(client, 3, ping).code == ctl::ResultCode::timeout);  // no tunnel
    ping.count = 60000;
    ping.timeout = seconds(60);
    client.ask(4, ping);
    CHECK(served.ask(client, 5, ctl::Cancel{4}).code == ctl::ResultCode::ok);
    CHECK(client.done(4)->sentence == "cancelled");
  }

  TEST_CASE("a client that goes away takes its streams and waits along") {
    ServedPair served;
    served.serve();
    served.east->keys.silent = true;
    {
      ControlClient client(served.folder.socket);
      client.ask(2, ctl::Watch{});
      client.ask(3, ctl::Up{"site", "", seconds(60)});
      client.ask(4, ctl::Log{"debug", 1, true});
      CHECK(served.until(
          [&] { return served.server->clients() == 1 && !served.east->driver.control().ike_sas().empty(); }));
    }
    CHECK(served.until([&] { return served.server->clients() == 0; }));
    served.east->driver.command(stack::DownCommand{0, "site", "", {}});  // events that nobody takes any more
    served.east->log.line(LogLevel::info, "a line for nobody");
    ControlClient next(served.folder.socket);
    CHECK(served.ask(next, 2, ctl::Version{}).code == ctl::ResultCode::ok);
  }
}
