// See entropy.h.
#include "runtime/entropy.h"

#include <errno.h>
#include <sys/random.h>

#include <cstdlib>

#include "base/secret.h"

namespace sallyport::runtime {
namespace {

void draw(MutableBytes out) {
  while (!out.empty()) {
    const ssize_t n = ::getrandom(out.data(), out.size(), 0);
    if (n < 0) {
      if (errno == EINTR) continue;
      std::abort();
    }
    out = out.subspan(static_cast<size_t>(n));
  }
}

}  // namespace

SystemRng::~SystemRng() { wipe(block_); }

void SystemRng::fill(MutableBytes out) {
  if (out.size() > block_.size() / 4) return draw(out);
  if (used_ + out.size() > block_.size()) {
    draw(block_);
    used_ = 0;
  }
  for (auto& octet : out) {
    octet = block_[used_];
    block_[used_++] = 0;
  }
}

}  // namespace sallyport::runtime
