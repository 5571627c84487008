// Engine, sessions, transactions, layers, tunnels, memory.
#include <limits.h>
#include <sallyport/windows/fwpmu.h>
#include <stdlib.h>

#include "api/windows/calls.h"
#include "api/windows/system_ports.h"
#include "policy/app_id.h"

using namespace sallyport::api::windows;
using sallyport::Bytes;
namespace policy = sallyport::policy;
using policy::call::Function;

namespace {

const policy::call::Protected kEngine{policy::call::kProtectEngine, {}};
const policy::call::Protected kLayers{policy::call::kProtectDatabase + static_cast<uint32_t>(policy::Database::layers),
                                      {}};

// FwpmIPsecTunnelAdd0 to 3: the same with contexts of its version.
template <class C>
DWORD add_tunnel(HANDLE engine, UINT32 flags, const C* main_mode, const C* tunnel, UINT32 count,
                 const FWPM_FILTER_CONDITION0* conditions, const GUID* key_module, PSECURITY_DESCRIPTOR sd) {
  if (!tunnel) return FWP_E_NULL_POINTER;
  policy::call::TunnelAdd wanted;
  wanted.flags = flags;
  const auto protection = take_descriptor(sd);
  if (!protection) return code(protection);
  if (main_mode) {
    auto taken = take(*main_mode);
    if (!taken) return code(taken);
    taken->head.protection = *protection;
    wanted.main_mode = std::move(*taken);
  }
  auto taken = take(*tunnel);
  if (!taken) return code(taken);
  taken->head.protection = *protection;
  wanted.tunnel = std::move(*taken);
  auto inner = take(conditions, count);
  if (!inner) return code(inner);
  wanted.conditions = std::move(*inner);
  wanted.key_module = take(key_module);
  return code(ask<policy::Added>(engine, Function::tunnel_add, std::move(wanted)));
}

}  // namespace

extern "C" {

void WINAPI FwpmFreeMemory0(void** p) {
  if (!p) return;
  Arena::free(*p);
  *p = nullptr;
}

DWORD WINAPI FwpmEngineOpen0(const wchar_t* serverName, UINT32 authnService, SEC_WINNT_AUTH_IDENTITY_W* authIdentity,
                             const FWPM_SESSION0* session, HANDLE* engineHandle) {
  if (!engineHandle) return FWP_E_NULL_POINTER;
  *engineHandle = nullptr;
  // Only this host, and only as who we are: the daemon asks the kernel.
  if (serverName || authIdentity) return ERROR_NOT_SUPPORTED;
  if (authnService != RPC_C_AUTHN_WINNT && authnService != RPC_C_AUTHN_DEFAULT) return ERROR_NOT_SUPPORTED;
  policy::call::Open open;
  if (session) {
    open.key = take(session->sessionKey);
    auto display = take(session->displayData);
    if (!display) return code(display);
    open.display = std::move(*display);
    open.flags = session->flags;
    open.txn_wait_timeout_ms = session->txnWaitTimeoutInMSec;
  }
  std::shared_ptr<EngineLink> link;
  const uint32_t opened = EngineLink::open(open, link);
  if (opened == ERROR_SUCCESS) *engineHandle = remember(std::move(link));
  return opened;
}

DWORD WINAPI FwpmEngineClose0(HANDLE engineHandle) {
  if (!engineHandle) return ERROR_SUCCESS;  // programs close in clean-up code what they never opened
  const auto link = forget(engineHandle);
  if (!link) return ERROR_INVALID_HANDLE;
  stop_system_ports_of(engineHandle);
  link->close();
  return ERROR_SUCCESS;
}

DWORD WINAPI FwpmEngineGetOption0(HANDLE engineHandle, FWPM_ENGINE_OPTION option, FWP_VALUE0** value) {
  if (!value) return FWP_E_NULL_POINTER;
  *value = nullptr;
  const auto number = ask<uint32_t>(engineHandle, Function::get_option, raw(option));
  if (!number) return code(number);
  Arena arena;
  FWP_VALUE0* const root = arena.make<FWP_VALUE0>();
  *root = give(arena, policy::Value(*number));
  arena.release();
  *value = root;
  return ERROR_SUCCESS;
}

DWORD WINAPI FwpmEngineSetOption0(HANDLE engineHandle, FWPM_ENGINE_OPTION option, const FWP_VALUE0* newValue) {
  if (!newValue) return FWP_E_NULL_POINTER;
  auto value = take(*newValue);
  if (!value) return code(value);
  return code(tell(engineHandle, Function::set_option, policy::call::SetOption{raw(option), std::move(*value)}));
}

DWORD WINAPI FwpmEngineGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, PSID* sidOwner,
                                        PSID* sidGroup, PACL* dacl, PACL* sacl,
                                        PSECURITY_DESCRIPTOR* securityDescriptor) {
  return get_security(engineHandle, kEngine, securityInfo, {sidOwner, sidGroup, dacl, sacl, securityDescriptor});
}
DWORD WINAPI FwpmEngineSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, const SID* sidOwner,
                                        const SID* sidGroup, const ACL* dacl, const ACL* sacl) {
  return set_security(engineHandle, kEngine, securityInfo, sidOwner, sidGroup, dacl, sacl);
}

