#include "stack/nat_numbers.h"

#include <doctest/doctest.h>

using namespace sallyport;
using stack::number_of_nat_client;

TEST_SUITE("stack/nat_numbers") {
  TEST_CASE(
      "[RFC3948 5.2] peers behind one NAT go by their ports, and one that was given another's port by the next one") {
    const IpEndpoint first{*IpAddr::parse("203.0.113.1"), 4500}, second{first.addr, 65535};
    const IpEndpoint elsewhere{*IpAddr::parse("203.0.113.9"), 4500};
    const auto nobody = [](model::IkeId) { return false; };
    std::map<model::IkeId, IpEndpoint> clients;
    CHECK(number_of_nat_client(first, clients, nobody) == first);
    clients[1] = first;
    clients[2] = second;
    CHECK(number_of_nat_client(elsewhere, clients, nobody) == elsewhere);
    CHECK(number_of_nat_client(first, clients, nobody) == IpEndpoint{first.addr, 4501});
    CHECK(number_of_nat_client(second, clients, nobody) == IpEndpoint{first.addr, 0});
    clients[3] = {first.addr, 4501};
    CHECK(number_of_nat_client(first, clients, nobody) == IpEndpoint{first.addr, 4502});
    // The same peer again, by another IKE SA.
    CHECK(number_of_nat_client(first, clients, [](model::IkeId id) { return id == 1; }) == first);
    // Another one's IKE SA is nobody's business.
    CHECK(number_of_nat_client(first, clients, [](model::IkeId id) { return id == 2; }).port == 4502);
  }
}
