// ProviderContexts: the functions of their group.
#include <sallyport/windows/fwpmu.h>

#include "api/windows/calls.h"

namespace sallyport::api::windows {
namespace {

constexpr policy::ObjectKind kKind = policy::ObjectKind::provider_context;

}  // namespace
}  // namespace sallyport::api::windows

using namespace sallyport::api::windows;
namespace policy = sallyport::policy;
using policy::call::Function;

extern "C" {

DWORD WINAPI FwpmProviderContextAdd0(HANDLE engineHandle, const FWPM_PROVIDER_CONTEXT0* providerContext,
                                     PSECURITY_DESCRIPTOR sd, UINT64* id) {
  return added(add_object(engineHandle, Function::add_context, providerContext, sd), id);
}
DWORD WINAPI FwpmProviderContextAdd1(HANDLE engineHandle, const FWPM_PROVIDER_CONTEXT1* providerContext,
                                     PSECURITY_DESCRIPTOR sd, UINT64* id) {
  return added(add_object(engineHandle, Function::add_context, providerContext, sd), id);
}
DWORD WINAPI FwpmProviderContextAdd2(HANDLE engineHandle, const FWPM_PROVIDER_CONTEXT2* providerContext,
                                     PSECURITY_DESCRIPTOR sd, UINT64* id) {
  return added(add_object(engineHandle, Function::add_context, providerContext, sd), id);
}
DWORD WINAPI FwpmProviderContextAdd3(HANDLE engineHandle, const FWPM_PROVIDER_CONTEXT3* providerContext,
                                     PSECURITY_DESCRIPTOR sd, UINT64* id) {
  return added(add_object(engineHandle, Function::add_context, providerContext, sd), id);
}
DWORD WINAPI FwpmProviderContextDeleteById0(HANDLE engineHandle, UINT64 id) {
  return remove_object(engineHandle, true, by_id(kKind, id));
}
DWORD WINAPI FwpmProviderContextDeleteByKey0(HANDLE engineHandle, const GUID* key) {
  return remove_object(engineHandle, key, by_key(kKind, key));
}
DWORD WINAPI FwpmProviderContextGetById0(HANDLE engineHandle, UINT64 id, FWPM_PROVIDER_CONTEXT0** providerContext) {
  return get_object<policy::ProviderContext>(engineHandle, true, by_id(kKind, id), providerContext);
}
DWORD WINAPI FwpmProviderContextGetByKey0(HANDLE engineHandle, const GUID* key,
                                          FWPM_PROVIDER_CONTEXT0** providerContext) {
  return get_object<policy::ProviderContext>(engineHandle, key, by_key(kKind, key), providerContext);
}
DWORD WINAPI FwpmProviderContextGetById1(HANDLE engineHandle, UINT64 id, FWPM_PROVIDER_CONTEXT1** providerContext) {
  return get_object<policy::ProviderContext>(engineHandle, true, by_id(kKind, id), providerContext);
}
DWORD WINAPI FwpmProviderContextGetByKey1(HANDLE engineHandle, const GUID* key,
                                          FWPM_PROVIDER_CONTEXT1** providerContext) {
  return get_object<policy::ProviderContext>(engineHandle, key, by_key(kKind, key), providerContext);
}
DWORD WINAPI FwpmProviderContextGetById2(HANDLE engineHandle, UINT64 id, FWPM_PROVIDER_CONTEXT2** providerContext) {
  return get_object<policy::ProviderContext>(engineHandle, true, by_id(kKind, id), providerContext);
}
DWORD WINAPI FwpmProviderContextGetByKey2(HANDLE engineHandle, const GUID* key,
                                          FWPM_PROVIDER_CONTEXT2** providerContext) {
  return get_object<policy::ProviderContext>(engineHandle, key, by_key(kKind, key), providerContext);
}
DWORD WINAPI FwpmProviderContextGetById3(HANDLE engineHandle, UINT64 id, FWPM_PROVIDER_CONTEXT3** providerContext) {
  return get_object<policy::ProviderContext>(engineHandle, true, by_id(kKind, id), providerContext);
}
DWORD WINAPI FwpmProviderContextGetByKey3(HANDLE engineHandle, const GUID* key,
                                          FWPM_PROVIDER_CONTEXT3** providerContext) {
  return get_object<policy::ProviderContext>(engineHandle, key, by_key(kKind, key), providerContext);
}

DWORD WINAPI FwpmProviderContextCreateEnumHandle0(HANDLE engineHandle,
                                                  const FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0* enumTemplate,
                                                  HANDLE* enumHandle) {
  return create_enumeration(engineHandle, kKind, enumTemplate, enumHandle);
}
DWORD WINAPI FwpmProviderContextEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                      FWPM_PROVIDER_CONTEXT0*** entries, UINT32* numEntriesReturned) {
  return next_entries<Found<policy::ProviderContext>>(engineHandle, enumHandle, numEntriesRequested, entries,
                                                      numEntriesReturned);
}
DWORD WINAPI FwpmProviderContextEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                      FWPM_PROVIDER_CONTEXT1*** entries, UINT32* numEntriesReturned) {
  return next_entries<Found<policy::ProviderContext>>(engineHandle, enumHandle, numEntriesRequested, entries,
                                                      numEntriesReturned);
}
DWORD WINAPI FwpmProviderContextEnum2(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                      FWPM_PROVIDER_CONTEXT2*** entries, UINT32* numEntriesReturned) {
  return next_entries<Found<policy::ProviderContext>>(engineHandle, enumHandle, numEntriesRequested, entries,
                                                      numEntriesReturned);
}
DWORD WINAPI FwpmProviderContextEnum3(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                      FWPM_PROVIDER_CONTEXT3*** entries, UINT32* numEntriesReturned) {
  return next_entries<Found<policy::ProviderContext>>(engineHandle, enumHandle, numEntriesRequested, entries,
                                                      numEntriesReturned);
}
DWORD WINAPI FwpmProviderContextDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle) {
  return destroy_enumeration(engineHandle, enumHandle);
}

