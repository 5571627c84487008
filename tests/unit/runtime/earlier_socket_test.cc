// A socket of before, from one process to another.
#include "runtime/earlier_socket.h"

#include <doctest/doctest.h>

using namespace sallyport;
using runtime::EarlierSocket;

namespace {

EarlierSocket sample(const char* local, const char* remote) {
  EarlierSocket out;
  out.protocol = 17;
  out.socket.cookie = 0x0102030405060708;
  out.socket.state = 7;
  out.socket.local = {*IpAddr::parse(local), 27015};
  out.socket.remote = {*IpAddr::parse(remote), 500};
  out.socket.v6_only = true;
  out.socket.mark = 0x35352;
  out.socket.uid = 1000;
  return out;
}

void check_same(const EarlierSocket& one, const EarlierSocket& other) {
  CHECK(one.protocol == other.protocol);
  CHECK(one.socket.cookie == other.socket.cookie);
  CHECK(one.socket.state == other.socket.state);
  CHECK(one.socket.local == other.socket.local);
  CHECK(one.socket.remote == other.socket.remote);
  CHECK(one.socket.v6_only == other.socket.v6_only);
  CHECK(one.socket.mark == other.socket.mark);
  CHECK(one.socket.uid == other.socket.uid);
}

}  // namespace

TEST_SUITE("runtime/earlier_socket") {
  TEST_CASE("what is written is read, of both families, with an owner and without") {
    for (EarlierSocket one : {sample("192.0.2.1", "0.0.0.0"), sample("2001:db8::1", "2001:db8::2")}) {
      for (const bool owned : {true, false}) {
        if (!owned) one.socket.uid.reset();
        const Bytes octets = one.write();
        REQUIRE(octets.size() == EarlierSocket::kOctets);
        const auto read = EarlierSocket::parse(octets);
        REQUIRE(read);
        check_same(one, *read);
      }
    }
  }

  TEST_CASE("what is cut, too long, or of no address family is refused") {
    const Bytes octets = sample("192.0.2.1", "192.0.2.2").write();
    for (size_t length = 0; length < octets.size(); ++length)
      CHECK_FALSE(EarlierSocket::parse(ByteView(octets).first(length)));
    Bytes longer = octets;
    longer.push_back(0);
    CHECK_FALSE(EarlierSocket::parse(longer));
    for (const size_t at : {20u, 39u}) {
      Bytes odd = octets;
      odd[at] = 5;
      CHECK_FALSE(EarlierSocket::parse(odd));
    }
  }
}
