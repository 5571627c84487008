// The C++ wrapper over a stand-in for the library: it hands on what it is given, owns its descriptor, reports errors.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>

#include <sallyport/secure_socket.hpp>

extern "C" int stand_in_impersonations(void);

namespace {

using sallyport::secure_socket;

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST_SUITE("secure_socket/wrapper") {
  TEST_CASE("a socket is secured when it is made, and closed by its owner") {
    int fd = -1;
    {
      secure_socket first = secure_socket::open(AF_INET, SOCK_STREAM);
      fd = first.native_handle();
      CHECK(first.query().encrypted());
      secure_socket second = std::move(first);
      CHECK_FALSE(first.is_open());
      CHECK(second.native_handle() == fd);
      CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    }
    CHECK_FALSE(is_open(fd));
  }
  TEST_CASE("on failure nothing stays open, and the error is that of the call") {
    std::error_code error;
    const secure_socket none = secure_socket::open(AF_INET, SOCK_STREAM, 3, error);
    CHECK(error == std::errc::invalid_argument);
    CHECK_FALSE(none.is_open());
    CHECK_THROWS_AS(secure_socket::open(AF_INET, SOCK_STREAM, 3), std::system_error);
    CHECK_THROWS_AS(secure_socket(-1).query(), std::system_error);
  }
  TEST_CASE("the peer's identity outlives the state, and has all its names") {
    secure_socket s = secure_socket::open(AF_INET, SOCK_STREAM, 0);
    s.expect("server.example");
    sallyport::peer_identity peer;
    CHECK_FALSE(peer);
    CHECK(peer.principal().empty());
    CHECK(peer.names().empty());
    {
      const sallyport::security_state state = s.query();
      CHECK(state.secured());
      CHECK_FALSE(state.encrypted());
      CHECK(state.raw.quick_mode_sa == 2);
      peer = state.identity;
    }
    CHECK(peer.principal() == "server.example");
    CHECK(peer.names() == std::vector<std::string>{"server.example", "other.example"});
    CHECK(peer.has_name("other.example"));
    CHECK_FALSE(peer.has_name("other"));
    CHECK(peer.method() == "certificate");
    CHECK(peer.main_mode_sa() == UINT64_MAX);
  }
  TEST_CASE("names of datagram peers are of their address") {
    secure_socket s = secure_socket::open(AF_INET, SOCK_DGRAM);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(7);
    const sallyport::peer_address peer{reinterpret_cast<sockaddr*>(&address), sizeof address};
    s.expect("server.example", peer);
    s.forget(peer);
    CHECK_THROWS_AS(s.forget(peer), std::system_error);
  }
  TEST_CASE("a file of a peer is a descriptor, or an error") {
    std::error_code error;
    auto s = sallyport::secure_socket::open(AF_INET, SOCK_STREAM);
    CHECK(sallyport::open_as_peer(-1, {}, "/dev/null", 0, 0, error) == -1);
    CHECK(error == std::errc::permission_denied);
    const int file = sallyport::open_as_peer(s.native_handle(), {}, "/dev/null", 0, 0, error);
    CHECK(file >= 0);
    CHECK_FALSE(error);
    ::close(file);
  }

  TEST_CASE("impersonation ends with its object") {
    const secure_socket s = secure_socket::open(AF_INET, SOCK_STREAM);
    {
      const auto outer = s.impersonate();
      const auto inner = s.impersonate();
      CHECK(stand_in_impersonations() == 2);
    }
    CHECK(stand_in_impersonations() == 0);
    std::error_code error;
    const sallyport::impersonation refused(-1, {}, error);
    CHECK_FALSE(refused);
    CHECK(error == std::errc::permission_denied);
  }
}

}  // namespace
