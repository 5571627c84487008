// Rules for the packet filter as the worker hands them to the privileged process, which believes none of it: what is
// parsed is written and parsed again alike.

// Links: runtime
#include <cstdlib>

#include "runtime/filter_plan.h"

using namespace sallyport;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto plan = runtime::parse_filter_plan(ByteView(data, size));
  if (!plan) return 0;
  const Bytes written = runtime::write_filter_plan(*plan);
  const auto again = runtime::parse_filter_plan(written);
  if (!again || !(*again == *plan)) std::abort();
  return 0;
}
