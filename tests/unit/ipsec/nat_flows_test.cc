// Whose flow it is, of peers behind one NAT.
#include "ipsec/nat_flows.h"

#include <doctest/doctest.h>

#include "support/esp_pair.h"

using namespace sallyport;
using namespace sallyport::ipsec;
using support::address;
using support::kStart;

namespace {

NatClient client(uint16_t port) { return {{address("203.0.113.1"), port}, port, std::nullopt, std::nullopt}; }

NatFlows::Key key(uint16_t remote_port, uint8_t protocol = wire::ip::kUdp) {
  return {address("203.0.113.2"), address("203.0.113.1"), protocol, 80, remote_port};
}

}  // namespace

TEST_SUITE("ipsec/nat_flows") {
  TEST_CASE("a flow is found by what the host sees and by what its peer has, and by nobody else's") {
    NatFlows flows;
    REQUIRE(flows.add(kStart, key(1701), client(1), 1701) != nullptr);
    REQUIRE(flows.add(kStart, key(2000), client(2), 1701) != nullptr);
    CHECK_FALSE(flows.find(key(1701))->rewritten());
    CHECK(flows.find(key(2000))->rewritten());
    CHECK(flows.rewritten() == 1);
    NatFlows::Key own = key(1701);
    CHECK(flows.find_own(client(1).seen_at, own) == flows.find(key(1701)));
    CHECK(own == key(1701));
    CHECK(flows.find_own(client(2).seen_at, own) == flows.find(key(2000)));
    CHECK(own == key(2000));
    // What the host sees is not what the second peer has.
    CHECK(flows.find_own(client(2).seen_at, own) == nullptr);
    own = key(1701);
    CHECK(flows.find_own(client(3).seen_at, own) == nullptr);
    const uint64_t before = flows.generation();
    flows.remove(key(2000));
    CHECK(flows.generation() != before);
    CHECK(flows.rewritten() == 0);
    own = key(1701);
    CHECK(flows.find_own(client(2).seen_at, own) == nullptr);
    CHECK(flows.size() == 1);
  }

  TEST_CASE(
      "flows are remembered as long as any flow is: a minute, connections for hours, and closed ones for a minute") {
    NatFlows flows;
    flows.add(kStart, key(1), client(1), 1);
    flows.add(kStart, key(2, wire::ip::kTcp), client(1), 2);
    NatFlows::Flow* const closed = flows.add(kStart, key(3, wire::ip::kTcp), client(1), 3);
    wire::ip::PacketView reset;
    reset.tcp_flags = wire::ip::kTcpRst;
    closed->life.note_tcp(reset, true);
    REQUIRE(flows.next_deadline());
    flows.handle_deadline(kStart + FlowLife::kIdle);
    CHECK(flows.size() == 3);
    flows.handle_deadline(kStart + FlowLife::kIdle + NatFlows::kSweepEvery);
    CHECK(flows.size() == 1);
    CHECK(flows.find(key(2, wire::ip::kTcp)) != nullptr);
    flows.handle_deadline(kStart + FlowLife::kIdleTcp + NatFlows::kSweepEvery);
    CHECK(flows.empty());
    CHECK_FALSE(flows.next_deadline());
  }

  TEST_CASE("one peer cannot fill the memory, and all together no more than its limit") {
    NatFlows flows;
    for (size_t i = 0; i < NatFlows::kMostPerClient; ++i)
      REQUIRE(flows.add(kStart, key(static_cast<uint16_t>(i)), client(1), static_cast<uint16_t>(i)) != nullptr);
    CHECK(flows.add(kStart, key(60000), client(1), 60000) == nullptr);
    CHECK(flows.add(kStart, key(60000), client(2), 60000) != nullptr);
    flows.remove(key(0));
    CHECK(flows.add(kStart, key(60001), client(1), 60001) != nullptr);
    uint16_t peer = 3;
    while (flows.size() < NatFlows::kMostFlows) {
      NatFlows::Key next = key(static_cast<uint16_t>(flows.size()));
      next.local_port = peer;
      if (flows.add(kStart, next, client(peer), next.remote_port) == nullptr) ++peer;
    }
    CHECK(flows.add(kStart, key(1, wire::ip::kTcp), client(99), 1) == nullptr);
    flows.handle_deadline(kStart + FlowLife::kIdle + NatFlows::kSweepEvery);
    CHECK(flows.empty());
    CHECK(flows.add(kStart, key(1), client(1), 1) != nullptr);
  }
}
