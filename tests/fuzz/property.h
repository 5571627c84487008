// What a fuzz target says of every input. A property that does not hold ends the process, which is how a fuzzer sees
// it.
#pragma once
#include <cstdio>
#include <cstdlib>

namespace sallyport::fuzz {

inline void holds(bool property, const char* claim) {
  if (property) return;
  std::fprintf(stderr, "does not hold: %s\n", claim);
  std::abort();
}

}  // namespace sallyport::fuzz
