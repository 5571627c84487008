// A tunnel in one call (FwpmIPsecTunnelAdd): main mode and tunnel policy and every filter that such a tunnel needs, by
// the table of the platform's callouts and sublayers. The keys of the parts are derived from that of the tunnel's
// policy, so that it can be deleted as a whole, after a restart too. Pure.
#pragma once
#include "policy/engine.h"

namespace sallyport::policy {

struct Tunnel {
  static constexpr uint32_t kPointToPoint = 0x1;
  static constexpr uint32_t kVirtualIf = 0x2;
  static constexpr uint32_t kSiteToSite = 0x4;
  static constexpr uint32_t kKnownFlags = 0x7;
  uint32_t flags = 0;
  std::optional<ProviderContext> main_mode;
  ProviderContext policy;  // of a tunnel type; its key names the tunnel
  Conditions inner;        // which packets go through: IP_LOCAL_ADDRESS and IP_REMOTE_ADDRESS; between two points any
  std::optional<Guid> key_module;  // only this one
};

// All of it in the session's transaction, or in one of its own; or nothing. INVALID_PARAMETER for conditions that a
// tunnel between networks cannot have, for a policy of another kind and for a keying module that does not fit it;
// INVALID_TUNNEL_ENDPOINT for IPv6 in IPv4 that the policy does not allow.
Outcome<Added> add_tunnel(Engine& engine, TimePoint now, SessionId session, Tunnel tunnel);
// The filters that such a tunnel has, with keys derived from its policy's. main_mode: the context that its filter at
// IKEEXT refers to, where it has one. The refusals of add_tunnel.
Outcome<std::vector<Filter>> tunnel_filters(const Tunnel& tunnel, const Guid& key,
                                            const std::optional<Guid>& main_mode);
// By the key of its policy. The main mode policy that came with it goes too, unless something else refers to it.
Outcome<> remove_tunnel(Engine& engine, TimePoint now, SessionId session, const Guid& key);

}  // namespace sallyport::policy
