// The control socket with clients that are strangers: garbage, silence, greed, numbers. Robustness T5.
#include "runtime/control_server.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>

#include <fstream>
#include <utility>  // before Asio
//
#include <boost/asio/io_context.hpp>

#include "runtime/clock.h"
#include "tests/unit/runtime/control_client.h"

using namespace sallyport;
using namespace sallyport::runtime;

namespace {

// As the daemon's processes do: a client that is gone is an error of the write, not a signal.
[[maybe_unused]] const auto kBefore = ::signal(SIGPIPE, SIG_IGN);

struct Served {
  SocketFolder folder;
  boost::asio::io_context loop;
  std::unique_ptr<ControlServer> server;
  std::vector<std::pair<ClientId, ctl::RequestFrame>> requests;
  std::vector<ClientId> closed;
  std::vector<std::string> audit;
  bool may_operate = true;

  Served() {
    auto listening = open_control_socket(folder.socket, "");
    REQUIRE(listening);
    server =
        std::make_unique<ControlServer>(loop, std::move(*listening), "1.2.3", [this](uint32_t) { return may_operate; });
    server->on_request = [this](ClientId client, const ctl::RequestFrame& frame) {
      requests.emplace_back(client, frame);
    };
    server->on_closed = [this](ClientId client) { closed.push_back(client); };
    server->on_audit = [this](const std::string& line) { audit.push_back(line); };
  }
  template <class Fact>
  bool until(Fact fact) {
    for (const TimePoint end = monotonic_now() + seconds(10); !fact();) {
      if (monotonic_now() > end) return false;
      loop.restart();
      loop.run_for(std::chrono::milliseconds(2));
    }
    return true;
  }
  bool reads_done(ControlClient& client, uint64_t id) {
    return until([&] {
      client.read();
      return client.done(id) != nullptr;
    });
  }
};

}  // namespace

