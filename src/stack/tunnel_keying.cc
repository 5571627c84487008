// The part of FilterKeying that is about tunnels. Main mode policy is looked up by the outer endpoints; a connection is
// one main mode filter and one pair of endpoints, so that nobody else who authenticates gets at its tunnels, and the
// transport mode children of that main mode stand in it too: between two hosts there is one IKE SA. A child is a tunnel
// policy and the traffic of a filter that has packets protected by it, at OUTBOUND_TRANSPORT or IPFORWARD.
#include <algorithm>

#include "policy/translate.h"
#include "stack/filter_keying.h"
#include "stack/tunnel_traffic.h"

namespace sallyport::stack {
namespace {

using policy::Filter;

std::string word_of(const IpAddr& address) {
  std::string out = address.is_any() ? "any" : address.to_string();
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '.' || c == ':'; }, '-');
  return out;
}

std::string tunnel_connection_name(uint64_t main_mode_filter, const policy::TunnelEndpoints& ends,
                                   const std::vector<IpAddr>& remotes) {
  return connection_name_of(main_mode_filter) + "-from-" + word_of(ends.local) + "-to-" +
         (remotes.empty() && !ends.remote_fqdn.empty() ? ends.remote_fqdn
                                                       : word_of(remotes.empty() ? ends.remote : remotes.front()));
}

// In the order they are tried. Nothing: a name, or whoever comes.
std::vector<IpAddr> remotes_of(const policy::TunnelEndpoints& ends) {
  if (!ends.remote_addresses.empty()) return ends.remote_addresses;
  if (ends.remote.is_any()) return {};
  return {ends.remote};
}

}  // namespace

void FilterKeying::add_tunnel(const Filter& outbound, Family inner, const model::IkePolicySet& base,
                              MachineCertificates& certificates) {
  const auto* context = tunnel_context(*snapshot_, outbound);
  if (context == nullptr) return;
  const policy::TunnelPolicy& tunnel = *tunnel_policy(*context);
  const policy::TunnelEndpoints& ends = tunnel.endpoints;
  const Family outer = ends.local.family();
  if (inner == Family::v6 && outer == Family::v4 && !(tunnel.flags & policy::policy_flag::kEnableV6InV4Tunneling))
    return note(outbound.id, "IPv6 in IPv4 is not allowed by the tunnel's policy (ENABLE_V6_IN_V4_TUNNELING)");
  const std::vector<IpAddr> remotes = remotes_of(ends);
  HostFlow ends_flow;
  ends_flow.local = ends.local;
  ends_flow.remote = remotes.empty() ? IpAddr::any(outer) : remotes.front();
  policy::FieldValues values;
  fill_fields(ends_flow, 0, nullptr, values);
  Refusal why;
  const Ready* main_mode = first_match(main_mode_[index_of(outer)], values, policy::ContextRole::mm, why);
  if (main_mode == nullptr) return note(outbound.id, "main mode: " + why.sentence, why.gap);
  policy::Negotiation negotiation{tunnel_connection_name(main_mode->filter->id, ends, remotes), ends_flow.local,
                                  ends_flow.remote, 0};
  auto made = connection_of(*main_mode->context, *context, outbound, std::move(negotiation), certificates);
  if (!made) return;
  model::ChildPolicy child = std::move(made->children.front());
  made->children.clear();
  child.name = connection_name_of(outbound.id);
  child.shape.clamp_mss = true;
  made->remote_addrs.clear();
  for (const IpAddr& remote : remotes) made->remote_addrs.push_back(remote.to_string());
  if (remotes.empty() && !ends.remote_fqdn.empty()) made->remote_addrs.push_back(ends.remote_fqdn);
  if (ends.local.is_any()) made->local_addrs.clear();
  take_identity(base, *made);
  Tunnel out{{made->name, child.name, ends.local, ends_flow.remote, {}, false}, context->id};
  if (remotes.size() > 1) out.wanted.others.assign(remotes.begin() + 1, remotes.end());
  out.wanted.by_connection = remotes.empty() || ends.local.is_any();
  if (made->remote_addrs.empty()) out.only_by_peer = true;
  main_modes_[made->name] = {main_mode->filter->id, main_mode->context->head.key};
  place_tunnel(outbound.id, main_mode->filter->id, std::move(*made), std::move(child), std::move(out));
}

// Into the connection of its endpoints, which may be there already; likewise the child.
void FilterKeying::place_tunnel(uint64_t filter, uint64_t main_mode, model::ConnectionPolicy made,
                                model::ChildPolicy child, Tunnel tunnel) {
  const auto named = [](const std::string& name) { return [&name](const auto& each) { return each.name == name; }; };
  auto connection = std::find_if(connections_.begin(), connections_.end(), named(made.name));
  if (connection != connections_.end() && connection->remote_addrs != made.remote_addrs)
    return note(filter, "another tunnel has the same first remote endpoint and other ones behind it");
  if (children_ >= kMostChildren) return note(filter, "there are more filters than negotiations can be made ready for");
  if (connection == connections_.end()) {
    const std::string plain = connection_name_of(main_mode);
    const auto transport = std::find_if(connections_.begin(), connections_.end(), named(plain));
    if (transport != connections_.end()) {
      made.children = transport->children;
      for (const auto& each : made.children) origins_[{made.name, each.name}] = origins_[{plain, each.name}];
    }
    if (!tunnel.wanted.by_connection) by_endpoints_[{main_mode, tunnel.wanted.local, tunnel.wanted.remote}] = made.name;
    connections_.push_back(std::move(made));
    connection = connections_.end() - 1;
  }
  const auto same = std::find_if(connection->children.begin(), connection->children.end(), [&](const auto& each) {
    const auto known = tunnel_of(connection->name, each.name);
    return known == tunnel.policy && each.local == child.local && each.remote == child.remote;
  });
  if (same != connection->children.end()) {
    tunnel.wanted.child = same->name;
  } else {
    origins_[{connection->name, child.name}] = {filter, 0, main_mode, tunnel.policy};
    connection->children.push_back(std::move(child));
    ++children_;
  }
  tunnels_[filter] = std::move(tunnel);
}

uint64_t FilterKeying::tunnel_of(const std::string& connection, const std::string& child) const {
  const Origin* origin = origin_of(connection, child);
  return origin ? origin->tunnel : 0;
}

FilterKeying::Result FilterKeying::look_up_tunnel(uint64_t filter) const {
  const auto found = tunnels_.find(filter);
  if (found == tunnels_.end()) return tl::unexpected<Refusal>(problem_of(filter));
  if (found->second.only_by_peer)
    return tl::unexpected<Refusal>(
        Refusal{"the tunnel has no remote endpoint: only the peer can begin", filter, std::nullopt, false});
  return found->second.wanted;
}

}  // namespace sallyport::stack