DWORD WINAPI FwpmProviderContextGetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key,
                                                      SECURITY_INFORMATION securityInfo, PSID* sidOwner, PSID* sidGroup,
                                                      PACL* dacl, PACL* sacl,
                                                      PSECURITY_DESCRIPTOR* securityDescriptor) {
  return get_security(engineHandle, protected_object(kKind, key), securityInfo,
                      {sidOwner, sidGroup, dacl, sacl, securityDescriptor});
}
DWORD WINAPI FwpmProviderContextSetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key,
                                                      SECURITY_INFORMATION securityInfo, const SID* sidOwner,
                                                      const SID* sidGroup, const ACL* dacl, const ACL* sacl) {
  return set_security(engineHandle, protected_object(kKind, key), securityInfo, sidOwner, sidGroup, dacl, sacl);
}

DWORD WINAPI FwpmProviderContextSubscribeChanges0(HANDLE engineHandle,
                                                  const FWPM_PROVIDER_CONTEXT_SUBSCRIPTION0* subscription,
                                                  FWPM_PROVIDER_CONTEXT_CHANGE_CALLBACK0 callback, void* context,
                                                  HANDLE* changeHandle) {
  if (!subscription || !callback) return FWP_E_NULL_POINTER;
  policy::call::Subscribe wanted{static_cast<uint32_t>(kKind), subscription->flags, {}, {}};
  if (const auto taken = take_template(subscription->enumTemplate, wanted); !taken) return code(taken);
  const auto tell_change = [callback, context](const policy::call::Notice& notice) {
    const FWPM_PROVIDER_CONTEXT_CHANGE0 change{static_cast<FWPM_CHANGE_TYPE>(notice.change), give(notice.key),
                                               static_cast<UINT64>(notice.id)};
    callback(context, &change);
  };
  return subscribe(engineHandle, std::move(wanted), tell_change, changeHandle);
}
DWORD WINAPI FwpmProviderContextUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle) {
  return unsubscribe(engineHandle, changeHandle);
}
DWORD WINAPI FwpmProviderContextSubscriptionsGet0(HANDLE engineHandle, FWPM_PROVIDER_CONTEXT_SUBSCRIPTION0*** entries,
                                                  UINT32* numEntries) {
  return get_subscriptions<FWPM_PROVIDER_CONTEXT_SUBSCRIPTION0>(engineHandle, kKind, entries, numEntries);
}

}  // extern "C"
