// See dosp_setting.h.
#include "stack/dosp_setting.h"

#include <algorithm>

#include "policy/callout.h"
#include "policy/enumerate.h"

namespace sallyport::stack {
namespace {

void add(const policy::Snapshot& snapshot, policy::Layer layer, std::vector<policy::Guid>& keys,
         std::vector<DospSetting>& out) {
  policy::FilterTemplate wanted;
  wanted.layer = layer;
  wanted.flags = policy::FilterTemplate::kSorted;
  const auto filters = policy::enumerate_filters(snapshot, &wanted);
  if (!filters) return;
  for (const auto& filter : *filters) {
    if (!is_dosp(*filter) || !filter->has_provider_context()) continue;
    const auto* context = snapshot.contexts.find(filter->provider_context);
    const auto* options = context == nullptr ? nullptr : std::get_if<policy::DospOptions>(&(*context)->policy);
    if (options == nullptr) continue;
    size_t at = static_cast<size_t>(std::find(keys.begin(), keys.end(), filter->provider_context) - keys.begin());
    if (at == keys.size()) {
      keys.push_back(filter->provider_context);
      out.emplace_back().options = *options;
    }
    (layer == policy::Layer::IPFORWARD_V4 ? out[at].v4 : out[at].v6) = true;
  }
}

}  // namespace

bool DospSetting::operational() const {
  const bool outside = !public_names.empty() || !options.public_interfaces.empty();
  const bool inside = !internal_names.empty() || !options.internal_interfaces.empty();
  return (v4 || v6) && outside && inside;
}

bool is_dosp(const policy::Filter& filter) {
  return filter.action.type == policy::ActionType::CALLOUT_TERMINATING &&
         policy::context_of_builtin(filter.action.callout) == policy::CalloutContext::DOSP;
}

std::vector<DospSetting> dosp_settings(const policy::Snapshot& snapshot) {
  std::vector<policy::Guid> keys;
  std::vector<DospSetting> out;
  for (const policy::Layer layer : {policy::Layer::IPFORWARD_V6, policy::Layer::IPFORWARD_V4})
    add(snapshot, layer, keys, out);
  return out;
}

DospSetting dosp_setting(const config::DosProtectionSettings& from) {
  using Filter = config::DosProtectionSettings::Filter;
  DospSetting out;
  out.public_names = from.public_interfaces;
  out.internal_names = from.internal_interfaces;
  out.v4 = out.v6 = true;
  policy::DospOptions& to = out.options;
  const auto rate = [](const config::DosClassSettings& c) {
    return policy::DospRate{c.dscp.value_or(0xff), c.bytes_per_second};
  };
  const auto mask = [](const config::Prefix6& prefix) {
    policy::V6AddrMask made;
    const ByteView octets = prefix.address.bytes();
    std::copy(octets.begin(), octets.end(), made.addr.begin());
    made.prefix_length = prefix.length;
    return made;
  };
  to.state_idle_timeout_seconds = from.state_idle_timeout_seconds;
  to.rate_limit_queue_idle_timeout_seconds = from.queue_idle_timeout_seconds;
  to.ipsec_unauth = rate(from.unauthenticated);
  to.ipsec_unauth_per_ip_bytes_per_second = from.unauthenticated_per_address;
  to.ipsec_auth = rate(from.authenticated);
  to.icmpv6 = rate(from.icmpv6);
  to.filter_exempt = rate(from.filter_exempt);
  to.default_block_exempt = rate(from.default_block_exempt);
  to.max_state_entries = from.max_states;
  to.max_per_ip_queues = from.max_queues;
  to.flags = (from.ikev1 ? DospSetting::kEnableIkev1 : 0) | (from.ikev2 ? DospSetting::kEnableIkev2 : 0) |
             (from.authip ? 0 : DospSetting::kDisableAuthip) |
             (from.default_block ? 0 : DospSetting::kDisableDefaultBlock) |
             (from.filter == Filter::block ? DospSetting::kFilterBlock : 0) |
             (from.filter == Filter::exempt ? DospSetting::kFilterExempt : 0);
  to.public_mask = mask(from.public_prefix);
  to.internal_mask = mask(from.internal_prefix);
  return out;
}

}  // namespace sallyport::stack
