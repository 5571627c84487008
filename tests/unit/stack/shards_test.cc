#include "stack/shards.h"

#include <doctest/doctest.h>

#include <array>
#include <memory>

#include "stack/dataplane.h"
#include "support/esp_pair.h"

using namespace sallyport;
using namespace sallyport::stack;
using namespace sallyport::support;

namespace {

// The sending end of an SA with its data plane in two shards.
struct TwoShards {
  explicit TwoShards(uint16_t count = 2) {
    for (uint16_t i = 0; i < count; ++i) {
      shards.push_back(std::make_unique<Dataplane>(rng));
      shards.back()->set_place(i, count);
    }
    tell(SetSpd{make_policy({}, true)});
  }
  void tell(DataplaneCommand command) {
    for_each_shard(std::move(command), shards.size(),
                   [&](size_t shard, DataplaneCommand one) { shards[shard]->handle_command(kStart, std::move(one)); });
  }
  // kLeftSpi is even: odd offsets go to shard 1.
  void install(model::ChildId child, model::Spi offset, std::optional<uint32_t> resource = std::nullopt,
               bool ready = true, bool per_resource = false) {
    model::SaSpec spec = make_spec({}, true, child, offset);
    spec.per_resource = per_resource;
    spec.resource = resource;
    spec.outbound_ready = ready;
    tell(InstallSa{std::move(spec)});
  }
  // Offers one packet to a shard: the SPI that it left with, or the shard it was handed to as a negative number - 1.
  int64_t send(size_t shard) {
    PacketBuf packet = PacketBuf::copy_of(udp_packet(inner_left(Family::v4), inner_right(Family::v4), 64));
    Dataplane& from = *shards[shard];
    from.handle_inner_packets(now, {&packet, 1});
    int64_t out = 0;
    if (!from.take_outputs().empty()) {
      const auto& first = from.take_outputs()[0];
      out = load_be32(first.packet.view().data() + first.outer_octets);
    } else if (!from.take_handed().empty()) {
      out = -1 - int64_t{from.take_handed()[0].shard};
    }
    from.done();
    return out;
  }
  // How often a shard said that it wants a copy of that SA, and for whom it said so.
  size_t wanted(size_t shard, model::ChildId child) {
    size_t out = 0;
    while (const auto event = shards[shard]->poll_event()) {
      const auto* copy = std::get_if<CopyWanted>(&*event);
      if (copy == nullptr) continue;
      CHECK(copy->child_id == child);
      CHECK(copy->shard == shard);
      ++out;
    }
    return out;
  }
  StepRng rng;
  TimePoint now = kStart;
  std::vector<std::unique_ptr<Dataplane>> shards;
};

}  // namespace

TEST_SUITE("stack/shards") {
  TEST_CASE("[WFP 15.4] an SA that gets its outbound half later is handed packets for by every shard from then on") {
    TwoShards t;
    model::SaSpec half = make_spec({}, true, 7, 1);  // of shard 1
    const model::SaSpec whole = make_spec({}, true, 7, 1);
    half.outbound_ready = false;
    half.out.encr = SecretBytes(half.out.encr.size());
    t.tell(InstallSa{std::move(half)});
    CHECK(t.send(0) == 0);
    CHECK(t.send(1) == 0);
    CompleteSa complete;
    complete.sa = {7, 0, whole.reqid, std::nullopt, whole.ts_local, whole.ts_remote, true, 5000, whole.protocol, false};
    complete.spi_in = whole.spi_in;
    complete.out.encr = whole.out.encr.clone();
    t.tell(std::move(complete));
    CHECK(t.send(0) == -2);
    CHECK(t.send(1) == 5000);
  }

  TEST_CASE("an SA lives where its inbound SPI says, and the others hand packets over") {
    TwoShards t;
    t.install(1, 1);
    CHECK(t.shards[0]->sas(kStart).empty());
    CHECK(t.shards[1]->sas(kStart).size() == 1);
    CHECK(t.send(1) == kRightSpi + 1);
    CHECK(t.send(0) == -2);
    t.tell(RemoveSa{1, {}});
    CHECK(t.send(0) == 0);
    CHECK(t.send(1) == 0);
  }
  TEST_CASE("[RFC7296 2.8] the successor in the other shard takes over when it is switched to, in both at once") {
    TwoShards t;
    t.install(1, 0);
    t.install(2, 1, std::nullopt, false);
    CHECK(t.send(0) == kRightSpi);
    CHECK(t.send(1) == -1);
    t.tell(SwitchSaOutbound{2});
    CHECK(t.send(0) == -2);
    CHECK(t.send(1) == kRightSpi + 1);
    t.tell(RemoveSa{2, {}});
    CHECK(t.send(0) == kRightSpi);
    CHECK(t.send(1) == -1);
  }
  TEST_CASE("[RFC9611 4] a shard sends on a copy of its own, and without one on the SA for every resource") {
    TwoShards t;
    t.install(1, 0);
    t.install(2, 1, 0);
    t.install(3, 2, std::nullopt);
    CHECK(t.send(1) == kRightSpi + 1);
    CHECK(t.send(0) == kRightSpi + 2);
    t.tell(RemoveSa{2, {}});
    CHECK(t.send(1) == -1);
  }
  TEST_CASE("[RFC9611 3] a shard whose packets another one's SA carries wants a copy, and says so once in a while") {
    TwoShards t;
    t.install(1, 0, std::nullopt, true, true);
    for (int i = 0; i < 3; ++i) CHECK(t.send(1) == -1);
    CHECK(t.wanted(1, 1) == 1);
    t.now += seconds(31);
    CHECK(t.send(1) == -1);
    CHECK(t.wanted(1, 1) == 1);
    CHECK(t.send(0) == kRightSpi);
    CHECK(t.wanted(0, 1) == 0);
    t.install(2, 1, 1, true, true);
    t.now += seconds(31);
    CHECK(t.send(1) == kRightSpi + 1);
    CHECK(t.wanted(1, 2) == 0);
  }
  TEST_CASE("[RFC9611 3] no copy is wanted of an SA that the peer makes none of") {
    TwoShards t;
    t.install(1, 0);
    CHECK(t.send(1) == -1);
    CHECK(t.wanted(1, 1) == 0);
  }
  TEST_CASE("a packet that waits in one shard goes when the other one gets the SA") {
    TwoShards t;
    CHECK(t.send(0) == 0);
    t.install(1, 1);
    REQUIRE(t.shards[0]->take_handed().size() == 1);
    CHECK(t.shards[0]->take_handed()[0].shard == 1);
    CHECK(t.shards[0]->take_handed()[0].packet.size() == 92);
  }
  TEST_CASE("one shard alone holds everything and hands nothing over") {
    TwoShards t(1);
    t.install(1, 0);
    t.install(2, 1, 5);
    CHECK(t.send(0) == kRightSpi + 1);
    CHECK(t.shards[0]->sas(kStart).size() == 2);
  }
}
