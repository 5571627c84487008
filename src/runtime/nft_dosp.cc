// See nft_dosp.h.
#include "runtime/nft_dosp.h"

#include "runtime/nft_program.h"

namespace sallyport::runtime {
namespace {

constexpr size_t kMostListed = size_t{256} << 20;

bool works(const std::vector<std::string>& words) {
  const auto ran = run_nft(words, {});
  return ran && ran->good();
}

}  // namespace

std::optional<std::string> NftDosp::apply(std::vector<stack::DospSetting> settings) {
  settings = dosp_in_force(std::move(settings));
  if (settings.empty()) {
    remove();
    return std::nullopt;
  }
  if (settings.size() > policy::kMostDospSettings)
    return "there are more than " + std::to_string(policy::kMostDospSettings) + " settings";
  if (works({"list", "chain", "inet", kDospTable, dosp_plan_chain(settings)})) {
    in_force_ = true;
    return std::nullopt;
  }
  const auto before = report().value_or(policy::DospReport{});
  const auto ran = run_nft({"-f", "-"}, dosp_rules(settings, before.statistics));
  if (!ran || !ran->good()) return explain_refusal(ran);
  in_force_ = true;
  return std::nullopt;
}

bool NftDosp::present() const { return works({"list", "chain", "inet", kDospTable, "forwarded"}); }

std::optional<policy::DospReport> NftDosp::report() const {
  const auto ran = run_nft({"list", "table", "inet", kDospTable}, {}, kMostListed);
  if (!ran || !ran->good()) return std::nullopt;
  return parse_dosp_listing(ran->said);
}

void NftDosp::remove() {
  (void)run_nft({"delete", "table", "inet", kDospTable}, {});
  in_force_ = false;
}

}  // namespace sallyport::runtime
