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
  volatile uint8_t difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference = static_cast<uint8_t>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

}  // namespace sallyport
