// IPsec DoS protection: what it has done, and for whom it keeps state. The daemon reads the packet filter at each call.
#include <cstring>

#include "api/windows/keying.h"
#include "api/windows/sa_functions.h"
#include "policy/dosp.h"

namespace sallyport::api::windows {
namespace {

using policy::Database;
using policy::DospStateTemplate;
using policy::DospStatistics;

Outcome<DospStateTemplate> take_state_template(const IPSEC_DOSP_STATE_ENUM_TEMPLATE0& from) {
  return DospStateTemplate{take_mask(from.publicV6AddrMask), take_mask(from.internalV6AddrMask)};
}

IPSEC_DOSP_STATISTICS0 give(const DospStatistics& from) {
  return {from.state_entries_created,
          from.current_state_entries,
          from.unauth_allowed,
          from.unauth_rate_limited,
          from.unauth_per_ip_rate_limited,
          from.unauth_discarded,
          from.auth_allowed,
          from.auth_rate_limited,
          from.auth_discarded,
          from.icmpv6_allowed,
          from.icmpv6_rate_limited,
          from.filter_exempt_allowed,
          from.filter_exempt_rate_limited,
          from.filter_blocked,
          from.default_block_exempt_allowed,
          from.default_block_exempt_rate_limited,
          from.default_blocked,
          from.current_per_ip_queues};
}

}  // namespace

// Where next_entries() finds it.
static void give(Arena&, const policy::DospState& from, IPSEC_DOSP_STATE0& out) {
  std::memcpy(out.publicHostV6Addr, from.public_host.bytes().data(), sizeof out.publicHostV6Addr);
  std::memcpy(out.internalHostV6Addr, from.internal_host.bytes().data(), sizeof out.internalHostV6Addr);
  out.totalInboundIPv6IPsecAuthPackets = from.inbound_packets;
  out.totalOutboundIPv6IPsecAuthPackets = from.outbound_packets;
  out.durationSecs = from.duration_seconds;
}

}  // namespace sallyport::api::windows

extern "C" {

using namespace sallyport::api::windows;
using sallyport::policy::DospState;

DWORD WINAPI IPsecDospGetStatistics0(HANDLE engineHandle, IPSEC_DOSP_STATISTICS0* idpStatistics) {
  if (!idpStatistics) return FWP_E_NULL_POINTER;
  const auto found = ask<DospStatistics>(engineHandle, Function::dosp_statistics, uint8_t{0});
  if (found) *idpStatistics = give(*found);
  return code(found);
}
DWORD WINAPI IPsecDospStateCreateEnumHandle0(HANDLE engineHandle, const IPSEC_DOSP_STATE_ENUM_TEMPLATE0* enumTemplate,
                                             HANDLE* enumHandle) {
  if (!enumHandle) return FWP_E_NULL_POINTER;
  *enumHandle = nullptr;
  auto wanted = optional_template(enumTemplate, take_state_template);
  if (!wanted) return code(wanted);
  const auto handle = ask<uint64_t>(engineHandle, Function::dosp_states, std::move(*wanted));
  if (handle) *enumHandle = reinterpret_cast<HANDLE>(static_cast<uintptr_t>(*handle));
  return code(handle);
}
DWORD WINAPI IPsecDospStateEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                 IPSEC_DOSP_STATE0*** entries, UINT32* numEntries) {
  return next_entries<DospState>(engineHandle, enumHandle, numEntriesRequested, entries, numEntries);
}
DWORD WINAPI IPsecDospStateDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle) {
  return destroy_enumeration(engineHandle, enumHandle);
}
DWORD WINAPI IPsecDospGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, PSID* sidOwner,
                                       PSID* sidGroup, PACL* dacl, PACL* sacl,
                                       PSECURITY_DESCRIPTOR* securityDescriptor) {
  return get_security(engineHandle, protected_database(Database::dosp), securityInfo,
                      {sidOwner, sidGroup, dacl, sacl, securityDescriptor});
}
DWORD WINAPI IPsecDospSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, const SID* sidOwner,
                                       const SID* sidGroup, const ACL* dacl, const ACL* sacl) {
  return set_security(engineHandle, protected_database(Database::dosp), securityInfo, sidOwner, sidGroup, dacl, sacl);
}

}  // extern "C"
