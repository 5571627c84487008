// Puts the table of guard_rules.h into the kernel by running nft(8). The table has no owner process: it stays when we
// end in any way but remove(). The privileged process only; one thread; each call waits for nft.
#pragma once
#include <optional>
#include <string>

#include "base/result.h"
#include "runtime/guard_rules.h"

namespace sallyport::runtime {

class NftGuard {
 public:
  // Replaces the table in one transaction: no packet meets a moment without rules. An old table's counts go on.
  // Nothing, or one sentence that says what is missing.
  std::optional<std::string> apply(GuardPlan plan);
  // Whether a table is there, ours or an earlier life's.
  bool present() const;
  std::optional<GuardCounters> counters() const;  // nothing: there is no table, or nft does not say
  void remove();                                  // no error when there is none
  void keep_sockets_shut();                       // in place of the table that there is: guard_rules_of_sockets()
};

}  // namespace sallyport::runtime
