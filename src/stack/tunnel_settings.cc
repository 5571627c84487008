// The configuration's tunnels as objects: for each IP version inside one tunnel policy and the filters of such a
// tunnel.
#include <algorithm>

#include "policy/tunnel.h"
#include "stack/setting_objects.h"

namespace sallyport::stack {
namespace {

policy::Tunnel tunnel_of(const config::TunnelSettings& from, Family inner) {
  const std::string version = inner == Family::v4 ? "IPv4" : "IPv6";
  policy::Tunnel out;
  if (from.point_to_point) out.flags |= policy::Tunnel::kPointToPoint;
  out.policy = configured_context(config::key_of_name("tunnel/" + version + "/" + from.name),
                                  from.name + " (" + version + ")", policy::ContextType::IPSEC_IKEV2_QM_TUNNEL);
  policy::TunnelPolicy policy;
  policy.flags = from.flags;
  policy.proposals = quick_mode_proposals(from.proposals, from.lifetime_seconds);
  policy.idle.seconds = from.idle_timeout_seconds;
  policy.endpoints.local = from.local_endpoint;
  policy.endpoints.remote =
      from.remote_endpoints.empty() ? IpAddr::any(from.local_endpoint.family()) : from.remote_endpoints.front();
  if (from.remote_endpoints.size() > 1) policy.endpoints.remote_addresses = from.remote_endpoints;
  policy.endpoints.remote_fqdn = from.remote_name;
  out.policy.policy = std::move(policy);
  out.inner = conditions_of(from.traffic, inner);
  return out;
}

}  // namespace

void add_tunnels(const config::FilterPolicy& settings, FilterObjects& out) {
  for (const auto& each : settings.tunnels) {
    const auto main_mode = std::find_if(settings.main_modes.begin(), settings.main_modes.end(),
                                        [&](const auto& m) { return m.name == each.main_mode; });
    if (main_mode == settings.main_modes.end()) continue;
    for (const Family family : {Family::v4, Family::v6}) {
      if (!(family == Family::v4 ? each.traffic.v4 : each.traffic.v6)) continue;
      policy::Tunnel tunnel = tunnel_of(each, family);
      auto filters = policy::tunnel_filters(tunnel, tunnel.policy.head.key,
                                            policy::Guid::parse(main_mode->key).value_or(policy::Guid{}));
      if (!filters) continue;
      out.contexts.push_back(std::move(tunnel.policy));
      out.filters.insert(out.filters.end(), std::make_move_iterator(filters->begin()),
                         std::make_move_iterator(filters->end()));
    }
  }
}

}  // namespace sallyport::stack
