// Finding the high half of the sequence number again after more than 2^32 packets were lost. RFC 4303 Appendix A3.
// Tried only when many packets in a row did not authenticate, once a second, a few subspaces ahead. One thread.
#pragma once
#include "ipsec/sa_record.h"

namespace sallyport::ipsec {

constexpr uint16_t kResyncAfter = 64;     // failures in a row
constexpr uint64_t kResyncSubspaces = 8;  // tried ahead of the one that the window names

// After a packet with number `sequence` did not authenticate: open(number) is called with numbers further on. True: one
// authenticated, and `sequence` is that.
template <class Open>
bool resync_esn(SaInbound& sa, TimePoint now, uint64_t& sequence, Open open) {
  if (!sa.esn) return false;
  if (sa.failures < kResyncAfter) {
    ++sa.failures;
    return false;
  }
  if (sa.record->resync_tried && now - *sa.record->resync_tried < seconds(1)) return false;
  sa.record->resync_tried = now;
  for (uint64_t i = 1; i <= kResyncSubspaces; ++i) {
    const uint64_t further = sequence + (i << 32);
    if (further < sequence) return false;
    if (!open(further)) continue;
    sequence = further;
    return true;
  }
  return false;
}

}  // namespace sallyport::ipsec
