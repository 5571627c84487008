// Anti-replay window of one inbound SA. RFC 4303 3.4.3 and Appendix A2 (ESN); a ring of bits after RFC 6479.
// Pure. One thread. check() never changes the window: call it before verifying the ICV and advance() after, because a
// packet that does not authenticate must not move the window (RFC 4303 3.4.3).
#pragma once
#include <cstdint>
#include <memory>

#include "ipsec/drops.h"

namespace sallyport::ipsec {

class ReplayWindow {
 public:
  static constexpr uint32_t kSmallest = 64;
  static constexpr uint32_t kLargest = 4096;
  static uint32_t usable_size(uint32_t wanted);  // next power of two within the limits; 0 stays 0

  // 0: no replay protection (RFC 4303 3.4.3: the receiver's choice), for SAs whose keys no protocol makes and renews.
  // Requires: size is 0 without ESN, or a power of two, kSmallest..kLargest
  ReplayWindow(uint32_t size, bool esn);

  // `sequence` becomes the whole number to authenticate with (high half 0 without ESN).
  Verdict check(uint32_t low, uint64_t& sequence) const;
  // After the ICV has verified. Drop::replay or behind_window if another copy got in first.
  Verdict advance(uint64_t sequence);

  uint64_t highest() const { return highest_; }
  uint32_t size() const { return size_; }
  // Packets of the past that never came: behind the window and never accepted (RFC 4303 has no name for it).
  uint64_t lost() const;

 private:
  bool seen(uint64_t sequence) const;
  Verdict look(uint64_t sequence) const;

  std::unique_ptr<uint64_t[]> ring_;  // words_ words; bit s of the sequence space is bit s % 64 of word s / 64 % words_
  uint64_t highest_ = 0;
  uint64_t accepted_ = 0;
  uint16_t size_;
  uint16_t words_;
  bool esn_;
};

}  // namespace sallyport::ipsec
