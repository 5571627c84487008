// Security associations between the C interface and the calls: every version of a structure is read into, and written
// from, the newest form. What an older version cannot say is left out. Templates for the versions of one structure.
#pragma once
#include "api/windows/keying.h"
#include "api/windows/objects.h"
#include "policy/sa_calls.h"

namespace sallyport::api::windows {

// ---- what has one version ----

Outcome<policy::SubNets> take_subnets(const FWP_CONDITION_VALUE0& local, const FWP_CONDITION_VALUE0& remote);
Outcome<policy::IkeSaTemplate> take(const IKEEXT_SA_ENUM_TEMPLATE0& from);
Outcome<std::vector<policy::SaMaterial>> take(const IPSEC_SA0* list, uint32_t count);
IPSEC_SA0* give(Arena& arena, const std::vector<policy::SaMaterial>& from);
Outcome<std::optional<policy::SaIdentity>> take(const IPSEC_ID0* from);
IPSEC_ID0* give(Arena& arena, const std::optional<policy::SaIdentity>& from);
Outcome<std::optional<policy::KeyModuleState>> take(const IPSEC_KEYMODULE_STATE0* from);
IPSEC_KEYMODULE_STATE0* give(Arena& arena, const std::optional<policy::KeyModuleState>& from);
IPSEC_V4_UDP_ENCAPSULATION0* give(Arena& arena, const std::optional<policy::UdpEncapsulation>& from);
inline std::optional<policy::UdpEncapsulation> take(const IPSEC_V4_UDP_ENCAPSULATION0* from) {
  if (!from) return std::nullopt;
  return policy::UdpEncapsulation{from->localUdpEncapPort, from->remoteUdpEncapPort};
}

// ---- traffic ----

template <class T>
Outcome<policy::SaTraffic> take_traffic(const T& from) {
  policy::SaTraffic out;
  SP_TRY(out.local, take_address(from.ipVersion, from.localV4Address, from.localV6Address));
  SP_TRY(out.remote, take_address(from.ipVersion, from.remoteV4Address, from.remoteV6Address));
  SP_TRY(out.type, take_enum<policy::TrafficType>(from.trafficType, IPSEC_TRAFFIC_TYPE_MAX));
  out.policy_id = from.ipsecFilterId;
  out.remote_port = from.remotePort;
  if constexpr (requires { from.localPort; }) {
    out.local_port = from.localPort;
    out.protocol = from.ipProtocol;
    out.local_if_luid = from.localIfLuid;
    out.real_if_profile_id = from.realIfProfileId;
  }
  return out;
}
template <class T>
void give_traffic(const policy::SaTraffic& from, T& out) {
  out.ipVersion = version_of(from.local);
  give_address(from.local, out.localV4Address, out.localV6Address);
  give_address(from.remote, out.remoteV4Address, out.remoteV6Address);
  out.trafficType = static_cast<IPSEC_TRAFFIC_TYPE>(from.type);
  out.ipsecFilterId = from.policy_id;
  out.remotePort = from.remote_port;
  if constexpr (requires { out.localPort; }) {
    out.localPort = from.local_port;
    out.ipProtocol = from.protocol;
    out.localIfLuid = from.local_if_luid;
    out.realIfProfileId = from.real_if_profile_id;
  }
}

// ---- bundles ----

template <class B>
Outcome<policy::SaBundle> take_bundle(const B& from) {
  policy::SaBundle out;
  out.flags = from.flags;
  out.lifetime = {from.lifetime.lifetimeSeconds, from.lifetime.lifetimeKilobytes, from.lifetime.lifetimePackets};
  out.idle_timeout_seconds = from.idleTimeoutSeconds;
  out.nd_allow_clear_timeout_seconds = from.ndAllowClearTimeoutSeconds;
  SP_TRY(out.identity, take(static_cast<const IPSEC_ID0*>(from.ipsecId)));
  out.nap_context = from.napContext;
  out.qm_sa_id = from.qmSaId;
  SP_TRY(out.sas, take(static_cast<const IPSEC_SA0*>(from.saList), from.numSAs));
  SP_TRY(out.key_module_state, take(static_cast<const IPSEC_KEYMODULE_STATE0*>(from.keyModuleState)));
  if (raw(from.ipVersion) >= FWP_IP_VERSION_MAX) return refuse(Fwp::INVALID_ENUMERATOR);
  out.ip_version = raw(from.ipVersion);
  out.peer_v4_private_address = from.peerV4PrivateAddress;
  out.mm_sa_id = from.mmSaId;
  if (raw(from.pfsGroup) >= IPSEC_PFS_MAX) return refuse(Fwp::INVALID_ENUMERATOR);
  out.pfs_group = raw(from.pfsGroup);
  if constexpr (requires { from.qmFilterId; }) {
    out.lookup_context = take(from.saLookupContext);
    out.qm_filter_id = from.qmFilterId;
  }
  return out;
}
template <class B>
void give_bundle(Arena& arena, const policy::SaBundle& from, B& out) {
  out.flags = from.flags;
  out.lifetime = {from.lifetime.seconds, from.lifetime.kilobytes, from.lifetime.packets};
  out.idleTimeoutSeconds = from.idle_timeout_seconds;
  out.ndAllowClearTimeoutSeconds = from.nd_allow_clear_timeout_seconds;
  out.ipsecId = give(arena, from.identity);
  out.napContext = from.nap_context;
  out.qmSaId = from.qm_sa_id;
  out.numSAs = static_cast<uint32_t>(from.sas.size());
  out.saList = give(arena, from.sas);
  out.keyModuleState = give(arena, from.key_module_state);
  out.ipVersion = static_cast<FWP_IP_VERSION>(from.ip_version);
  out.peerV4PrivateAddress = from.peer_v4_private_address;
  out.mmSaId = from.mm_sa_id;
  out.pfsGroup = static_cast<IPSEC_PFS_GROUP>(from.pfs_group);
  if constexpr (requires { out.qmFilterId; }) {
    out.saLookupContext = give(from.lookup_context);
    out.qmFilterId = from.qm_filter_id;
  }
}

// ---- SAs and contexts ----

template <class D>
Outcome<std::optional<policy::SaDetails>> take_details(const D* from) {
  if (!from) return std::optional<policy::SaDetails>{};
  policy::SaDetails out;
  if (raw(from->saDirection) >= FWP_DIRECTION_MAX) return refuse(Fwp::INVALID_ENUMERATOR);
  out.inbound = from->saDirection == FWP_DIRECTION_INBOUND;
  SP_TRY(out.traffic, take_traffic(from->traffic));
  SP_TRY(out.bundle, take_bundle(from->saBundle));
  if (raw(from->ipVersion) == FWP_IP_VERSION_V4)
    out.udp = take(static_cast<const IPSEC_V4_UDP_ENCAPSULATION0*>(from->udpEncapsulation));
  return std::optional(std::move(out));
}
template <class D>
void give_details(Arena& arena, const policy::SaDetails& from, D& out) {
  out.ipVersion = version_of(from.traffic.local);
  out.saDirection = from.inbound ? FWP_DIRECTION_INBOUND : FWP_DIRECTION_OUTBOUND;
  give_traffic(from.traffic, out.traffic);
  give_bundle(arena, from.bundle, out.saBundle);
  out.udpEncapsulation = give(arena, from.udp);
  if (from.filter) {
    out.transportFilter = arena.make<FWPM_FILTER0>();
    give(arena, *from.filter, *out.transportFilter);
  }
  if constexpr (requires { out.virtualIfTunnelInfo; })
    out.virtualIfTunnelInfo = {from.virtual_if_tunnel_id, from.traffic_selector_id};
}
inline void give(Arena& arena, const policy::SaDetails& from, IPSEC_SA_DETAILS0& out) {
  give_details(arena, from, out);
}
inline void give(Arena& arena, const policy::SaDetails& from, IPSEC_SA_DETAILS1& out) {
  give_details(arena, from, out);
}

template <class C>
void give_context(Arena& arena, const policy::SaContext& from, C& out) {
  out.saContextId = from.id;
  const auto half = [&](const std::optional<policy::SaDetails>& details, auto*& into) {
    if (!details) return;
    into = arena.make<std::remove_pointer_t<std::remove_reference_t<decltype(into)>>>();
    give_details(arena, *details, *into);
  };
  half(from.inbound, out.inboundSa);
  half(from.outbound, out.outboundSa);
}
inline void give(Arena& arena, const policy::SaContext& from, IPSEC_SA_CONTEXT0& out) {
  give_context(arena, from, out);
}
inline void give(Arena& arena, const policy::SaContext& from, IPSEC_SA_CONTEXT1& out) {
  give_context(arena, from, out);
}

// ---- IKE SAs ----

void give(Arena& arena, const policy::IkeSaDetails& from, IKEEXT_SA_DETAILS0& out);
void give(Arena& arena, const policy::IkeSaDetails& from, IKEEXT_SA_DETAILS1& out);
void give(Arena& arena, const policy::IkeSaDetails& from, IKEEXT_SA_DETAILS2& out);
void give(Arena& arena, const policy::IpsecConnection& from, FWPM_CONNECTION0& out);

}  // namespace sallyport::api::windows
