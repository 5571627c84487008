#include "stack/inner_host.h"

#include <doctest/doctest.h>

#include "wire/ip/build.h"

using namespace sallyport;
using stack::InnerHost;

static IpAddr addr(const char* text) { return *IpAddr::parse(text); }
static const TimePoint kStart{seconds(100)};

TEST_SUITE("stack/inner_host") {
  TEST_CASE("[RFC792] [RFC4443] two hosts ping each other, IPv4 and IPv6") {
    InnerHost a({addr("10.1.0.1"), addr("fd00:1::1")});
    InnerHost b({addr("10.2.0.1"), addr("fd00:2::1")});
    for (const char* target : {"10.2.0.1", "fd00:2::1"}) {
      REQUIRE(a.ping(kStart, 5, addr(target), 3, 100));
      b.handle_packet(kStart, *a.poll_packet());
      const auto answer = b.poll_packet();
      REQUIRE(answer);
      a.handle_packet(kStart + milliseconds(7), *answer);
      const auto pong = a.poll_pong();
      REQUIRE(pong);
      CHECK(pong->token == 5);
      CHECK(pong->sequence == 3);
      CHECK(pong->octets == 100);
      CHECK(pong->round_trip == milliseconds(7));
      a.handle_packet(kStart, *answer);
      CHECK_FALSE(a.poll_pong());
    }
  }
  TEST_CASE("[RFC862] UDP echo answers, but never another echo port") {
    InnerHost host({addr("10.1.0.1")});
    host.handle_packet(kStart, wire::ip::udp_packet({addr("10.2.0.1"), 999}, {addr("10.1.0.1"), 7}, Bytes{1, 2}));
    CHECK(host.poll_packet() == wire::ip::udp_packet({addr("10.1.0.1"), 7}, {addr("10.2.0.1"), 999}, Bytes{1, 2}));
    host.handle_packet(kStart, wire::ip::udp_packet({addr("10.2.0.1"), 7}, {addr("10.1.0.1"), 7}, Bytes{1, 2}));
    host.handle_packet(kStart, wire::ip::udp_packet({addr("10.2.0.1"), 999}, {addr("10.1.0.2"), 7}, Bytes{1, 2}));
    CHECK_FALSE(host.poll_packet());
  }
  TEST_CASE("a ping that cannot be sent says why") {
    InnerHost host({addr("10.1.0.1")});
    CHECK(host.ping(kStart, 1, addr("::1"), 1, 10).error().code == Errc::not_found);
    CHECK(host.ping(kStart, 1, addr("10.0.0.1"), 1, 70000).error().code == Errc::bad_value);
    for (int i = 0; i < 1024; ++i) CHECK(host.ping(kStart, 1, addr("10.0.0.1"), 1, 10));
    CHECK(host.ping(kStart, 1, addr("10.0.0.1"), 1, 10).error().code == Errc::too_many);
    host.expire(kStart + minutes(2));
    CHECK(host.ping(kStart, 1, addr("10.0.0.1"), 1, 10));
  }
}