TEST_SUITE("runtime/control_server") {
  TEST_CASE("a client is greeted, its requests come out, and its replies go back under their ids") {
    Served served;
    ControlClient client(served.folder.socket);
    client.ask(7, ctl::Status{"west"});
    REQUIRE(served.until([&] { return served.requests.size() == 1; }));
    client.read();
    REQUIRE(client.replies<ctl::Welcome>(1).size() == 1);
    CHECK(client.replies<ctl::Welcome>(1)[0].daemon_version == "1.2.3");
    const auto& [who, frame] = served.requests.front();
    CHECK(std::get<ctl::Status>(frame.request).connection == "west");
    CHECK(served.server->open(who, 7));
    served.server->reply(who, 7, ctl::LogLine{1, "info", "text"});
    served.server->reply(who, 7, ctl::Done{});
    REQUIRE(served.reads_done(client, 7));
    CHECK(client.replies<ctl::LogLine>(7).size() == 1);
    CHECK_FALSE(served.server->open(who, 7));
  }

  TEST_CASE("[T5] who may only read is refused what operates, in the reply and in the audit line") {
    Served served;
    served.may_operate = false;
    ControlClient client(served.folder.socket);
    client.ask(2, ctl::Up{"west", "", {}});
    client.ask(3, ctl::Status{});
    REQUIRE(served.until([&] { return served.requests.size() == 1; }));
    REQUIRE(served.reads_done(client, 2));
    CHECK(client.done(2)->code == ctl::ResultCode::failed);
    CHECK(client.done(2)->sentence.find("permission denied") == 0);
    CHECK(std::holds_alternative<ctl::Status>(served.requests.front().second.request));
    REQUIRE(served.audit.size() == 1);
    CHECK(served.audit[0].find("uid " + std::to_string(::geteuid())) != std::string::npos);
    CHECK(served.audit[0].find("up refused") != std::string::npos);
  }

  TEST_CASE("[T5] every verb has its right") {
    CHECK(right_for(ctl::Up{}) == Right::operate);
    CHECK(right_for(ctl::Down{}) == Right::operate);
    CHECK(right_for(ctl::Rekey{}) == Right::operate);
    CHECK(right_for(ctl::Reload{}) == Right::operate);
    CHECK(right_for(ctl::Ping{}) == Right::operate);
    for (const ctl::Request& request :
         {ctl::Request(ctl::Status{}), ctl::Request(ctl::Watch{}), ctl::Request(ctl::Check{}),
          ctl::Request(ctl::Explain{}), ctl::Request(ctl::Log{}), ctl::Request(ctl::Version{}),
          ctl::Request(ctl::Cancel{}), ctl::Request(ctl::ListPolicy{})}) {
      CHECK(right_for(request) == Right::read);
    }
  }

  TEST_CASE("[T5] garbage ends its own connection and no other") {
    Served served;
    ControlClient good(served.folder.socket);
    for (const Bytes& garbage :
         {Bytes(64, 0xff), Bytes(4, 0), ctl::frame(Bytes(20, 0xff)), to_bytes(as_bytes("GET / HTTP/1.1\r\n\r\n"))}) {
      ControlClient bad(served.folder.socket, false);
      bad.send(garbage);
      CHECK(served.until([&] {
        bad.read();
        return bad.closed();
      }));
    }
    // A request before Hello is no better.
    ControlClient early(served.folder.socket, false);
    early.ask(1, ctl::Status{});
    CHECK(served.until([&] {
      early.read();
      return early.closed();
    }));
    CHECK(served.requests.empty());
    CHECK(served.server->clients() == 1);
    good.ask(2, ctl::Version{});
    CHECK(served.until([&] { return served.requests.size() == 1; }));
  }

  TEST_CASE("a request that comes octet by octet is a request") {
    Served served;
    ControlClient client(served.folder.socket);
    const Bytes whole = ctl::frame(ctl::encode(ctl::RequestFrame{9, ctl::Status{"west"}}));
    for (const uint8_t octet : whole) {
      CHECK(served.requests.empty());
      client.send(Bytes{octet});
      served.loop.restart();
      served.loop.run_for(std::chrono::milliseconds(1));
    }
    REQUIRE(served.until([&] { return served.requests.size() == 1; }));
    CHECK(served.requests[0].second.id == 9);
    CHECK(std::get<ctl::Status>(served.requests[0].second.request).connection == "west");
  }

  TEST_CASE("[T5] clients over the limit are turned away, and room that is left is given again") {
    Served served;
    std::vector<std::unique_ptr<ControlClient>> clients;
    for (int i = 0; i < 80; ++i) {
      clients.push_back(std::make_unique<ControlClient>(served.folder.socket));
      served.loop.restart();
      served.loop.run_for(std::chrono::milliseconds(1));
    }
    CHECK(served.until([&] {
      clients.back()->read();
      return clients.back()->closed();
    }));
    CHECK(served.server->clients() == 64);
    clients.clear();
    CHECK(served.until([&] { return served.server->clients() == 0; }));
    CHECK(served.closed.size() == 64);
    ControlClient next(served.folder.socket);
    next.ask(2, ctl::Status{});
    CHECK(served.until([&] { return served.requests.size() == 1; }));
  }

  TEST_CASE("[T5] a client that does not read is dropped before it costs the daemon its memory") {
    Served served;
    ControlClient slow(served.folder.socket);
    slow.ask(2, ctl::Watch{});
    REQUIRE(served.until([&] { return served.requests.size() == 1; }));
    const ClientId who = served.requests[0].first;
    const std::string text(64 * 1024, 'x');
    for (int i = 0; i < 400 && served.closed.empty(); ++i) {
      served.server->reply(who, 2, ctl::LogLine{0, "info", text});
      served.loop.restart();
      served.loop.run_for(std::chrono::milliseconds(0));
    }
    REQUIRE(served.closed.size() == 1);
    CHECK(served.closed[0] == who);
    served.server->reply(who, 2, ctl::Done{});  // to somebody who is gone
    CHECK(served.server->clients() == 0);
  }

  TEST_CASE("[T5] a request that is too long, or one too many, ends the connection") {
    Served served;
    ControlClient long_one(served.folder.socket);
    Writer writer;
    writer.u32(static_cast<uint32_t>(ctl::kMaxRequestOctets + 1));
    long_one.send(writer.take());
    CHECK(served.until([&] {
      long_one.read();
      return long_one.closed();
    }));
    ControlClient many(served.folder.socket);
    for (uint64_t id = 2; id < 80; ++id) many.ask(id, ctl::Watch{});
    CHECK(served.until([&] {
      many.read();
      return many.closed();
    }));
    CHECK(served.requests.size() <= 64);
  }

  TEST_CASE("the socket belongs to its owner; a stale one is replaced, a living one and a file are not") {
    const SocketFolder folder;
    auto first = open_control_socket(folder.socket, "");
    REQUIRE(first);
    struct stat facts {};
    REQUIRE(::stat(folder.socket.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
    auto second = open_control_socket(folder.socket, "");
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Errc::conflict);
    CHECK(explain_control_socket(folder.socket, second.error()).find("another daemon") == 0);
    first->reset();
    CHECK(open_control_socket(folder.socket, ""));
    (void)::unlink(folder.socket.c_str());
    std::ofstream(folder.socket) << "a file of somebody";
    CHECK_FALSE(open_control_socket(folder.socket, ""));
    CHECK(::stat(folder.socket.c_str(), &facts) == 0);
    CHECK(S_ISREG(facts.st_mode));
    CHECK(open_control_socket(folder.socket, "no-such-group-here").error().code == Errc::not_found);
    CHECK(open_control_socket(std::string(300, 'x'), "").error().code == Errc::bad_length);
  }
}
