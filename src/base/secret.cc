// Wiping and constant-time comparison without any library.
#include "base/secret.h"

namespace sallyport {

void wipe(MutableBytes bytes) {
  if (bytes.empty()) return;
  std::memset(bytes.data(), 0, bytes.size());
  // The memory counts as read here, so the store above cannot be dropped.
  asm volatile("" : : "r"(bytes.data()) : "memory");
}

bool constant_time_equal(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  // Volatile: no compiler may stop at the first difference. In words: an ICV is compared with every packet.
  volatile uint64_t difference = 0;
  size_t at = 0;
  for (; at + 8 <= a.size(); at += 8) {
    uint64_t x = 0, y = 0;
    std::memcpy(&x, a.data() + at, sizeof x);
    std::memcpy(&y, b.data() + at, sizeof y);
    difference = difference | (x ^ y);
  }
  for (; at < a.size(); ++at) difference = difference | static_cast<uint64_t>(a[at] ^ b[at]);
  return difference == 0;
}

}  // namespace sallyport
