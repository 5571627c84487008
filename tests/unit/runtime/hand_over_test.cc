// Packets that come to the worker that has not their SA: over the ring to the one that has.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "support/two_workers.h"

namespace {
std::atomic<size_t> allocated{0};
}

[[gnu::noinline]] void* operator new(size_t octets) {
  allocated.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(octets == 0 ? 1 : octets)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

using namespace sallyport;
using namespace sallyport::runtime;
using support::EspPair;
using support::readable;
using support::TwoWorkers;

TEST_SUITE("runtime/hand_over") {
  TEST_CASE("a full ring loses what finds no place, counts it, and harms no other packet") {
    TwoWorkers t(false);
    EspPair pair(t.choice);
    constexpr size_t kMany = HandOverRing::kPlaces + 200;
    const Bytes stranger(64, 0x22);  // SPI 0x22222222: the first worker's, and nobody's SA
    t.workers[0]->start();           // the second one does not get going
    for (size_t sent = 1; sent <= kMany; ++sent) {
      t.peer.send(pair.seal(pair.sample()), t.ports[0]);
      t.peer.send(stranger, t.ports[0]);
      if (sent % 20 == 0 || sent == kMany)
        REQUIRE(t.until([&] { return t.workers[0]->counters().datagrams_in == 2 * sent; }));
    }
    CHECK(t.workers[0]->counters().handed_over == HandOverRing::kPlaces);
    CHECK(t.workers[0]->counters().hand_over_full == kMany - HandOverRing::kPlaces);
    CHECK(t.drops(0)[ipsec::Drop::no_sa] == kMany);
    CHECK(t.drops(0).total() == kMany);
    CHECK(t.received_on_sa() == 0);
    t.workers[1]->start();
    CHECK(t.until([&] { return t.received_on_sa() == HandOverRing::kPlaces; }));
    // There is room again.
    t.peer.send(pair.seal(pair.sample()), t.ports[0]);
    CHECK(t.until([&] { return t.received_on_sa() == HandOverRing::kPlaces + 1; }));
    CHECK(t.drops(1).total() == 0);
    CHECK(t.workers[0]->counters().hand_over_full == kMany - HandOverRing::kPlaces);
  }

  TEST_CASE("packets that cross from worker to worker, out and in, allocate nothing") {
    TwoWorkers t(true);
    EspPair pair(t.choice);
    for (const auto& worker : t.workers) worker->start();
    const Bytes leaving = support::udp_packet(support::inner_right(Family::v4), support::inner_left(Family::v4), 900);
    constexpr size_t kPackets = 2 * HandOverRing::kPlaces;
    std::vector<Bytes> arriving;
    for (size_t i = 0; i < 2 * kPackets; ++i) arriving.push_back(pair.seal(pair.sample(900)));
    Bytes room(2000);
    size_t next = 0;
    const auto exchange = [&] {
      for (size_t i = 0; i < kPackets; ++i) {
        REQUIRE(::write(t.queues[0].host.get(), leaving.data(), leaving.size()) ==
                static_cast<ssize_t>(leaving.size()));
        REQUIRE(readable(t.peer.fd.get()));
        REQUIRE(::read(t.peer.fd.get(), room.data(), room.size()) > static_cast<ssize_t>(leaving.size()));
        t.peer.send(arriving[next++], t.ports[0]);
        REQUIRE(readable(t.queues[1].host.get()));
        REQUIRE(::read(t.queues[1].host.get(), room.data(), room.size()) == 928);
      }
    };
    exchange();  // every place and batch has its memory now
    const size_t before = allocated;
    REQUIRE(before > 0);
    exchange();
    const size_t after = allocated;
    CHECK(after - before < kPackets / 10);  // what is told of once a second is not of any packet
    CHECK(t.workers[0]->counters().handed_over == 4 * kPackets);
    CHECK(t.drops(0).total() + t.drops(1).total() == 0);
  }
}
