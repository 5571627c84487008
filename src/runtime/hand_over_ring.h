// A bounded queue from one packet worker to another, for packets whose SA the other one has or whose flow it judges:
// one thread puts, one takes, and neither waits. Buffers are swapped in and out, so that in a steady stream nothing is
// allocated.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>

#include "ipsec/incoming.h"
#include "stack/handed.h"

namespace sallyport::runtime {

class HandOverRing {
 public:
  static constexpr size_t kPlaces = 512;
  struct Item {
    bool esp = false;       // or AH, as it came: `about` says what it is, but for its octets
    ipsec::Incoming about;  // with `esp`
    stack::Handed handed;   // with `esp` only its packet counts
  };

  // The next free place, or nullptr where there is none. put() gives it to the other side.
  Item* free_place() {
    const size_t head = head_.load(std::memory_order_relaxed);
    return head - tail_.load(std::memory_order_acquire) == kPlaces ? nullptr : &items_[head % kPlaces];
  }
  void put() { head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_seq_cst); }

  // How many wait. at(i) is good until taken() counts it.
  size_t waiting() const { return head_.load(std::memory_order_seq_cst) - tail_.load(std::memory_order_relaxed); }
  Item& at(size_t i) { return items_[(tail_.load(std::memory_order_relaxed) + i) % kPlaces]; }
  void taken(size_t count) { tail_.store(tail_.load(std::memory_order_relaxed) + count, std::memory_order_release); }

 private:
  std::array<Item, kPlaces> items_;
  alignas(64) std::atomic<size_t> head_{0};
  alignas(64) std::atomic<size_t> tail_{0};
};

}  // namespace sallyport::runtime
