// See tunnel_traffic.h.
#include "stack/tunnel_traffic.h"

#include <algorithm>

namespace sallyport::stack {
namespace {

namespace callout = policy::known::callout;
constexpr uint8_t kUdp = 17, kEsp = 50, kIcmpv6 = 58;
constexpr uint16_t kIke = 500, kNatt = 4500;

}  // namespace

TunnelCallout tunnel_callout(const policy::Guid& key) {
  const auto is = [&](const policy::Guid& v4, const policy::Guid& v6) { return key == v4 || key == v6; };
  if (is(callout::IPSEC_OUTBOUND_TUNNEL_V4, callout::IPSEC_OUTBOUND_TUNNEL_V6)) return TunnelCallout::outbound;
  if (is(callout::IPSEC_INBOUND_TUNNEL_V4, callout::IPSEC_INBOUND_TUNNEL_V6)) return TunnelCallout::inbound;
  if (is(callout::IPSEC_FORWARD_OUTBOUND_TUNNEL_V4, callout::IPSEC_FORWARD_OUTBOUND_TUNNEL_V6))
    return TunnelCallout::forward_outbound;
  if (is(callout::IPSEC_FORWARD_INBOUND_TUNNEL_V4, callout::IPSEC_FORWARD_INBOUND_TUNNEL_V6))
    return TunnelCallout::forward_inbound;
  return TunnelCallout::none;
}

const policy::ProviderContext* tunnel_context(const policy::Snapshot& snapshot, const policy::Filter& filter) {
  if (!filter.has_provider_context()) return nullptr;
  const auto* context = snapshot.contexts.find(filter.provider_context);
  return context != nullptr && tunnel_policy(**context) != nullptr ? context->get() : nullptr;
}

const policy::TunnelPolicy* tunnel_policy(const policy::ProviderContext& context) {
  return std::get_if<policy::TunnelPolicy>(&context.policy);
}

std::vector<TunnelBypass> tunnel_bypasses(uint32_t flags, Family inner) {
  std::vector<TunnelBypass> out;
  if (flags & policy::policy_flag::kTunnelBypassAlreadySecure) out = {{kEsp, 0}, {kUdp, kIke}, {kUdp, kNatt}};
  if ((flags & policy::policy_flag::kTunnelBypassIcmpv6) && inner == Family::v6) out.push_back({kIcmpv6, 0});
  return out;
}

bool bypasses_tunnel(uint32_t flags, const HostFlow& flow) {
  const auto bypasses = tunnel_bypasses(flags, flow.family());
  return std::any_of(bypasses.begin(), bypasses.end(), [&](const TunnelBypass& each) {
    if (each.protocol != flow.protocol) return false;
    return each.port == 0 || (flow.ports_known && (flow.local_port == each.port || flow.remote_port == each.port));
  });
}

bool encrypts_always(const policy::TunnelPolicy& policy) {
  return std::all_of(policy.proposals.begin(), policy.proposals.end(), [](const policy::IpsecProposal& proposal) {
    return std::any_of(proposal.transforms.begin(), proposal.transforms.end(),
                       [](const policy::SaTransform& t) { return t.cipher.has_value(); });
  });
}

}  // namespace sallyport::stack
