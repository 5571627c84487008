// Why the negotiations of secured sockets failed, for as long as it is worth knowing.
#include "stack/socket_failures.h"

#include <doctest/doctest.h>

using namespace sallyport;
using namespace sallyport::stack;

TEST_SUITE("stack/socket_failures") {
  TEST_CASE("[secure sockets 6.1] the last failure of a group with a peer is told until there is an SA") {
    const IpAddr one = *IpAddr::parse("192.0.2.1"), other = *IpAddr::parse("2001:db8::1");
    SocketFailures failures;
    CHECK(failures.of(7, one) == 0);
    failures.note(7, one, 13801);
    failures.note(7, one, 13868);
    failures.note(7, other, 13805);
    failures.note(8, one, 13825);
    failures.note(0, one, 13801);
    CHECK(failures.of(7, one) == 13868);
    CHECK(failures.of(7, other) == 13805);
    CHECK(failures.of(8, one) == 13825);
    CHECK(failures.of(0, one) == 0);
    failures.forget(7, one);
    CHECK(failures.of(7, one) == 0);
    CHECK(failures.of(7, other) == 13805);
    CHECK(failures.size() == 2);
  }

  TEST_CASE("the oldest failure is forgotten for a new one") {
    const IpAddr peer = *IpAddr::parse("192.0.2.1");
    SocketFailures failures;
    for (uint64_t group = 1; group <= SocketFailures::kMost + 2; ++group) failures.note(group, peer, 13801);
    CHECK(failures.size() == SocketFailures::kMost);
    CHECK(failures.of(1, peer) == 0);
    CHECK(failures.of(2, peer) == 0);
    CHECK(failures.of(3, peer) == 13801);
  }
}
