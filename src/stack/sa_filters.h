// Which filters belong to an SA, for the SA database: the inbound filter that judges its packets, and a filter as it is
// shown. Pure.
#pragma once
#include "model/selector.h"
#include "policy/call.h"
#include "policy/snapshot.h"
#include "stack/flow_fields.h"

namespace sallyport::stack {

// The inbound filter with an IPsec callout, none of a connection, that judges what comes by an SA of this flow;
// nullptr: none.
const policy::Filter* inbound_filter_of(const policy::Snapshot& snapshot, const HostFlow& flow);

bool is_ipsec_callout(const policy::Filter& filter, bool outbound, bool tunnel);

policy::call::Found<policy::Filter> shown(const policy::Filter& filter);

}  // namespace sallyport::stack
