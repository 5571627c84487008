// What a socket tells of itself to whoever holds a descriptor of it.
#include "runtime/secured_socket.h"

#include <doctest/doctest.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/fd.h"

using namespace sallyport;
using runtime::Fd;
using runtime::inspect_socket;
using runtime::SocketFacts;

namespace {

// Two ends of a connection over loopback.
struct Connection {
  Fd client, server;
  uint16_t port = 0;

  Connection() {
    const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof at;
    auto* name = reinterpret_cast<sockaddr*>(&at);
    REQUIRE(::bind(listener.get(), name, length) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    REQUIRE(::getsockname(listener.get(), name, &length) == 0);
    port = ntohs(at.sin_port);
    client = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(client.get(), name, length) == 0);
    server = Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    REQUIRE(server);
  }
  void reset_by_server() {
    const linger at_once{1, 0};
    REQUIRE(::setsockopt(server.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    server = {};
  }
};

}  // namespace

TEST_SUITE("runtime/secured_socket") {
  TEST_CASE("a connection that stands tells both of its ends") {
    const Connection both;
    SocketFacts facts;
    REQUIRE(inspect_socket(both.client.get(), facts) == 0);
    CHECK(facts.connected);
    CHECK_FALSE(facts.reset);
    CHECK(facts.remote == IpEndpoint{IpAddr::v4(INADDR_LOOPBACK), both.port});
  }

  TEST_CASE("one that was reset still tells who was at the other end, and its program hears of the reset") {
    Connection both;
    both.reset_by_server();
    for (int round = 0; round < 2; ++round) {
      SocketFacts facts;
      REQUIRE(inspect_socket(both.client.get(), facts) == 0);
      CHECK(facts.reset);
      CHECK_FALSE(facts.connected);
      CHECK(facts.remote == IpEndpoint{IpAddr::v4(INADDR_LOOPBACK), both.port});
    }
    char octet = 0;
    CHECK(::read(both.client.get(), &octet, 1) == -1);
    CHECK(errno == ECONNRESET);
    SocketFacts facts;
    REQUIRE(inspect_socket(both.client.get(), facts) == 0);
    CHECK(facts.remote.port == both.port);
  }

  TEST_CASE("one that nobody answered was never connected") {
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(1);
    (void)::connect(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at);
    SocketFacts facts;
    REQUIRE(inspect_socket(socket.get(), facts) == 0);
    CHECK_FALSE(facts.connected);
    CHECK_FALSE(facts.reset);
  }
}