DWORD WINAPI FwpmSessionCreateEnumHandle0(HANDLE engineHandle, const FWPM_SESSION_ENUM_TEMPLATE0*, HANDLE* enumHandle) {
  return create_enumeration(engineHandle, {policy::call::kEnumSessions, {}, {}}, enumHandle);
}
DWORD WINAPI FwpmSessionEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                              FWPM_SESSION0*** entries, UINT32* numEntriesReturned) {
  return next_entries<policy::call::FoundSession>(engineHandle, enumHandle, numEntriesRequested, entries,
                                                  numEntriesReturned);
}
DWORD WINAPI FwpmSessionDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle) {
  return destroy_enumeration(engineHandle, enumHandle);
}

DWORD WINAPI FwpmTransactionBegin0(HANDLE engineHandle, UINT32 flags) {
  return code(tell(engineHandle, Function::txn_begin, flags));
}
DWORD WINAPI FwpmTransactionCommit0(HANDLE engineHandle) {
  return code(tell(engineHandle, Function::txn_commit, uint32_t{0}));
}
DWORD WINAPI FwpmTransactionAbort0(HANDLE engineHandle) {
  return code(tell(engineHandle, Function::txn_abort, uint32_t{0}));
}

DWORD WINAPI FwpmLayerGetById0(HANDLE engineHandle, UINT16 id, FWPM_LAYER0** layer) {
  if (!layer) return FWP_E_NULL_POINTER;
  *layer = nullptr;
  const auto found =
      ask<policy::call::FoundLayer>(engineHandle, Function::get_layer, policy::call::Reference{0, {}, id});
  if (found) deliver(*found, layer);
  return code(found);
}
DWORD WINAPI FwpmLayerGetByKey0(HANDLE engineHandle, const GUID* key, FWPM_LAYER0** layer) {
  if (!layer || !key) return FWP_E_NULL_POINTER;
  *layer = nullptr;
  const auto found =
      ask<policy::call::FoundLayer>(engineHandle, Function::get_layer, policy::call::Reference{0, take(*key), 0});
  if (found) deliver(*found, layer);
  return code(found);
}
// All layers have one protection; a key names one of them, to be read.
DWORD WINAPI FwpmLayerGetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                            PSID* sidOwner, PSID* sidGroup, PACL* dacl, PACL* sacl,
                                            PSECURITY_DESCRIPTOR* securityDescriptor) {
  if (key && !policy::find_layer(take(*key))) return FWP_E_LAYER_NOT_FOUND;
  return get_security(engineHandle, kLayers, securityInfo, {sidOwner, sidGroup, dacl, sacl, securityDescriptor});
}
DWORD WINAPI FwpmLayerSetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                            const SID* sidOwner, const SID* sidGroup, const ACL* dacl,
                                            const ACL* sacl) {
  if (key) return policy::find_layer(take(*key)) ? ERROR_NOT_SUPPORTED : FWP_E_LAYER_NOT_FOUND;
  return set_security(engineHandle, kLayers, securityInfo, sidOwner, sidGroup, dacl, sacl);
}
DWORD WINAPI FwpmLayerCreateEnumHandle0(HANDLE engineHandle, const FWPM_LAYER_ENUM_TEMPLATE0*, HANDLE* enumHandle) {
  return create_enumeration(engineHandle, {policy::call::kEnumLayers, {}, {}}, enumHandle);
}
DWORD WINAPI FwpmLayerEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested, FWPM_LAYER0*** entries,
                            UINT32* numEntriesReturned) {
  return next_entries<policy::call::FoundLayer>(engineHandle, enumHandle, numEntriesRequested, entries,
                                                numEntriesReturned);
}
DWORD WINAPI FwpmLayerDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle) {
  return destroy_enumeration(engineHandle, enumHandle);
}

