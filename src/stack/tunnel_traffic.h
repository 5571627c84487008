// What a tunnel policy means for single packets: which context a tunnel callout's filter refers to, and what goes past
// the tunnel by the policy's flags. Pure functions; asked by the data plane and by who makes the packet filter's rules.
#pragma once
#include "policy/snapshot.h"
#include "stack/flow_fields.h"

namespace sallyport::stack {

// The callouts that IPSEC_TUNNEL filters name, by what they do with a packet.
enum class TunnelCallout : uint8_t { none, outbound, inbound, forward_outbound, forward_inbound };
TunnelCallout tunnel_callout(const policy::Guid& callout);

// The tunnel context of a filter of such a callout; nullptr: it has none.
const policy::ProviderContext* tunnel_context(const policy::Snapshot& snapshot, const policy::Filter& filter);
const policy::TunnelPolicy* tunnel_policy(const policy::ProviderContext& context);

// Traffic that a tunnel leaves alone: TUNNEL_BYPASS_ALREADY_SECURE_CONNECTION (ESP; UDP with port 500 or 4500 on either
// side) and TUNNEL_BYPASS_ICMPV6.
struct TunnelBypass {
  uint8_t protocol = 0;
  uint16_t port = 0;  // on either side; 0: any
};
std::vector<TunnelBypass> tunnel_bypasses(uint32_t policy_flags, Family inner);
bool bypasses_tunnel(uint32_t policy_flags, const HostFlow& flow);

// No proposal of the policy leaves packets readable.
bool encrypts_always(const policy::TunnelPolicy& policy);

}  // namespace sallyport::stack
