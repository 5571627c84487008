// Packets that are quicker than the keying module.
#include "ipsec/early_packets.h"

#include <doctest/doctest.h>

#include "stack/dataplane.h"
#include "support/esp_pair.h"

using namespace sallyport;
using namespace sallyport::support;
using ipsec::EarlyPackets;
using stack::Dataplane;
using stack::DataplaneCommand;

namespace {

ipsec::Incoming incoming(const EspPair& pair, ByteView packet) {
  ipsec::Incoming out;
  out.packet = packet;
  out.from = pair.from;
  out.to = {address("192.0.2.2"), 4500};
  return out;
}

// The right's data plane without its SA, and packets of the left.
struct EarlyPair {
  EspPair pair{EspChoice{}};
  StepRng rng;
  Dataplane plane{rng};
  EarlyPair() { plane.handle_command(kStart, DataplaneCommand{stack::SetSpd{make_policy({}, false)}}); }
  void arrives(TimePoint now, ByteView packet) {
    const ipsec::Incoming one = incoming(pair, packet);
    plane.handle_esp(now, {&one, 1});
  }
  void install(TimePoint now) { plane.handle_command(now, DataplaneCommand{stack::InstallSa{make_spec({}, false)}}); }
  std::vector<Bytes> inner() {
    std::vector<Bytes> out;
    for (const auto& each : plane.take_outputs()) out.push_back(to_bytes(each.packet.view()));
    plane.done();
    return out;
  }
};

}  // namespace

TEST_SUITE("stack/early_packets") {
  TEST_CASE("[RFC7296 2.8] what comes by an SPI that was offered waits for its SA, in its order, and is opened then") {
    EarlyPair early;
    early.plane.handle_command(kStart, DataplaneCommand{stack::ExpectSa{kRightSpi}});
    const Bytes first = early.pair.sample(40), second = early.pair.sample(50);
    for (const Bytes& inner : {first, second}) early.arrives(kStart, early.pair.seal(inner));
    CHECK(early.inner().empty());
    CHECK(early.plane.drops()[ipsec::Drop::no_sa] == 0);
    CHECK_FALSE(early.plane.poll_event());  // nobody is told of an unknown SPI
    early.install(kStart + milliseconds(1));
    CHECK(early.inner() == std::vector<Bytes>{first, second});
    early.plane.handle_deadline(kStart + EarlyPackets::kHold);
    CHECK(early.plane.drops()[ipsec::Drop::no_sa] == 0);
  }

  TEST_CASE("what was not offered is dropped by name, and so is what waited in vain") {
    EarlyPair early;
    early.arrives(kStart, early.pair.seal(early.pair.sample()));
    CHECK(early.plane.drops()[ipsec::Drop::no_sa] == 1);
    early.plane.handle_command(kStart, DataplaneCommand{stack::ExpectSa{kRightSpi}});
    early.arrives(kStart, early.pair.seal(early.pair.sample()));
    CHECK(early.plane.next_deadline() == kStart + EarlyPackets::kHold);
    early.plane.handle_deadline(kStart + EarlyPackets::kHold);
    CHECK(early.plane.drops()[ipsec::Drop::no_sa] == 2);
    early.install(kStart + seconds(6));
    CHECK(early.inner().empty());
  }

  TEST_CASE("packets and SPIs that wait are bounded") {
    EspPair pair{EspChoice{}};
    EarlyPackets early;
    early.expect(kStart, 300);
    const Bytes packet(1000, 7);
    const ipsec::Incoming how = incoming(pair, packet);
    for (size_t i = 0; i < EarlyPackets::kMostPackets; ++i) CHECK(early.hold(kStart, how, packet, 300));
    CHECK_FALSE(early.hold(kStart, how, packet, 300));
    CHECK_FALSE(early.hold(kStart, how, packet, 301));
    size_t octets = EarlyPackets::kMostPackets * packet.size();
    for (model::Spi spi = 301; spi < 400; ++spi) {
      early.expect(kStart, spi);
      while (early.hold(kStart, how, packet, spi)) octets += packet.size();
    }
    CHECK(octets <= EarlyPackets::kMostOctets);
    CHECK(octets + packet.size() > EarlyPackets::kMostOctets);
    for (model::Spi spi = 400; spi < 400 + EarlyPackets::kMostSpis; ++spi) early.expect(kStart, spi);
    CHECK(early.take(300).empty());
    CHECK(early.hold(kStart, how, packet, 400 + EarlyPackets::kMostSpis - 1));
    CHECK_FALSE(early.hold(kStart + EarlyPackets::kOffered, how, packet, 400 + EarlyPackets::kMostSpis - 1));
    CHECK(early.handle_deadline(kStart + EarlyPackets::kHold) == 1);
    CHECK_FALSE(early.next_deadline());
  }
}
