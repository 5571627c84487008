// Looks through everything that this process may write to for known octets. What is looked for is kept masked, so that
// the search does not find itself. Linux; for tests only.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "base/bytes.h"

namespace sallyport::test {

class Masked {
 public:
  explicit Masked(ByteView secret) : octets_(secret.begin(), secret.end()) {
    for (uint8_t& octet : octets_) octet = static_cast<uint8_t>(octet ^ kMask);
  }
  bool stands_at(const uint8_t* where) const {
    for (size_t i = 0; i < octets_.size(); ++i) {
      if ((where[i] ^ kMask) != octets_[i]) return false;
    }
    return true;
  }
  // The first octet is looked for by the library, because a sanitizer looks at each step of a loop.
  size_t times_in(ByteView octets) const {
    size_t times = 0;
    while (octets.size() >= size()) {
      const void* next = std::memchr(octets.data(), octets_[0] ^ kMask, octets.size() - size() + 1);
      if (next == nullptr) break;
      octets = octets.subspan(static_cast<size_t>(static_cast<const uint8_t*>(next) - octets.data()));
      times += stands_at(octets.data()) ? 1 : 0;
      octets = octets.subspan(1);
    }
    return times;
  }
  size_t size() const { return octets_.size(); }

 private:
  static constexpr uint8_t kMask = 0xA5;
  Bytes octets_;
};

// Frames that nobody uses any more: OpenSSL's ChaCha20 leaves there what it had in registers, until the next calls
// write over it as this does.
[[gnu::noinline]] inline void overwrite_dead_frames() {
  volatile uint8_t frames[1 << 17];
  for (size_t i = 0; i < sizeof frames; ++i) frames[i] = 0;
}

// How many times it stands in memory. 0 also where the system does not show it: let the test find something first. What
// is bigger than this is a sanitizer's own: shadow of terabytes, which holds no octets of ours.
constexpr unsigned long long kMostSearched = 1ull << 32;
inline size_t copies_in_memory(const Masked& wanted) {
  static uint8_t buffer[1 << 16];
  std::ifstream maps("/proc/self/maps");
  const int memory = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  size_t found = 0;
  std::string line;
  while (memory >= 0 && std::getline(maps, line)) {
    unsigned long long from = 0, to = 0;
    char rights[5] = {};
    const bool read = std::sscanf(line.c_str(), "%llx-%llx %4s", &from, &to, rights) == 3;
    if (!read || rights[0] != 'r' || rights[1] != 'w' || to - from > kMostSearched) continue;
    // Overlapping by one octet less than is looked for.
    for (unsigned long long at = from; at < to; at += sizeof buffer - wanted.size() + 1) {
      const auto length = static_cast<size_t>(std::min<unsigned long long>(sizeof buffer, to - at));
      const auto own = static_cast<unsigned long long>(reinterpret_cast<uintptr_t>(buffer));
      if (at < own + sizeof buffer && at + length > own) continue;  // what the last step read
      if (::pread(memory, buffer, length, static_cast<off_t>(at)) != static_cast<ssize_t>(length)) continue;
      found += wanted.times_in(ByteView(buffer, length));
    }
  }
  if (memory >= 0) ::close(memory);
  return found;
}

}  // namespace sallyport::test
