// Callouts: the functions of their group.
#include <sallyport/windows/fwpmu.h>

#include "api/windows/calls.h"

namespace sallyport::api::windows {
namespace {

constexpr policy::ObjectKind kKind = policy::ObjectKind::callout;

}  // namespace
}  // namespace sallyport::api::windows

using namespace sallyport::api::windows;
namespace policy = sallyport::policy;
using policy::call::Function;

extern "C" {

DWORD WINAPI FwpmCalloutAdd0(HANDLE engineHandle, const FWPM_CALLOUT0* callout, PSECURITY_DESCRIPTOR sd, UINT32* id) {
  return added(add_object(engineHandle, Function::add_callout, callout, sd), id);
}
DWORD WINAPI FwpmCalloutDeleteById0(HANDLE engineHandle, UINT32 id) {
  return remove_object(engineHandle, true, by_id(kKind, id));
}
DWORD WINAPI FwpmCalloutDeleteByKey0(HANDLE engineHandle, const GUID* key) {
  return remove_object(engineHandle, key, by_key(kKind, key));
}
DWORD WINAPI FwpmCalloutGetById0(HANDLE engineHandle, UINT32 id, FWPM_CALLOUT0** callout) {
  return get_object<policy::Callout>(engineHandle, true, by_id(kKind, id), callout);
}
DWORD WINAPI FwpmCalloutGetByKey0(HANDLE engineHandle, const GUID* key, FWPM_CALLOUT0** callout) {
  return get_object<policy::Callout>(engineHandle, key, by_key(kKind, key), callout);
}

DWORD WINAPI FwpmCalloutCreateEnumHandle0(HANDLE engineHandle, const FWPM_CALLOUT_ENUM_TEMPLATE0* enumTemplate,
                                          HANDLE* enumHandle) {
  return create_enumeration(engineHandle, kKind, enumTemplate, enumHandle);
}
DWORD WINAPI FwpmCalloutEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                              FWPM_CALLOUT0*** entries, UINT32* numEntriesReturned) {
  return next_entries<Found<policy::Callout>>(engineHandle, enumHandle, numEntriesRequested, entries,
                                              numEntriesReturned);
}
DWORD WINAPI FwpmCalloutDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle) {
  return destroy_enumeration(engineHandle, enumHandle);
}

DWORD WINAPI FwpmCalloutGetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                              PSID* sidOwner, PSID* sidGroup, PACL* dacl, PACL* sacl,
                                              PSECURITY_DESCRIPTOR* securityDescriptor) {
  return get_security(engineHandle, protected_object(kKind, key), securityInfo,
                      {sidOwner, sidGroup, dacl, sacl, securityDescriptor});
}
DWORD WINAPI FwpmCalloutSetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                              const SID* sidOwner, const SID* sidGroup, const ACL* dacl,
                                              const ACL* sacl) {
  return set_security(engineHandle, protected_object(kKind, key), securityInfo, sidOwner, sidGroup, dacl, sacl);
}

DWORD WINAPI FwpmCalloutSubscribeChanges0(HANDLE engineHandle, const FWPM_CALLOUT_SUBSCRIPTION0* subscription,
                                          FWPM_CALLOUT_CHANGE_CALLBACK0 callback, void* context, HANDLE* changeHandle) {
  if (!subscription || !callback) return FWP_E_NULL_POINTER;
  policy::call::Subscribe wanted{static_cast<uint32_t>(kKind), subscription->flags, {}, {}};
  if (const auto taken = take_template(subscription->enumTemplate, wanted); !taken) return code(taken);
  const auto tell_change = [callback, context](const policy::call::Notice& notice) {
    const FWPM_CALLOUT_CHANGE0 change{static_cast<FWPM_CHANGE_TYPE>(notice.change), give(notice.key),
                                      static_cast<UINT32>(notice.id)};
    callback(context, &change);
  };
  return subscribe(engineHandle, std::move(wanted), tell_change, changeHandle);
}
DWORD WINAPI FwpmCalloutUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle) {
  return unsubscribe(engineHandle, changeHandle);
}
DWORD WINAPI FwpmCalloutSubscriptionsGet0(HANDLE engineHandle, FWPM_CALLOUT_SUBSCRIPTION0*** entries,
                                          UINT32* numEntries) {
  return get_subscriptions<FWPM_CALLOUT_SUBSCRIPTION0>(engineHandle, kKind, entries, numEntries);
}

}  // extern "C"
