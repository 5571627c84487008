// A random source from a seed (splitmix64): the same seed gives the same octets. For tests only.
#pragma once
#include "base/rng.h"

namespace sallyport::test {

class SeededRng : public Rng {
 public:
  explicit SeededRng(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  uint64_t below(uint64_t limit) { return next() % limit; }  // Requires: limit > 0
  bool chance(unsigned per_mille) { return below(1000) < per_mille; }
  void fill(MutableBytes out) override {
    for (uint8_t& octet : out) octet = static_cast<uint8_t>(next());
  }

 private:
  uint64_t state_;
};

// Makes OpenSSL of this process draw from a seed, so that key pairs repeat too. Not for more than one thread.
void seed_openssl(uint64_t seed);

}  // namespace sallyport::test