// The path of the program in UTF-16, in lower case as far as ASCII goes, with its end: what filters compare with.
DWORD WINAPI FwpmGetAppIdFromFileName0(PCWSTR fileName, FWP_BYTE_BLOB** appId) {
  if (!fileName || !appId) return FWP_E_NULL_POINTER;
  *appId = nullptr;
  const auto name = take(fileName);
  if (!name) return code(name);
  char resolved[PATH_MAX];
  if (!::realpath(name->c_str(), resolved)) return ERROR_FILE_NOT_FOUND;
  Arena arena;
  FWP_BYTE_BLOB* const root = arena.make<FWP_BYTE_BLOB>();
  const Bytes octets = policy::app_id_of(resolved);
  *root = give(arena, sallyport::ByteView(octets));
  arena.release();
  *appId = root;
  return ERROR_SUCCESS;
}

DWORD WINAPI FwpmIPsecTunnelAdd0(HANDLE engineHandle, UINT32 flags, const FWPM_PROVIDER_CONTEXT0* mainModePolicy,
                                 const FWPM_PROVIDER_CONTEXT0* tunnelPolicy, UINT32 numFilterConditions,
                                 const FWPM_FILTER_CONDITION0* filterConditions, PSECURITY_DESCRIPTOR sd) {
  return add_tunnel(engineHandle, flags, mainModePolicy, tunnelPolicy, numFilterConditions, filterConditions, nullptr,
                    sd);
}
DWORD WINAPI FwpmIPsecTunnelAdd1(HANDLE engineHandle, UINT32 flags, const FWPM_PROVIDER_CONTEXT1* mainModePolicy,
                                 const FWPM_PROVIDER_CONTEXT1* tunnelPolicy, UINT32 numFilterConditions,
                                 const FWPM_FILTER_CONDITION0* filterConditions, const GUID* keyModKey,
                                 PSECURITY_DESCRIPTOR sd) {
  return add_tunnel(engineHandle, flags, mainModePolicy, tunnelPolicy, numFilterConditions, filterConditions, keyModKey,
                    sd);
}
DWORD WINAPI FwpmIPsecTunnelAdd2(HANDLE engineHandle, UINT32 flags, const FWPM_PROVIDER_CONTEXT2* mainModePolicy,
                                 const FWPM_PROVIDER_CONTEXT2* tunnelPolicy, UINT32 numFilterConditions,
                                 const FWPM_FILTER_CONDITION0* filterConditions, const GUID* keyModKey,
                                 PSECURITY_DESCRIPTOR sd) {
  return add_tunnel(engineHandle, flags, mainModePolicy, tunnelPolicy, numFilterConditions, filterConditions, keyModKey,
                    sd);
}
DWORD WINAPI FwpmIPsecTunnelAdd3(HANDLE engineHandle, UINT32 flags, const FWPM_PROVIDER_CONTEXT3* mainModePolicy,
                                 const FWPM_PROVIDER_CONTEXT3* tunnelPolicy, UINT32 numFilterConditions,
                                 const FWPM_FILTER_CONDITION0* filterConditions, const GUID* keyModKey,
                                 PSECURITY_DESCRIPTOR sd) {
  return add_tunnel(engineHandle, flags, mainModePolicy, tunnelPolicy, numFilterConditions, filterConditions, keyModKey,
                    sd);
}
DWORD WINAPI FwpmIPsecTunnelDeleteByKey0(HANDLE engineHandle, const GUID* key) {
  if (!key) return FWP_E_NULL_POINTER;
  return code(tell(engineHandle, Function::tunnel_remove, take(*key)));
}

}  // extern "C"
