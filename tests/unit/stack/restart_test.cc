// A peer that restarts and never initiates: ESP that nobody knows leads to a hint, the hint to a liveness check, and
// that to a new tunnel, long before anything would have timed out by itself. RFC 7296 1.5, 2.4, 2.21.4.
#include <doctest/doctest.h>

#include "support/stack_pair.h"

using namespace sallyport;
using namespace sallyport::test;

TEST_SUITE("stack/restart") {
  TEST_CASE(
      "[RFC7296 2.21.4] a restarted responder is noticed by the packets it cannot open, and the tunnel comes back") {
    StackPair pair;
    auto east = psk_policy(false, "aes128gcm16-prfsha256-x25519", "aes128gcm16", model::ChildPolicy::Start::up);
    east->connections[0].keep_up = true;
    east->connections[0].dpd_delay = minutes(10);
    pair.east.keys.secrets["site-psk"] = pair.west.keys.secrets["site-psk"] = "a long enough secret";
    pair.east.control.handle_command(pair.now, stack::ReloadCommand{0, east});
    pair.west.control.handle_command(pair.now, stack::ReloadCommand{0, psk_policy(true)});
    pair.run(seconds(2));
    REQUIRE(pair.west.dataplane.sas(pair.now).size() == 1);

    pair.west.restart("10.2.0.1");
    pair.west.control.handle_command(pair.now, stack::ReloadCommand{0, psk_policy(true)});
    pair.settle();
    const TimePoint restarted = pair.now;
    size_t answered = 0;
    for (uint16_t i = 0; i < 400 && answered == 0; ++i) {
      REQUIRE(pair.east.dataplane.ping(pair.now, 1, *IpAddr::parse("10.2.0.1"), i, 56));
      pair.run(milliseconds(100));
      while (pair.east.dataplane.poll_pong()) ++answered;
    }
    CHECK(answered > 0);
    CHECK(pair.now - restarted < seconds(25));
    // One in ten seconds at most, however many packets went astray.
    CHECK(pair.east.control.ike_counters().hints_followed >= 1);
    CHECK(pair.east.control.ike_counters().hints_followed <= 3);
  }

  TEST_CASE("[RFC7296 2.21.4] ESP with unknown SPIs is told of once a second, not once a packet") {
    StackPair pair;
    pair.west.control.handle_command(pair.now, stack::ReloadCommand{0, psk_policy(true)});
    pair.settle();
    pair.wire_log.clear();
    for (int i = 0; i < 500; ++i) {
      Bytes esp(80, 0x77);
      pair.west.receive(pair.now, WirePacket{{pair.east.address, 0}, {pair.west.address, 0}, false, std::move(esp)});
      pair.now += milliseconds(10);
    }
    CHECK(pair.west.out.size() <= 6);
    CHECK(pair.west.out.size() >= 5);
    for (const WirePacket& said : pair.west.out) CHECK(said.payload.size() <= 80);
  }
}
