// OpenSSL's randomness from a seed, by its replaceable random method.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/rand.h>

#include "support/seeded_rng.h"

namespace sallyport::test {

static SeededRng& source() {
  static SeededRng rng(1);
  return rng;
}

static int fill(unsigned char* out, int n) {
  source().fill({out, static_cast<size_t>(n)});
  return 1;
}
static int status() { return 1; }

void seed_openssl(uint64_t seed) {
  static const RAND_METHOD method = {nullptr, fill, nullptr, nullptr, fill, status};
  source() = SeededRng(seed);
  RAND_set_rand_method(&method);
}

}  // namespace sallyport::test
