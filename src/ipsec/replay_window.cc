#include "ipsec/replay_window.h"

#include <algorithm>
#include <bit>

#include "ipsec/esn.h"

namespace sallyport::ipsec {

uint32_t ReplayWindow::usable_size(uint32_t wanted) {
  return wanted == 0 ? 0 : std::bit_ceil(std::clamp(wanted, kSmallest, kLargest));
}

// Twice the window, so that the word which the newest number enters is never one the window still needs.
ReplayWindow::ReplayWindow(uint32_t size, bool esn)
    : ring_(new uint64_t[size / 64 * 2]()),
      size_(static_cast<uint16_t>(size)),
      words_(static_cast<uint16_t>(size / 64 * 2)),
      esn_(esn) {}

bool ReplayWindow::seen(uint64_t sequence) const {
  return (ring_[(sequence / 64) & (words_ - 1u)] >> (sequence % 64)) & 1;
}

Verdict ReplayWindow::look(uint64_t sequence) const {
  // RFC 4303 3.3.3: the first packet of an SA has the number 1, so 0 never comes.
  if (size_ == 0) return Verdict::pass();
  if (sequence == 0) return Drop::behind_window;
  if (sequence > highest_) return Verdict::pass();
  if (highest_ - sequence >= size_) return Drop::behind_window;
  return seen(sequence) ? Verdict(Drop::replay) : Verdict::pass();
}

Verdict ReplayWindow::check(uint32_t low, uint64_t& sequence) const {
  sequence = low;
  if (esn_) {
    const auto high = esn_high(highest_, size_, low);
    if (!high) return Drop::behind_window;
    sequence = join_sequence(*high, low);
  }
  return look(sequence);
}

Verdict ReplayWindow::advance(uint64_t sequence) {
  if (const Verdict verdict = look(sequence); !verdict.passed()) return verdict;
  if (size_ == 0) {
    highest_ = std::max(highest_, sequence);
    return Verdict::pass();
  }
  if (sequence > highest_) {
    const uint64_t steps = std::min<uint64_t>(sequence / 64 - highest_ / 64, words_);
    for (uint64_t i = 1; i <= steps; ++i) ring_[(highest_ / 64 + i) & (words_ - 1u)] = 0;
    highest_ = sequence;
  }
  ring_[(sequence / 64) & (words_ - 1u)] |= uint64_t{1} << (sequence % 64);
  ++accepted_;
  return Verdict::pass();
}

uint64_t ReplayWindow::lost() const {
  if (size_ == 0) return 0;
  const uint64_t in_window = std::min<uint64_t>(highest_, size_);
  uint64_t may_still_come = 0;
  for (uint64_t i = 0; i < in_window; ++i) may_still_come += seen(highest_ - i) ? 0 : 1;
  return highest_ - accepted_ - may_still_come;
}

}  // namespace sallyport::ipsec
