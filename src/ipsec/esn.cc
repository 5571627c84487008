#include "ipsec/esn.h"

namespace sallyport::ipsec {

EsnCase esn_case(uint64_t highest, uint32_t window) {
  return static_cast<uint32_t>(highest) >= window - 1 ? EsnCase::A : EsnCase::B;
}

std::optional<uint32_t> esn_high(uint64_t highest, uint32_t window, uint32_t low) {
  const auto top_low = static_cast<uint32_t>(highest);
  const auto top_high = static_cast<uint32_t>(highest >> 32);
  const uint32_t bottom_low = top_low - (window - 1);  // modulo 2^32: in case B it lies in the subspace before
  switch (esn_case(highest, window)) {
    case EsnCase::A:
      // RFC 4303 A2.2: not below the bottom of the window, so the same subspace; below it, the next one.
      if (low >= bottom_low) return top_high;
      if (top_high == UINT32_MAX) return std::nullopt;
      return top_high + 1;
    case EsnCase::B:
      // RFC 4303 A2.2: at or above the bottom, which lies in the subspace before; else in the present one.
      if (low < bottom_low) return top_high;
      if (top_high == 0) return std::nullopt;
      return top_high - 1;
  }
  return std::nullopt;
}

}  // namespace sallyport::ipsec
