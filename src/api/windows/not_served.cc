// Functions of the interface that this daemon does not serve yet. Each says so to whoever has an open engine, and
// changes nothing: docs/windows-api.md lists them.
#include <sallyport/windows/fwpmu.h>

#include "api/windows/calls.h"

namespace {

DWORD not_served(HANDLE engine) {
  return sallyport::api::windows::find_link(engine) ? ERROR_NOT_SUPPORTED : ERROR_INVALID_HANDLE;
}

}  // namespace

extern "C" {

DWORD WINAPI FwpmLayerGetSecurityInfoByKey0(HANDLE engineHandle, const GUID*, SECURITY_INFORMATION, PSID*, PSID*, PACL*,
                                            PACL*, PSECURITY_DESCRIPTOR*) {
  return not_served(engineHandle);
}
DWORD WINAPI FwpmLayerSetSecurityInfoByKey0(HANDLE engineHandle, const GUID*, SECURITY_INFORMATION, const SID*,
                                            const SID*, const ACL*, const ACL*) {
  return not_served(engineHandle);
}
DWORD WINAPI FwpmSystemPortsGet0(HANDLE engineHandle, FWPM_SYSTEM_PORTS0**) { return not_served(engineHandle); }
DWORD WINAPI FwpmSystemPortsSubscribe0(HANDLE engineHandle, void*, FWPM_SYSTEM_PORTS_CALLBACK0, void*, HANDLE*) {
  return not_served(engineHandle);
}
DWORD WINAPI FwpmSystemPortsUnsubscribe0(HANDLE engineHandle, HANDLE) { return not_served(engineHandle); }
DWORD WINAPI FwpmConnectionGetById0(HANDLE engineHandle, UINT64, FWPM_CONNECTION0**) {
  return not_served(engineHandle);
}
DWORD WINAPI FwpmConnectionEnum0(HANDLE engineHandle, HANDLE, UINT32, FWPM_CONNECTION0***, UINT32*) {
  return not_served(engineHandle);
}
DWORD WINAPI FwpmConnectionCreateEnumHandle0(HANDLE engineHandle, const FWPM_CONNECTION_ENUM_TEMPLATE0*, HANDLE*) {
  return not_served(engineHandle);
}
DWORD WINAPI FwpmConnectionDestroyEnumHandle0(HANDLE engineHandle, HANDLE) { return not_served(engineHandle); }
DWORD WINAPI FwpmConnectionGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION, PSID*, PSID*, PACL*, PACL*,
                                            PSECURITY_DESCRIPTOR*) {
  return not_served(engineHandle);
}
DWORD WINAPI FwpmConnectionSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION, const SID*, const SID*,
                                            const ACL*, const ACL*) {
  return not_served(engineHandle);
}
DWORD WINAPI FwpmConnectionSubscribe0(HANDLE engineHandle, const FWPM_CONNECTION_SUBSCRIPTION0*,
                                      FWPM_CONNECTION_CALLBACK0, void*, HANDLE*) {
  return not_served(engineHandle);
}
DWORD WINAPI FwpmConnectionUnsubscribe0(HANDLE engineHandle, HANDLE) { return not_served(engineHandle); }
DWORD WINAPI FwpmConnectionSubscriptionsGet0(HANDLE engineHandle, FWPM_CONNECTION_SUBSCRIPTION0***, UINT32*) {
  return not_served(engineHandle);
}

}  // extern "C"
