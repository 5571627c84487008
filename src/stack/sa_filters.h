// Which filters belong to an SA, for the SA database: the inbound filter that judges its packets, a filter as it is
// shown, and one in place of it where an SA is of a connection of the configuration. Pure.
#pragma once
#include "model/selector.h"
#include "policy/call.h"
#include "policy/snapshot.h"
#include "stack/flow_fields.h"

namespace sallyport::stack {

// The inbound filter with an IPsec callout that judges what comes by an SA of this flow; nullptr: none.
const policy::Filter* inbound_filter_of(const policy::Snapshot& snapshot, const HostFlow& flow);

bool is_ipsec_callout(const policy::Filter& filter, bool outbound, bool tunnel);

policy::call::Found<policy::Filter> shown(const policy::Filter& filter);

// What a connection's selectors say, in the form of a filter with id 0 that the engine does not have.
struct ConnectionFilter {
  std::string name;
  bool outbound = true;
  bool tunnel = false;
  IpAddr local, remote;  // outer
  model::Selectors ts_local, ts_remote;
};
policy::call::Found<policy::Filter> shown(const ConnectionFilter& connection);

}  // namespace sallyport::stack
