// What the keying module and the data path report, as net events of the filter engine: the error codes of the Windows
// interface, whose fault it was, and the filter. Pure functions.
#pragma once
#include "ike/keying_module.h"
#include "ipsec/drop_log.h"
#include "policy/classify.h"
#include "policy/net_event.h"
#include "stack/filter_keying.h"
#include "stack/flow_fields.h"

namespace sallyport::stack {

// A negotiation that failed: main mode up to the IKE SA, quick mode for a Child SA.
policy::NetEvent failed_negotiation(const ike::AttemptFailed& failed, const FilterKeying& keying);
// One that was refused before it began.
uint32_t refusal_code(const FilterKeying::Refusal& why);  // ERROR_IPSEC_*
policy::NetEvent refused_negotiation(const HostFlow& flow, const FilterKeying::Refusal& why);
policy::NetEvent dropped_packet(const ipsec::DroppedPacket& packet);
// A flow that a filter blocks. Requires: decision.filter
policy::NetEvent blocked_flow(const HostFlow& flow, const policy::Decision& decision, bool arriving);

}  // namespace sallyport::stack
