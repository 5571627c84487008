// The client against a server that follows a script, goes away, or talks nonsense.
#include "api/client.h"

#include <doctest/doctest.h>

#include "support/scripted_control.h"

using namespace sallyport;
using test::ScriptedControl;

TEST_SUITE("api/client") {
  TEST_CASE("a call gives each reply to the caller and returns the Done") {
    const ScriptedControl server([](const ctl::Request&) -> std::vector<ctl::Reply> {
      return {ctl::LogLine{1, "info", "one"}, ctl::LogLine{2, "info", "two"},
              ctl::Done{ctl::ResultCode::ok, "end", "", ""}};
    });
    api::Client client;
    REQUIRE(client.connect(server.path(), "test").code == ctl::ResultCode::ok);
    CHECK(client.daemon_version() == "9.9.9");
    std::vector<std::string> seen;
    const ctl::Done done = client.call(ctl::Log{}, [&](const ctl::Reply& reply) {
      seen.push_back(std::get<ctl::LogLine>(reply).text);
      return true;
    });
    CHECK(done.code == ctl::ResultCode::ok);
    CHECK(done.sentence == "end");
    CHECK(seen == std::vector<std::string>{"one", "two"});
    // The connection serves the next call too.
    CHECK(client.call(ctl::Status{}).sentence == "end");
  }

  TEST_CASE("a caller that has enough cancels, and gets its Done") {
    const ScriptedControl server([](const ctl::Request&) -> std::vector<ctl::Reply> {
      return {ctl::LogLine{1, "info", "one"}, ctl::LogLine{2, "info", "two"}, ctl::LogLine{3, "info", "three"}};
    });
    api::Client client;
    REQUIRE(client.connect(server.path(), "test").code == ctl::ResultCode::ok);
    int seen = 0;
    const ctl::Done done = client.call(
        ctl::Log{}, [&](const ctl::Reply&) { return ++seen < 2; }, seconds(10));
    CHECK(done.code == ctl::ResultCode::ok);
    CHECK(seen == 2);
  }

  TEST_CASE("no socket, no listener and a path too long are unreachable, each with its sentence") {
    api::Client client;
    const ctl::Done absent = client.connect("/tmp/sallyport-no-such-socket", "test");
    CHECK(absent.code == ctl::ResultCode::unreachable);
    CHECK(absent.sentence.find("there is no control socket") != std::string::npos);
    const ctl::Done too_long = client.connect(std::string(200, 'x'), "test");
    CHECK(too_long.code == ctl::ResultCode::unreachable);
    CHECK(too_long.sentence.find("too long") != std::string::npos);
    CHECK(client.call(ctl::Status{}).code == ctl::ResultCode::unreachable);
  }

  TEST_CASE("a daemon that hangs up, or does not answer in time, ends the call") {
    ScriptedControl gone([](const ctl::Request&) { return std::vector<ctl::Reply>{}; });
    gone.hang_up = true;
    api::Client client;
    REQUIRE(client.connect(gone.path(), "test").code == ctl::ResultCode::ok);
    const ctl::Done closed = client.call(ctl::Status{});
    CHECK(closed.code == ctl::ResultCode::unreachable);
    CHECK(closed.sentence == "The daemon closed the connection.");

    const ScriptedControl silent([](const ctl::Request&) { return std::vector<ctl::Reply>{}; });
    REQUIRE(client.connect(silent.path(), "test").code == ctl::ResultCode::ok);
    const ctl::Done late = client.call(ctl::Status{}, {}, milliseconds(50));
    CHECK(late.code == ctl::ResultCode::timeout);
    // It is closed: what came late must not be taken for the answer to something else.
    CHECK(client.call(ctl::Status{}).code == ctl::ResultCode::unreachable);
  }

  TEST_CASE("what is no frame of the protocol ends the connection") {
    for (const Bytes& nonsense :
         {Bytes(8, 0xff), Bytes(4, 0), to_bytes(as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"))}) {
      ScriptedControl server([](const ctl::Request&) { return std::vector<ctl::Reply>{}; });
      server.instead_of_hello = nonsense;
      api::Client client;
      CHECK(client.connect(server.path(), "test").code == ctl::ResultCode::unreachable);
    }
  }

  TEST_CASE("a reply of a kind from a later version is passed over") {
    // Field 15 of ReplyFrame does not exist: id 1, then an empty message of that number, then the Done of the Hello.
    ScriptedControl server([](const ctl::Request&) { return std::vector<ctl::Reply>{}; });
    Bytes octets = ctl::frame(Bytes{0x08, 0x01, 0x7a, 0x00});
    append(octets, ctl::frame(ctl::encode(ctl::ReplyFrame{1, ctl::Done{}})));
    server.instead_of_hello = octets;
    api::Client client;
    CHECK(client.connect(server.path(), "test").code == ctl::ResultCode::ok);
  }
}
