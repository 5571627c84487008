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
DWORD WINAPI IPsecGetStatistics0(HANDLE engineHandle, IPSEC_STATISTICS0*) { return not_served(engineHandle); }
DWORD WINAPI IPsecGetStatistics1(HANDLE engineHandle, IPSEC_STATISTICS1*) { return not_served(engineHandle); }
DWORD WINAPI IPsecSaContextCreate0(HANDLE engineHandle, const IPSEC_TRAFFIC0*, UINT64*, UINT64*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaContextCreate1(HANDLE engineHandle, const IPSEC_TRAFFIC1*, const IPSEC_VIRTUAL_IF_TUNNEL_INFO0*,
                                   UINT64*, UINT64*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaContextDeleteById0(HANDLE engineHandle, UINT64) { return not_served(engineHandle); }
DWORD WINAPI IPsecSaContextGetById0(HANDLE engineHandle, UINT64, IPSEC_SA_CONTEXT0**) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaContextGetById1(HANDLE engineHandle, UINT64, IPSEC_SA_CONTEXT1**) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaContextGetSpi0(HANDLE engineHandle, UINT64, const IPSEC_GETSPI0*, IPSEC_SA_SPI*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaContextGetSpi1(HANDLE engineHandle, UINT64, const IPSEC_GETSPI1*, IPSEC_SA_SPI*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaContextSetSpi0(HANDLE engineHandle, UINT64, const IPSEC_GETSPI1*, IPSEC_SA_SPI) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaContextAddInbound0(HANDLE engineHandle, UINT64, const IPSEC_SA_BUNDLE0*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaContextAddOutbound0(HANDLE engineHandle, UINT64, const IPSEC_SA_BUNDLE0*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaContextAddInbound1(HANDLE engineHandle, UINT64, const IPSEC_SA_BUNDLE1*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaContextAddOutbound1(HANDLE engineHandle, UINT64, const IPSEC_SA_BUNDLE1*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaContextExpire0(HANDLE engineHandle, UINT64) { return not_served(engineHandle); }
DWORD WINAPI IPsecSaContextUpdate0(HANDLE engineHandle, UINT64, const IPSEC_SA_CONTEXT1*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaContextCreateEnumHandle0(HANDLE engineHandle, const IPSEC_SA_CONTEXT_ENUM_TEMPLATE0*, HANDLE*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaContextEnum0(HANDLE engineHandle, HANDLE, UINT32, IPSEC_SA_CONTEXT0***, UINT32*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaContextEnum1(HANDLE engineHandle, HANDLE, UINT32, IPSEC_SA_CONTEXT1***, UINT32*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaContextDestroyEnumHandle0(HANDLE engineHandle, HANDLE) { return not_served(engineHandle); }
DWORD WINAPI IPsecSaContextSubscribe0(HANDLE engineHandle, const IPSEC_SA_CONTEXT_SUBSCRIPTION0*,
                                      IPSEC_SA_CONTEXT_CALLBACK0, void*, HANDLE*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaContextUnsubscribe0(HANDLE engineHandle, HANDLE) { return not_served(engineHandle); }
DWORD WINAPI IPsecSaContextSubscriptionsGet0(HANDLE engineHandle, IPSEC_SA_CONTEXT_SUBSCRIPTION0***, UINT32*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaCreateEnumHandle0(HANDLE engineHandle, const IPSEC_SA_ENUM_TEMPLATE0*, HANDLE*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaEnum0(HANDLE engineHandle, HANDLE, UINT32, IPSEC_SA_DETAILS0***, UINT32*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaEnum1(HANDLE engineHandle, HANDLE, UINT32, IPSEC_SA_DETAILS1***, UINT32*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaDestroyEnumHandle0(HANDLE engineHandle, HANDLE) { return not_served(engineHandle); }
DWORD WINAPI IPsecSaDbGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION, PSID*, PSID*, PACL*, PACL*,
                                       PSECURITY_DESCRIPTOR*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecSaDbSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION, const SID*, const SID*, const ACL*,
                                       const ACL*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecDospGetStatistics0(HANDLE engineHandle, IPSEC_DOSP_STATISTICS0*) { return not_served(engineHandle); }
DWORD WINAPI IPsecDospStateCreateEnumHandle0(HANDLE engineHandle, const IPSEC_DOSP_STATE_ENUM_TEMPLATE0*, HANDLE*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecDospStateEnum0(HANDLE engineHandle, HANDLE, UINT32, IPSEC_DOSP_STATE0***, UINT32*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecDospStateDestroyEnumHandle0(HANDLE engineHandle, HANDLE) { return not_served(engineHandle); }
DWORD WINAPI IPsecDospGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION, PSID*, PSID*, PACL*, PACL*,
                                       PSECURITY_DESCRIPTOR*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecDospSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION, const SID*, const SID*, const ACL*,
                                       const ACL*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecKeyManagerAddAndRegister0(HANDLE engineHandle, const IPSEC_KEY_MANAGER0*,
                                            const IPSEC_KEY_MANAGER_CALLBACKS0*, HANDLE*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecKeyManagerUnregisterAndDelete0(HANDLE engineHandle, HANDLE) { return not_served(engineHandle); }
DWORD WINAPI IPsecKeyManagersGet0(HANDLE engineHandle, IPSEC_KEY_MANAGER0***, UINT32*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecKeyManagerGetSecurityInfoByKey0(HANDLE engineHandle, const void*, SECURITY_INFORMATION, PSID*, PSID*,
                                                  PACL*, PACL*, PSECURITY_DESCRIPTOR*) {
  return not_served(engineHandle);
}
DWORD WINAPI IPsecKeyManagerSetSecurityInfoByKey0(HANDLE engineHandle, const void*, SECURITY_INFORMATION, const SID*,
                                                  const SID*, const ACL*, const ACL*) {
  return not_served(engineHandle);
}
DWORD WINAPI IkeextGetStatistics0(HANDLE engineHandle, IKEEXT_STATISTICS0*) { return not_served(engineHandle); }
DWORD WINAPI IkeextGetStatistics1(HANDLE engineHandle, IKEEXT_STATISTICS1*) { return not_served(engineHandle); }
DWORD WINAPI IkeextSaDeleteById0(HANDLE engineHandle, UINT64) { return not_served(engineHandle); }
DWORD WINAPI IkeextSaGetById0(HANDLE engineHandle, UINT64, IKEEXT_SA_DETAILS0**) { return not_served(engineHandle); }
DWORD WINAPI IkeextSaGetById1(HANDLE engineHandle, UINT64, GUID*, IKEEXT_SA_DETAILS1**) {
  return not_served(engineHandle);
}
DWORD WINAPI IkeextSaGetById2(HANDLE engineHandle, UINT64, GUID*, IKEEXT_SA_DETAILS2**) {
  return not_served(engineHandle);
}
DWORD WINAPI IkeextSaCreateEnumHandle0(HANDLE engineHandle, const IKEEXT_SA_ENUM_TEMPLATE0*, HANDLE*) {
  return not_served(engineHandle);
}
DWORD WINAPI IkeextSaEnum0(HANDLE engineHandle, HANDLE, UINT32, IKEEXT_SA_DETAILS0***, UINT32*) {
  return not_served(engineHandle);
}
DWORD WINAPI IkeextSaEnum1(HANDLE engineHandle, HANDLE, UINT32, IKEEXT_SA_DETAILS1***, UINT32*) {
  return not_served(engineHandle);
}
DWORD WINAPI IkeextSaEnum2(HANDLE engineHandle, HANDLE, UINT32, IKEEXT_SA_DETAILS2***, UINT32*) {
  return not_served(engineHandle);
}
DWORD WINAPI IkeextSaDestroyEnumHandle0(HANDLE engineHandle, HANDLE) { return not_served(engineHandle); }
DWORD WINAPI IkeextSaDbGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION, PSID*, PSID*, PACL*, PACL*,
                                        PSECURITY_DESCRIPTOR*) {
  return not_served(engineHandle);
}
DWORD WINAPI IkeextSaDbSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION, const SID*, const SID*, const ACL*,
                                        const ACL*) {
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
