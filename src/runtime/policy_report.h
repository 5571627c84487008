// The filter engine as the control protocol shows it: listings of its objects, and what it says of a packet.
#pragma once
#include "ctl/messages.h"
#include "runtime/driver.h"

namespace sallyport::runtime {

ctl::PolicyListing make_policy_listing(const Driver& driver, const ctl::ListPolicy& question);
// The decision, by the SA that would carry the packet where there is one, and the filter of each layer.
// owner: whose socket it would be on this host.
void explain_packet(const Driver& driver, const model::FlowKey& flow, const stack::SocketOwner* owner,
                    ctl::ExplainReply& out);

}  // namespace sallyport::runtime
