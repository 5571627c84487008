// Turns: the order in which the worker and the keying thread have the shard.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "runtime/packet_worker.h"

using namespace sallyport;

TEST_SUITE("runtime/packet_worker") {
  TEST_CASE("a worker that asks for its next turn at once cannot keep a caller out") {
    runtime::Turns turns;
    std::atomic<bool> over{false};
    std::atomic<uint64_t> taken{0}, work{0};
    std::thread busy([&] {
      while (!over) {
        turns.lock();
        ++taken;
        for (int spin = 0; spin < 2000; ++spin) work.fetch_add(1, std::memory_order_relaxed);
        turns.unlock();
      }
    });
    while (taken == 0) std::this_thread::yield();
    std::vector<uint64_t> waited;  // turns of the other between asking and having
    for (int i = 0; i < 501; ++i) {
      const uint64_t before = taken;
      while (taken < before + 2) std::this_thread::yield();  // it has got going again
      const uint64_t asked = taken;
      turns.lock();
      waited.push_back(taken - asked);
      turns.unlock();
    }
    over = true;
    busy.join();
    std::nth_element(waited.begin(), waited.begin() + 250, waited.end());
    CHECK(waited[250] <= 2);
  }
}
