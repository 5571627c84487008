// A peer behind a NAT that gives it another address. RFC 7296 2.23.
#include <doctest/doctest.h>

#include "support/stack_pair.h"

using namespace sallyport;
using namespace sallyport::test;

namespace {

// The east is behind a NAT, the west is not and takes its peer from any address.
struct BehindNat : StackPair {
  BehindNat() {
    east.keys.secrets["site-psk"] = west.keys.secrets["site-psk"] = "a long enough secret";
    auto any = psk_policy(true);
    any->connections[0].remote_addrs.clear();
    east.control.handle_command(now, stack::ReloadCommand{0, psk_policy(false)});
    west.control.handle_command(now, stack::ReloadCommand{0, any});
    east.control.handle_command(now, stack::UpCommand{1, "site", "net"});
    play(seconds(1));
  }
  // What goes to an address that the NAT no longer has is lost.
  void carry() {
    for (bool more = true; more;) {
      east.drain(now);
      west.drain(now);
      more = !east.out.empty() || !west.out.empty();
      for (WirePacket& packet : std::exchange(east.out, {})) {
        packet.from.addr = outside;
        west.receive(now, packet);
      }
      for (WirePacket& packet : std::exchange(west.out, {})) {
        if (packet.to.addr != outside) continue;
        packet.to.addr = east.address;
        east.receive(now, packet);
      }
    }
  }
  void play(Duration length) {
    const TimePoint until = now + length;
    for (;;) {
      carry();
      TimePoint next = until;
      for (const StackNode* node : {&east, &west}) next = std::min(next, node->next_deadline().value_or(until));
      if (next >= until) break;
      now = std::max(next, now + microseconds(1));
      for (StackNode* node : {&east, &west}) {
        node->control.handle_deadline(now);
        node->dataplane.handle_deadline(now);
      }
    }
    now = until;
  }
  bool ping() {
    REQUIRE(east.dataplane.ping(now, 1, *IpAddr::parse("10.2.0.1"), 1, 56));
    play(milliseconds(100));
    return east.dataplane.poll_pong().has_value();
  }
  size_t told(const StackNode& node, stack::Notice::Kind kind) const {
    size_t n = 0;
    for (const auto& notice : node.notices) n += notice.kind == kind ? 1 : 0;
    return n;
  }

  IpAddr outside = *IpAddr::parse("198.51.100.7");
};

}  // namespace

TEST_SUITE("stack/peer_moved") {
  TEST_CASE("[RFC7296 2.23] ESP alone shows that the peer has moved: Child SAs and the request under way go there") {
    BehindNat t;
    REQUIRE(t.ping());
    t.outside = *IpAddr::parse("198.51.100.8");
    t.west.control.handle_command(t.now, stack::RekeyCommand{2, "site", {}});
    t.play(milliseconds(100));  // lost on its way to the old address
    CHECK(t.told(t.west, stack::Notice::Kind::ike_rekeyed) == 0);
    (void)t.ping();  // its echo leaves before anybody has decided to follow
    CHECK(t.ping());
    CHECK(t.told(t.west, stack::Notice::Kind::remote_moved) == 1);
    CHECK(t.west.control.ike_sas().at(0).remote.addr == t.outside);
    t.play(seconds(10));
    CHECK(t.told(t.west, stack::Notice::Kind::ike_rekeyed) == 1);
    CHECK(t.told(t.west, stack::Notice::Kind::ike_down) == 0);
    CHECK(t.west.control.ike_sas().size() == 1);
    CHECK(t.ping());
  }
}
