// What status says about the packet filter, as the privileged process tells the worker. Values.
#pragma once
#include <string>

#include "base/bytes.h"
#include "runtime/guard_rules.h"

namespace sallyport::runtime {

struct GuardReport {
  bool enforced = false;
  std::string sentence;  // why not, when it is not
  GuardCounters counters;
};

Bytes write_guard_report(const GuardReport& report);
Result<GuardReport> parse_guard_report(ByteView bytes);

}  // namespace sallyport::runtime
