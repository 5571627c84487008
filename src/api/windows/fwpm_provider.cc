// Providers: the functions of their group.
#include <sallyport/windows/fwpmu.h>

#include "api/windows/calls.h"

namespace sallyport::api::windows {
namespace {

constexpr policy::ObjectKind kKind = policy::ObjectKind::provider;

}  // namespace
}  // namespace sallyport::api::windows

using namespace sallyport::api::windows;
namespace policy = sallyport::policy;
using policy::call::Function;

extern "C" {

DWORD WINAPI FwpmProviderAdd0(HANDLE engineHandle, const FWPM_PROVIDER0* provider, PSECURITY_DESCRIPTOR sd) {
  return code(add_object(engineHandle, Function::add_provider, provider, sd));
}
DWORD WINAPI FwpmProviderDeleteByKey0(HANDLE engineHandle, const GUID* key) {
  return remove_object(engineHandle, key, by_key(kKind, key));
}
DWORD WINAPI FwpmProviderGetByKey0(HANDLE engineHandle, const GUID* key, FWPM_PROVIDER0** provider) {
  return get_object<policy::Provider>(engineHandle, key, by_key(kKind, key), provider);
}

DWORD WINAPI FwpmProviderCreateEnumHandle0(HANDLE engineHandle, const FWPM_PROVIDER_ENUM_TEMPLATE0*,
                                           HANDLE* enumHandle) {
  return create_enumeration(engineHandle, {static_cast<uint32_t>(kKind), {}, {}}, enumHandle);
}
DWORD WINAPI FwpmProviderEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                               FWPM_PROVIDER0*** entries, UINT32* numEntriesReturned) {
  return next_entries<Found<policy::Provider>>(engineHandle, enumHandle, numEntriesRequested, entries,
                                               numEntriesReturned);
}
DWORD WINAPI FwpmProviderDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle) {
  return destroy_enumeration(engineHandle, enumHandle);
}

DWORD WINAPI FwpmProviderGetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                               PSID* sidOwner, PSID* sidGroup, PACL* dacl, PACL* sacl,
                                               PSECURITY_DESCRIPTOR* securityDescriptor) {
  return get_security(engineHandle, protected_object(kKind, key), securityInfo,
                      {sidOwner, sidGroup, dacl, sacl, securityDescriptor});
}
DWORD WINAPI FwpmProviderSetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                               const SID* sidOwner, const SID* sidGroup, const ACL* dacl,
                                               const ACL* sacl) {
  return set_security(engineHandle, protected_object(kKind, key), securityInfo, sidOwner, sidGroup, dacl, sacl);
}

DWORD WINAPI FwpmProviderSubscribeChanges0(HANDLE engineHandle, const FWPM_PROVIDER_SUBSCRIPTION0* subscription,
                                           FWPM_PROVIDER_CHANGE_CALLBACK0 callback, void* context,
                                           HANDLE* changeHandle) {
  if (!subscription || !callback) return FWP_E_NULL_POINTER;
  policy::call::Subscribe wanted{static_cast<uint32_t>(kKind), subscription->flags, {}, {}};
  const auto tell_change = [callback, context](const policy::call::Notice& notice) {
    const FWPM_PROVIDER_CHANGE0 change{static_cast<FWPM_CHANGE_TYPE>(notice.change), give(notice.key)};
    callback(context, &change);
  };
  return subscribe(engineHandle, std::move(wanted), tell_change, changeHandle);
}
DWORD WINAPI FwpmProviderUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle) {
  return unsubscribe(engineHandle, changeHandle);
}
DWORD WINAPI FwpmProviderSubscriptionsGet0(HANDLE engineHandle, FWPM_PROVIDER_SUBSCRIPTION0*** entries,
                                           UINT32* numEntries) {
  return get_subscriptions<FWPM_PROVIDER_SUBSCRIPTION0>(engineHandle, kKind, entries, numEntries);
}

}  // extern "C"
