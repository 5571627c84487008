// Randomness is handed in: runtime/entropy gives the system's, tests give a seeded one (tests/support/fixed_rng.h).
#pragma once
#include "base/bytes.h"

namespace sallyport {

class Rng {
 public:
  virtual ~Rng() = default;
  virtual void fill(MutableBytes out) = 0;  // cannot fail: a source that can is not an Rng

  uint32_t u32() {
    uint8_t b[4];
    fill(b);
    return load_be32(b);
  }
  uint64_t u64() {
    uint8_t b[8];
    fill(b);
    return load_be64(b);
  }
};

}  // namespace sallyport
