// What status says about the packet filter, as the privileged process tells the worker. Values.
#pragma once
#include <optional>
#include <string>

#include "base/bytes.h"
#include "policy/dosp.h"
#include "runtime/guard_rules.h"

namespace sallyport::runtime {

struct GuardReport {
  bool enforced = false;
  std::string sentence;  // why not, when it is not
  GuardCounters counters;
  std::optional<policy::DospStatistics> dosp;  // nothing: no setting of IPsec DoS protection is in force
  bool dosp_lost = false;                      // one should be, but its table is gone or cannot be read
};

Bytes write_guard_report(const GuardReport& report);
Result<GuardReport> parse_guard_report(ByteView bytes);

}  // namespace sallyport::runtime
