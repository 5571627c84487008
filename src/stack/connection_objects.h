// The configuration's connections as objects of the filter engine: for a connection main mode policy and a filter at
// IKEEXT, for a child quick mode policy, a filter at IPSEC and those at both transport layers that its selectors mean,
// all in the sublayer SALLYPORT_CONNECTIONS. Their keys are made of the names, so that what did not change stays the
// same object over a reload. What the platform's types cannot say stands in the provider data; the SPD is made of these
// objects and of nothing else (connection_spd.h). None is at IPFORWARD: the device does not tell the host's own packets
// from those that it passes on, and both are judged at OUTBOUND_TRANSPORT. docs/filters.md. Pure.
#pragma once
#include "model/ike_policy.h"
#include "stack/connection_record.h"
#include "stack/filter_settings.h"

namespace sallyport::stack {

// Where two children cover the same packet, the one that comes first in the configuration has the heavier filter.
// Filters of other writers beat a connection's in its sublayer with this weight or more: range 8 and above.
inline constexpr uint64_t kConnectionWeight = (uint64_t{8} << policy::kAutoWeightBits) - 1;

FilterObjects connection_objects(const std::vector<model::ConnectionPolicy>& connections);

// Keys of the filters at IKEEXT, and of a child's at `layer`, a name without IP version.
policy::Guid connection_filter_key(const std::string& connection, Family outer);
// Requires: the record is of a filter that decides about packets.
policy::Guid child_filter_key(const ConnectionRecord& record, const std::string& layer);

}  // namespace sallyport::stack
