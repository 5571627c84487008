// See nft_guard.h.
#include "runtime/nft_guard.h"

#include "runtime/nft_program.h"

namespace sallyport::runtime {

std::optional<std::string> NftGuard::apply(GuardPlan plan) {
  const GuardCounters before = counters().value_or(GuardCounters{});
  auto ran = run_nft({"-f", "-"}, guard_rules(plan, before));
  if (ran && !ran->good() && plan.match_sockets) {
    // Kernels without the socket expression: then the ports must do.
    plan.match_sockets = false;
    if (auto again = run_nft({"-f", "-"}, guard_rules(plan, before)); again && again->good()) return std::nullopt;
  }
  if (ran && ran->good()) return std::nullopt;
  return explain_refusal(ran);
}

bool NftGuard::present() const {
  const auto ran = run_nft({"list", "table", "inet", kGuardTable}, {});
  return ran && ran->good();
}

std::optional<GuardCounters> NftGuard::counters() const {
  const auto ran = run_nft({"list", "counters", "table", "inet", kGuardTable}, {});
  if (!ran || !ran->good()) return std::nullopt;
  return parse_guard_counters(ran->said);
}

void NftGuard::keep_sockets_shut() {
  (void)run_nft({"-f", "-"}, guard_rules_of_sockets(counters().value_or(GuardCounters{})));
}

void NftGuard::remove() { (void)run_nft({"delete", "table", "inet", kGuardTable}, {}); }

}  // namespace sallyport::runtime
