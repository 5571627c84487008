// The filter engine as the control protocol shows it: listings of its objects, and what it says of a packet.
#pragma once
#include "ctl/messages.h"
#include "runtime/driver.h"

namespace sallyport::runtime {

ctl::PolicyListing make_policy_listing(const Driver& driver, const ctl::ListPolicy& question);
// Adds the layers, and where no SPD entry decides, the decision. False: there are no filters.
bool explain_by_filters(const Driver& driver, const model::FlowKey& flow, ctl::ExplainReply& out);

}  // namespace sallyport::runtime
