// See net_events.h. The versions of the structures differ in what follows the header's common part, and in whether a
// failure names the principals.
#include "api/windows/net_events.h"

namespace sallyport::api::windows {
namespace {

FILETIME filetime(uint64_t ticks) { return {static_cast<DWORD>(ticks), static_cast<DWORD>(ticks >> 32)}; }
uint64_t ticks(const FILETIME& time) { return uint64_t{time.dwHighDateTime} << 32 | time.dwLowDateTime; }

uint32_t flags_of(const policy::NetEvent& from) {
  uint32_t flags = from.local || from.remote ? FWPM_NET_EVENT_FLAG_IP_VERSION_SET : 0u;
  if (from.protocol) flags |= FWPM_NET_EVENT_FLAG_IP_PROTOCOL_SET;
  if (from.local) flags |= FWPM_NET_EVENT_FLAG_LOCAL_ADDR_SET;
  if (from.remote) flags |= FWPM_NET_EVENT_FLAG_REMOTE_ADDR_SET;
  if (from.local_port) flags |= FWPM_NET_EVENT_FLAG_LOCAL_PORT_SET;
  if (from.remote_port) flags |= FWPM_NET_EVENT_FLAG_REMOTE_PORT_SET;
  return flags;
}

FWP_IP_VERSION version_of(const policy::NetEvent& from) {
  const auto& known = from.local ? from.local : from.remote;
  if (!known) return FWP_IP_VERSION_NONE;
  return known->is_v4() ? FWP_IP_VERSION_V4 : FWP_IP_VERSION_V6;
}

void give_address(const std::optional<IpAddr>& from, UINT32& v4, FWP_BYTE_ARRAY16& v6) {
  if (!from) return;
  const ByteView octets = from->bytes();
  if (from->is_v4()) {
    v4 = load_be32(octets.data());
  } else {
    std::copy(octets.begin(), octets.end(), v6.byteArray16);
  }
}

template <class Header>
void give_header(const policy::NetEvent& from, Header& out) {
  out.timeStamp = filetime(from.time);
  out.flags = flags_of(from);
  out.ipVersion = version_of(from);
  out.ipProtocol = from.protocol.value_or(0);
  give_address(from.local, out.localAddrV4, out.localAddrV6);
  give_address(from.remote, out.remoteAddrV4, out.remoteAddrV6);
  out.localPort = from.local_port.value_or(0);
  out.remotePort = from.remote_port.value_or(0);
  if constexpr (requires { out.addressFamily; }) {
    out.addressFamily = out.ipVersion == FWP_IP_VERSION_V4   ? FWP_AF_INET
                        : out.ipVersion == FWP_IP_VERSION_V6 ? FWP_AF_INET6
                                                             : FWP_AF_NONE;
  }
}

template <class C>
void give_what(Arena& arena, const policy::MmFailure& from, C*& out) {
  out = arena.make<C>();
  out->failureErrorCode = from.code;
  out->failurePoint = static_cast<IPSEC_FAILURE_POINT>(from.point);
  out->keyingModuleType = static_cast<IKEEXT_KEY_MODULE_TYPE>(from.module);
  out->mmState = static_cast<IKEEXT_MM_SA_STATE>(from.state);
  out->saRole = static_cast<IKEEXT_SA_ROLE>(from.role);
  out->mmAuthMethod = static_cast<IKEEXT_AUTHENTICATION_METHOD_TYPE>(from.method);
  out->mmId = from.mm_id;
  out->mmFilterId = from.filter;
  if constexpr (requires { out->localPrincipalNameForAuth; }) {
    out->localPrincipalNameForAuth = give(arena, std::string_view(from.local_name));
    out->remotePrincipalNameForAuth = give(arena, std::string_view(from.remote_name));
  }
}

// No network is told: what failed was asked for by the addresses of the header.
void give_what(Arena& arena, const policy::QmFailure& from, FWPM_NET_EVENT_IKEEXT_QM_FAILURE0*& out) {
  out = arena.make<FWPM_NET_EVENT_IKEEXT_QM_FAILURE0>();
  out->failureErrorCode = from.code;
  out->failurePoint = static_cast<IPSEC_FAILURE_POINT>(from.point);
  out->keyingModuleType = static_cast<IKEEXT_KEY_MODULE_TYPE>(from.module);
  out->qmState = static_cast<IKEEXT_QM_SA_STATE>(from.state);
  out->saRole = static_cast<IKEEXT_SA_ROLE>(from.role);
  out->saTrafficType = static_cast<IPSEC_TRAFFIC_TYPE>(from.traffic);
  out->qmFilterId = from.filter;
}

template <class C>
void give_what(Arena& arena, const policy::EmFailure& from, C*& out) {
  out = arena.make<C>();
  out->failureErrorCode = from.code;
  out->failurePoint = static_cast<IPSEC_FAILURE_POINT>(from.point);
  out->saRole = static_cast<IKEEXT_SA_ROLE>(from.role);
  out->emAuthMethod = static_cast<IKEEXT_AUTHENTICATION_METHOD_TYPE>(from.method);
  out->qmFilterId = from.filter;
}

template <class C>
void give_what(Arena& arena, const policy::ClassifyDrop& from, C*& out) {
  out = arena.make<C>();
  out->filterId = from.filter;
  out->layerId = static_cast<UINT16>(from.layer);
  if constexpr (requires { out->msFwpDirection; }) out->msFwpDirection = static_cast<UINT32>(from.direction);
}

void give_what(Arena& arena, const policy::KernelDrop& from, FWPM_NET_EVENT_IPSEC_KERNEL_DROP0*& out) {
  out = arena.make<FWPM_NET_EVENT_IPSEC_KERNEL_DROP0>();
  out->failureStatus = static_cast<INT32>(from.status);
  out->direction = static_cast<FWP_DIRECTION>(from.direction);
  out->spi = from.spi;
  out->filterId = from.filter;
  out->layerId = static_cast<UINT16>(from.layer);
}

template <class C>
void give_event(Arena& arena, const policy::NetEvent& from, C& out) {
  give_header(from, out.header);
  out.type = static_cast<FWPM_NET_EVENT_TYPE>(from.type());
  if (const auto* mm = std::get_if<policy::MmFailure>(&from.what)) give_what(arena, *mm, out.ikeMmFailure);
  if (const auto* qm = std::get_if<policy::QmFailure>(&from.what)) give_what(arena, *qm, out.ikeQmFailure);
  if (const auto* em = std::get_if<policy::EmFailure>(&from.what)) give_what(arena, *em, out.ikeEmFailure);
  if (const auto* drop = std::get_if<policy::ClassifyDrop>(&from.what)) give_what(arena, *drop, out.classifyDrop);
  if (const auto* drop = std::get_if<policy::KernelDrop>(&from.what)) give_what(arena, *drop, out.ipsecDrop);
}

}  // namespace

Outcome<policy::NetEventTemplate> take(const FWPM_NET_EVENT_ENUM_TEMPLATE0& from) {
  policy::NetEventTemplate out;
  out.start = ticks(from.startTime);
  out.end = ticks(from.endTime);
  SP_TRY(out.conditions, take(from.filterCondition, from.numFilterConditions));
  return out;
}

void give(Arena& arena, const policy::NetEventTemplate& from, FWPM_NET_EVENT_ENUM_TEMPLATE0& out) {
  out.startTime = filetime(from.start);
  out.endTime = filetime(from.end);
  out.numFilterConditions = static_cast<uint32_t>(from.conditions.size());
  out.filterCondition = give(arena, from.conditions);
}

void give(Arena& arena, const policy::NetEvent& from, FWPM_NET_EVENT0& out) { give_event(arena, from, out); }
void give(Arena& arena, const policy::NetEvent& from, FWPM_NET_EVENT1& out) { give_event(arena, from, out); }
void give(Arena& arena, const policy::NetEvent& from, FWPM_NET_EVENT2& out) { give_event(arena, from, out); }
void give(Arena& arena, const policy::NetEvent& from, FWPM_NET_EVENT3& out) { give_event(arena, from, out); }

}  // namespace sallyport::api::windows
