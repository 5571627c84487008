// Drop: every reason the data plane lets a packet fall (proto/drops.def), a counter for each, and Verdict, what a check
// says about one packet. Values; one thread per set of counters.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sallyport::ipsec {

enum class Drop : uint8_t {
#define SP_DROP(name, text) name,
#include "proto/drops.def"
#undef SP_DROP
  kCount_
};
constexpr size_t kDropCount = static_cast<size_t>(Drop::kCount_);

std::string_view to_string(Drop drop);  // the row's name
std::string_view describe(Drop drop);   // the row's text

class [[nodiscard]] Verdict {
 public:
  static constexpr Verdict pass() { return Verdict(); }
  constexpr Verdict(Drop drop) : drop_(drop) {}
  constexpr bool passed() const { return drop_ == Drop::kCount_; }
  constexpr Drop drop() const { return drop_; }  // Requires: !passed()
  constexpr bool operator==(const Verdict&) const = default;

 private:
  constexpr Verdict() = default;
  Drop drop_ = Drop::kCount_;
};

class DropCounters {
 public:
  void count(Drop drop) { ++counts_[static_cast<size_t>(drop)]; }
  uint64_t operator[](Drop drop) const { return counts_[static_cast<size_t>(drop)]; }
  uint64_t total() const;
  DropCounters& operator+=(const DropCounters& other) {
    for (size_t i = 0; i < kDropCount; ++i) counts_[i] += other.counts_[i];
    return *this;
  }

 private:
  std::array<uint64_t, kDropCount> counts_{};
};

}  // namespace sallyport::ipsec
