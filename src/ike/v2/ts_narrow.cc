// RFC 7296 2.9: the responder chooses a subset of what was asked for.
#include "ike/v2/ts_narrow.h"

namespace sallyport::ike::v2 {

model::Selectors narrow(const model::Selectors& policy, const model::Selectors& asked) {
  const model::Selectors all = model::intersect(asked, policy);
  model::Selectors out;
  for (const model::Selector& candidate : all) {
    // A selector within another one adds nothing.
    bool within_other = false;
    for (const model::Selector& other : all) {
      if (!(other == candidate) && model::covers(other, candidate)) within_other = true;
    }
    if (!within_other) out.push_back(candidate);
  }
  return out;
}

}  // namespace sallyport::ike::v2
