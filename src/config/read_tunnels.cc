// [tunnel.NAME]: a tunnel of the filter engine's policy.
#include "config/filter_parts.h"

namespace sallyport::config {
namespace {

// IPSEC_POLICY_FLAG_….
constexpr Bit kTunnelBits[] = {{"CLEAR_DF_ON_TUNNEL", 0x8},
                               {"KEY_MANAGER_ALLOW_NOTIFY_KEY", 0x4000},
                               {"ENABLE_V6_IN_V4_TUNNELING", 0x100},
                               {"TUNNEL_ALLOW_OUTBOUND_CLEAR_CONNECTION", 0x400},
                               {"TUNNEL_BYPASS_ALREADY_SECURE_CONNECTION", 0x800},
                               {"TUNNEL_BYPASS_ICMPV6", 0x1000}};
constexpr uint32_t kV6InV4 = 0x100;

void read_local_endpoint(Section& section, TunnelSettings& out) {
  std::string text;
  if (!section.read("local_endpoint", text)) {
    if (section.node().find("local_endpoint") == nullptr) section.refuse("", "lacks \"local_endpoint\".");
    return;
  }
  const auto address = IpAddr::parse(text);
  if (!address || address->is_any()) {
    section.refuse("local_endpoint", "\"" + text + "\" is no address of this host.");
  } else {
    out.local_endpoint = *address;
  }
}

void read_remote_endpoint(Section& section, TunnelSettings& out) {
  std::vector<std::string> texts;
  if (!section.read_list("remote_endpoint", texts)) {
    if (section.node().find("remote_endpoint") == nullptr) section.refuse("", "lacks \"remote_endpoint\".");
    return;
  }
  for (const std::string& text : texts) {
    const auto address = IpAddr::parse(text);
    if (!address && texts.size() == 1 && text.find('/') == std::string::npos && text.size() <= 253) {
      out.remote_name = text;
    } else if (!address || address->is_any()) {
      section.refuse("remote_endpoint",
                     "\"" + text + "\" is no address; several are tried in order, a name stands alone.");
      return;
    } else if (address->family() != out.local_endpoint.family()) {
      section.refuse("remote_endpoint", "\"" + text + "\" is of another IP version than local_endpoint.");
      return;
    } else {
      out.remote_endpoints.push_back(*address);
    }
  }
}

void check_traffic(Section& section, const TunnelSettings& out) {
  const FilterSettings& t = out.traffic;
  if (t.local.empty() || t.remote.empty()) {
    section.refuse("condition", "names IP_LOCAL_ADDRESS and IP_REMOTE_ADDRESS: what is at either end of the tunnel.");
    return;
  }
  const bool more = !t.local_ports.empty() || !t.remote_ports.empty() || !t.protocols.empty() || t.icmp || t.unicast;
  if (more && !out.point_to_point)
    section.refuse("condition", "says more than addresses, which only a tunnel with point_to_point = true can.");
  const auto six_inside = [](const AddressRange& range) { return range.first.is_v6(); };
  if (out.local_endpoint.is_v4() && t.v6 && !(out.flags & kV6InV4) &&
      std::any_of(t.local.begin(), t.local.end(), six_inside))
    section.refuse("condition", "has IPv6 inside IPv4, which needs the flag ENABLE_V6_IN_V4_TUNNELING.");
}

}  // namespace

void read_tunnel(Section& section, const std::string& name, Settings& settings) {
  TunnelSettings out;
  out.name = name;
  if (!section.read("main_mode", out.main_mode) && section.node().find("main_mode") == nullptr)
    section.refuse("", "lacks \"main_mode\": the name of a main_mode.");
  read_local_endpoint(section, out);
  read_remote_endpoint(section, out);
  read_quick_mode_proposals(section, false, out.proposals);
  uint64_t flags = 0;
  if (read_bits(section, "flags", kTunnelBits, flags)) out.flags = static_cast<uint32_t>(flags);
  read_seconds(section, "lifetime", seconds(60), hours(24 * 7), out.lifetime_seconds);
  read_seconds(section, "idle_timeout", seconds(1), hours(24 * 7), out.idle_timeout_seconds);
  section.read("point_to_point", out.point_to_point);
  out.traffic.name = name;
  out.traffic.layer = "OUTBOUND_TRANSPORT";
  if (const Node* node = section.find("condition"))
    read_conditions(Section(*node, section.path_of("condition"), section.reading(), section.line_of("condition")),
                    out.traffic);
  check_traffic(section, out);
  section.finish();
  settings.filters.tunnels.push_back(std::move(out));
}

}  // namespace sallyport::config
