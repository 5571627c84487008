// SubLayers: the functions of their group.
#include <sallyport/windows/fwpmu.h>

#include "api/windows/calls.h"

namespace sallyport::api::windows {
namespace {

constexpr policy::ObjectKind kKind = policy::ObjectKind::sublayer;

}  // namespace
}  // namespace sallyport::api::windows

using namespace sallyport::api::windows;
namespace policy = sallyport::policy;
using policy::call::Function;

extern "C" {

DWORD WINAPI FwpmSubLayerAdd0(HANDLE engineHandle, const FWPM_SUBLAYER0* subLayer, PSECURITY_DESCRIPTOR sd) {
  return code(add_object(engineHandle, Function::add_sublayer, subLayer, sd));
}
DWORD WINAPI FwpmSubLayerDeleteByKey0(HANDLE engineHandle, const GUID* key) {
  return remove_object(engineHandle, key, by_key(kKind, key));
}
DWORD WINAPI FwpmSubLayerGetByKey0(HANDLE engineHandle, const GUID* key, FWPM_SUBLAYER0** subLayer) {
  return get_object<policy::SubLayer>(engineHandle, key, by_key(kKind, key), subLayer);
}

DWORD WINAPI FwpmSubLayerCreateEnumHandle0(HANDLE engineHandle, const FWPM_SUBLAYER_ENUM_TEMPLATE0* enumTemplate,
                                           HANDLE* enumHandle) {
  return create_enumeration(engineHandle, kKind, enumTemplate, enumHandle);
}
DWORD WINAPI FwpmSubLayerEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                               FWPM_SUBLAYER0*** entries, UINT32* numEntriesReturned) {
  return next_entries<Found<policy::SubLayer>>(engineHandle, enumHandle, numEntriesRequested, entries,
                                               numEntriesReturned);
}
DWORD WINAPI FwpmSubLayerDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle) {
  return destroy_enumeration(engineHandle, enumHandle);
}

DWORD WINAPI FwpmSubLayerGetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                               PSID* sidOwner, PSID* sidGroup, PACL* dacl, PACL* sacl,
                                               PSECURITY_DESCRIPTOR* securityDescriptor) {
  return get_security(engineHandle, protected_object(kKind, key), securityInfo,
                      {sidOwner, sidGroup, dacl, sacl, securityDescriptor});
}
DWORD WINAPI FwpmSubLayerSetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                               const SID* sidOwner, const SID* sidGroup, const ACL* dacl,
                                               const ACL* sacl) {
  return set_security(engineHandle, protected_object(kKind, key), securityInfo, sidOwner, sidGroup, dacl, sacl);
}

DWORD WINAPI FwpmSubLayerSubscribeChanges0(HANDLE engineHandle, const FWPM_SUBLAYER_SUBSCRIPTION0* subscription,
                                           FWPM_SUBLAYER_CHANGE_CALLBACK0 callback, void* context,
                                           HANDLE* changeHandle) {
  if (!subscription || !callback) return FWP_E_NULL_POINTER;
  policy::call::Subscribe wanted{static_cast<uint32_t>(kKind), subscription->flags, {}, {}};
  if (const auto taken = take_template(subscription->enumTemplate, wanted); !taken) return code(taken);
  const auto tell_change = [callback, context](const policy::call::Notice& notice) {
    const FWPM_SUBLAYER_CHANGE0 change{static_cast<FWPM_CHANGE_TYPE>(notice.change), give(notice.key)};
    callback(context, &change);
  };
  return subscribe(engineHandle, std::move(wanted), tell_change, changeHandle);
}
DWORD WINAPI FwpmSubLayerUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle) {
  return unsubscribe(engineHandle, changeHandle);
}
DWORD WINAPI FwpmSubLayerSubscriptionsGet0(HANDLE engineHandle, FWPM_SUBLAYER_SUBSCRIPTION0*** entries,
                                           UINT32* numEntries) {
  return get_subscriptions<FWPM_SUBLAYER_SUBSCRIPTION0>(engineHandle, kKind, entries, numEntries);
}

}  // extern "C"
