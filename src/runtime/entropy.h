// The system's randomness as an Rng. getrandom(2) without flags waits for the pool once after boot and never fails
// after that; should it ever fail, the process ends rather than go on with predictable numbers.
#pragma once
#include <array>

#include "base/rng.h"

namespace sallyport::runtime {

// One thread. Small draws are served from a block that is wiped as it is used.
class SystemRng final : public Rng {
 public:
  SystemRng() = default;
  ~SystemRng() override;
  void fill(MutableBytes out) override;

 private:
  std::array<uint8_t, 256> block_{};
  size_t used_ = 256;
};

}  // namespace sallyport::runtime
