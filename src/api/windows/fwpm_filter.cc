// Filters: the functions of their group.
#include <sallyport/windows/fwpmu.h>

#include "api/windows/calls.h"

namespace sallyport::api::windows {
namespace {

constexpr policy::ObjectKind kKind = policy::ObjectKind::filter;

}  // namespace
}  // namespace sallyport::api::windows

using namespace sallyport::api::windows;
namespace policy = sallyport::policy;
using policy::call::Function;

extern "C" {

DWORD WINAPI FwpmFilterAdd0(HANDLE engineHandle, const FWPM_FILTER0* filter, PSECURITY_DESCRIPTOR sd, UINT64* id) {
  return added(add_object(engineHandle, Function::add_filter, filter, sd), id);
}
DWORD WINAPI FwpmFilterDeleteById0(HANDLE engineHandle, UINT64 id) {
  return remove_object(engineHandle, true, by_id(kKind, id));
}
DWORD WINAPI FwpmFilterDeleteByKey0(HANDLE engineHandle, const GUID* key) {
  return remove_object(engineHandle, key, by_key(kKind, key));
}
DWORD WINAPI FwpmFilterGetById0(HANDLE engineHandle, UINT64 id, FWPM_FILTER0** filter) {
  return get_object<policy::Filter>(engineHandle, true, by_id(kKind, id), filter);
}
DWORD WINAPI FwpmFilterGetByKey0(HANDLE engineHandle, const GUID* key, FWPM_FILTER0** filter) {
  return get_object<policy::Filter>(engineHandle, key, by_key(kKind, key), filter);
}

DWORD WINAPI FwpmFilterCreateEnumHandle0(HANDLE engineHandle, const FWPM_FILTER_ENUM_TEMPLATE0* enumTemplate,
                                         HANDLE* enumHandle) {
  return create_enumeration(engineHandle, kKind, enumTemplate, enumHandle);
}
DWORD WINAPI FwpmFilterEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                             FWPM_FILTER0*** entries, UINT32* numEntriesReturned) {
  return next_entries<Found<policy::Filter>>(engineHandle, enumHandle, numEntriesRequested, entries,
                                             numEntriesReturned);
}
DWORD WINAPI FwpmFilterDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle) {
  return destroy_enumeration(engineHandle, enumHandle);
}

DWORD WINAPI FwpmFilterGetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                             PSID* sidOwner, PSID* sidGroup, PACL* dacl, PACL* sacl,
                                             PSECURITY_DESCRIPTOR* securityDescriptor) {
  return get_security(engineHandle, protected_object(kKind, key), securityInfo,
                      {sidOwner, sidGroup, dacl, sacl, securityDescriptor});
}
DWORD WINAPI FwpmFilterSetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                             const SID* sidOwner, const SID* sidGroup, const ACL* dacl,
                                             const ACL* sacl) {
  return set_security(engineHandle, protected_object(kKind, key), securityInfo, sidOwner, sidGroup, dacl, sacl);
}

DWORD WINAPI FwpmFilterSubscribeChanges0(HANDLE engineHandle, const FWPM_FILTER_SUBSCRIPTION0* subscription,
                                         FWPM_FILTER_CHANGE_CALLBACK0 callback, void* context, HANDLE* changeHandle) {
  if (!subscription || !callback) return FWP_E_NULL_POINTER;
  policy::call::Subscribe wanted{static_cast<uint32_t>(kKind), subscription->flags, {}, {}};
  if (const auto taken = take_template(subscription->enumTemplate, wanted); !taken) return code(taken);
  const auto tell_change = [callback, context](const policy::call::Notice& notice) {
    const FWPM_FILTER_CHANGE0 change{static_cast<FWPM_CHANGE_TYPE>(notice.change), give(notice.key),
                                     static_cast<UINT64>(notice.id)};
    callback(context, &change);
  };
  return subscribe(engineHandle, std::move(wanted), tell_change, changeHandle);
}
DWORD WINAPI FwpmFilterUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle) {
  return unsubscribe(engineHandle, changeHandle);
}
DWORD WINAPI FwpmFilterSubscriptionsGet0(HANDLE engineHandle, FWPM_FILTER_SUBSCRIPTION0*** entries,
                                         UINT32* numEntries) {
  return get_subscriptions<FWPM_FILTER_SUBSCRIPTION0>(engineHandle, kKind, entries, numEntries);
}

}  // extern "C"
