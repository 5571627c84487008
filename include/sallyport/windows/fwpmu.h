// The filter engine's management functions: what a program that speaks the documented interface includes. Link with
// -lsallyport. docs/windows-api.md says what is served and how this differs from the original.
// Threads: any number may use one engine handle; their calls follow each other. Callbacks come on a thread of the
// library's own, one of them at a time for each handle. Fork: a child must not use its parent's handles.
#pragma once
#include "fwpmguids.h"
#ifndef GUID_DEFS_ONLY
#include "fwpmtypes.h"
#include "fwpvi.h"
#include "winerror.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FWPM_TXN_READ_ONLY 0x00000001u
#define FWPM_TUNNEL_FLAG_POINT_TO_POINT 0x00000001u
#define FWPM_TUNNEL_FLAG_ENABLE_VIRTUAL_IF_TUNNELING 0x00000002u
#define FWPM_TUNNEL_FLAG_SITE_TO_SITE 0x00000004u

#define FWPM_ACTRL_ADD 0x00000001u
#define FWPM_ACTRL_ADD_LINK 0x00000002u
#define FWPM_ACTRL_BEGIN_READ_TXN 0x00000004u
#define FWPM_ACTRL_BEGIN_WRITE_TXN 0x00000008u
#define FWPM_ACTRL_CLASSIFY 0x00000010u
#define FWPM_ACTRL_ENUM 0x00000020u
#define FWPM_ACTRL_OPEN 0x00000040u
#define FWPM_ACTRL_READ 0x00000080u
#define FWPM_ACTRL_READ_STATS 0x00000100u
#define FWPM_ACTRL_SUBSCRIBE 0x00000200u
#define FWPM_ACTRL_WRITE 0x00000400u

typedef void(CALLBACK* FWPM_PROVIDER_CHANGE_CALLBACK0)(void* context, const FWPM_PROVIDER_CHANGE0* change);
typedef void(CALLBACK* FWPM_PROVIDER_CONTEXT_CHANGE_CALLBACK0)(void* context,
                                                               const FWPM_PROVIDER_CONTEXT_CHANGE0* change);
typedef void(CALLBACK* FWPM_SUBLAYER_CHANGE_CALLBACK0)(void* context, const FWPM_SUBLAYER_CHANGE0* change);
typedef void(CALLBACK* FWPM_CALLOUT_CHANGE_CALLBACK0)(void* context, const FWPM_CALLOUT_CHANGE0* change);
typedef void(CALLBACK* FWPM_FILTER_CHANGE_CALLBACK0)(void* context, const FWPM_FILTER_CHANGE0* change);
typedef void(CALLBACK* IPSEC_SA_CONTEXT_CALLBACK0)(void* context, const IPSEC_SA_CONTEXT_CHANGE0* change);
typedef void(CALLBACK* IPSEC_KEY_MANAGER_KEY_DICTATION_CHECK0)(const IKEEXT_TRAFFIC0* ikeTraffic, BOOL* willDictateKey,
                                                               UINT32* weight);
typedef DWORD(CALLBACK* IPSEC_KEY_MANAGER_DICTATE_KEY0)(IPSEC_SA_DETAILS1* inboundSaDetails,
                                                        IPSEC_SA_DETAILS1* outboundSaDetails, BOOL* keyingModuleGenKey);
typedef void(CALLBACK* IPSEC_KEY_MANAGER_NOTIFY_KEY0)(const IPSEC_SA_DETAILS1* inboundSa,
                                                      const IPSEC_SA_DETAILS1* outboundSa);
typedef void(CALLBACK* FWPM_NET_EVENT_CALLBACK0)(void* context, const FWPM_NET_EVENT1* event);
typedef void(CALLBACK* FWPM_NET_EVENT_CALLBACK1)(void* context, const FWPM_NET_EVENT2* event);
typedef void(CALLBACK* FWPM_NET_EVENT_CALLBACK2)(void* context, const FWPM_NET_EVENT3* event);
typedef void(CALLBACK* FWPM_SYSTEM_PORTS_CALLBACK0)(void* context, const FWPM_SYSTEM_PORTS0* sysPorts);
typedef void(CALLBACK* FWPM_CONNECTION_CALLBACK0)(void* context, FWPM_CONNECTION_EVENT_TYPE eventType,
                                                  const FWPM_CONNECTION0* connection);

// Windows 8
typedef struct IPSEC_KEY_MANAGER_CALLBACKS0_ {
  GUID reserved;
  UINT32 flags;
  IPSEC_KEY_MANAGER_KEY_DICTATION_CHECK0 keyDictationCheck;
  IPSEC_KEY_MANAGER_DICTATE_KEY0 keyDictation;
  IPSEC_KEY_MANAGER_NOTIFY_KEY0 keyNotify;
} IPSEC_KEY_MANAGER_CALLBACKS0;

void WINAPI FwpmFreeMemory0(void** p);
DWORD WINAPI FwpmEngineOpen0(const wchar_t* serverName, UINT32 authnService, SEC_WINNT_AUTH_IDENTITY_W* authIdentity,
                             const FWPM_SESSION0* session, HANDLE* engineHandle);
DWORD WINAPI FwpmEngineClose0(HANDLE engineHandle);
DWORD WINAPI FwpmEngineGetOption0(HANDLE engineHandle, FWPM_ENGINE_OPTION option, FWP_VALUE0** value);
DWORD WINAPI FwpmEngineSetOption0(HANDLE engineHandle, FWPM_ENGINE_OPTION option, const FWP_VALUE0* newValue);
DWORD WINAPI FwpmEngineGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, PSID* sidOwner,
                                        PSID* sidGroup, PACL* dacl, PACL* sacl,
                                        PSECURITY_DESCRIPTOR* securityDescriptor);
DWORD WINAPI FwpmEngineSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, const SID* sidOwner,
                                        const SID* sidGroup, const ACL* dacl, const ACL* sacl);
DWORD WINAPI FwpmSessionCreateEnumHandle0(HANDLE engineHandle, const FWPM_SESSION_ENUM_TEMPLATE0* enumTemplate,
                                          HANDLE* enumHandle);
DWORD WINAPI FwpmSessionEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                              FWPM_SESSION0*** entries, UINT32* numEntriesReturned);
DWORD WINAPI FwpmSessionDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD WINAPI FwpmTransactionBegin0(HANDLE engineHandle, UINT32 flags);
DWORD WINAPI FwpmTransactionCommit0(HANDLE engineHandle);
DWORD WINAPI FwpmTransactionAbort0(HANDLE engineHandle);
DWORD WINAPI FwpmProviderAdd0(HANDLE engineHandle, const FWPM_PROVIDER0* provider, PSECURITY_DESCRIPTOR sd);
DWORD WINAPI FwpmProviderDeleteByKey0(HANDLE engineHandle, const GUID* key);
DWORD WINAPI FwpmProviderGetByKey0(HANDLE engineHandle, const GUID* key, FWPM_PROVIDER0** provider);
DWORD WINAPI FwpmProviderCreateEnumHandle0(HANDLE engineHandle, const FWPM_PROVIDER_ENUM_TEMPLATE0* enumTemplate,
                                           HANDLE* enumHandle);
DWORD WINAPI FwpmProviderEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                               FWPM_PROVIDER0*** entries, UINT32* numEntriesReturned);
DWORD WINAPI FwpmProviderDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD WINAPI FwpmProviderGetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                               PSID* sidOwner, PSID* sidGroup, PACL* dacl, PACL* sacl,
                                               PSECURITY_DESCRIPTOR* securityDescriptor);
DWORD WINAPI FwpmProviderSetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                               const SID* sidOwner, const SID* sidGroup, const ACL* dacl,
                                               const ACL* sacl);
DWORD WINAPI FwpmProviderSubscribeChanges0(HANDLE engineHandle, const FWPM_PROVIDER_SUBSCRIPTION0* subscription,
                                           FWPM_PROVIDER_CHANGE_CALLBACK0 callback, void* context,
                                           HANDLE* changeHandle);
DWORD WINAPI FwpmProviderUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle);
DWORD WINAPI FwpmProviderSubscriptionsGet0(HANDLE engineHandle, FWPM_PROVIDER_SUBSCRIPTION0*** entries,
                                           UINT32* numEntries);
DWORD WINAPI FwpmProviderContextAdd0(HANDLE engineHandle, const FWPM_PROVIDER_CONTEXT0* providerContext,
                                     PSECURITY_DESCRIPTOR sd, UINT64* id);
DWORD WINAPI FwpmProviderContextAdd1(HANDLE engineHandle, const FWPM_PROVIDER_CONTEXT1* providerContext,
                                     PSECURITY_DESCRIPTOR sd, UINT64* id);
DWORD WINAPI FwpmProviderContextAdd2(HANDLE engineHandle, const FWPM_PROVIDER_CONTEXT2* providerContext,
                                     PSECURITY_DESCRIPTOR sd, UINT64* id);
DWORD WINAPI FwpmProviderContextAdd3(HANDLE engineHandle, const FWPM_PROVIDER_CONTEXT3* providerContext,
                                     PSECURITY_DESCRIPTOR sd, UINT64* id);
DWORD WINAPI FwpmProviderContextDeleteById0(HANDLE engineHandle, UINT64 id);
DWORD WINAPI FwpmProviderContextDeleteByKey0(HANDLE engineHandle, const GUID* key);
DWORD WINAPI FwpmProviderContextGetById0(HANDLE engineHandle, UINT64 id, FWPM_PROVIDER_CONTEXT0** providerContext);
DWORD WINAPI FwpmProviderContextGetById1(HANDLE engineHandle, UINT64 id, FWPM_PROVIDER_CONTEXT1** providerContext);
DWORD WINAPI FwpmProviderContextGetById2(HANDLE engineHandle, UINT64 id, FWPM_PROVIDER_CONTEXT2** providerContext);
DWORD WINAPI FwpmProviderContextGetById3(HANDLE engineHandle, UINT64 id, FWPM_PROVIDER_CONTEXT3** providerContext);
DWORD WINAPI FwpmProviderContextGetByKey0(HANDLE engineHandle, const GUID* key,
                                          FWPM_PROVIDER_CONTEXT0** providerContext);
DWORD WINAPI FwpmProviderContextGetByKey1(HANDLE engineHandle, const GUID* key,
                                          FWPM_PROVIDER_CONTEXT1** providerContext);
DWORD WINAPI FwpmProviderContextGetByKey2(HANDLE engineHandle, const GUID* key,
                                          FWPM_PROVIDER_CONTEXT2** providerContext);
DWORD WINAPI FwpmProviderContextGetByKey3(HANDLE engineHandle, const GUID* key,
                                          FWPM_PROVIDER_CONTEXT3** providerContext);
DWORD WINAPI FwpmProviderContextCreateEnumHandle0(HANDLE engineHandle,
                                                  const FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0* enumTemplate,
                                                  HANDLE* enumHandle);
DWORD WINAPI FwpmProviderContextEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                      FWPM_PROVIDER_CONTEXT0*** entries, UINT32* numEntriesReturned);
DWORD WINAPI FwpmProviderContextEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                      FWPM_PROVIDER_CONTEXT1*** entries, UINT32* numEntriesReturned);
DWORD WINAPI FwpmProviderContextEnum2(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                      FWPM_PROVIDER_CONTEXT2*** entries, UINT32* numEntriesReturned);
DWORD WINAPI FwpmProviderContextEnum3(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                      FWPM_PROVIDER_CONTEXT3*** entries, UINT32* numEntriesReturned);
DWORD WINAPI FwpmProviderContextDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD WINAPI FwpmProviderContextGetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key,
                                                      SECURITY_INFORMATION securityInfo, PSID* sidOwner, PSID* sidGroup,
                                                      PACL* dacl, PACL* sacl, PSECURITY_DESCRIPTOR* securityDescriptor);
DWORD WINAPI FwpmProviderContextSetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key,
                                                      SECURITY_INFORMATION securityInfo, const SID* sidOwner,
                                                      const SID* sidGroup, const ACL* dacl, const ACL* sacl);
DWORD WINAPI FwpmProviderContextSubscribeChanges0(HANDLE engineHandle,
                                                  const FWPM_PROVIDER_CONTEXT_SUBSCRIPTION0* subscription,
                                                  FWPM_PROVIDER_CONTEXT_CHANGE_CALLBACK0 callback, void* context,
                                                  HANDLE* changeHandle);
DWORD WINAPI FwpmProviderContextUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle);
DWORD WINAPI FwpmProviderContextSubscriptionsGet0(HANDLE engineHandle, FWPM_PROVIDER_CONTEXT_SUBSCRIPTION0*** entries,
                                                  UINT32* numEntries);
DWORD WINAPI FwpmSubLayerAdd0(HANDLE engineHandle, const FWPM_SUBLAYER0* subLayer, PSECURITY_DESCRIPTOR sd);
DWORD WINAPI FwpmSubLayerDeleteByKey0(HANDLE engineHandle, const GUID* key);
DWORD WINAPI FwpmSubLayerGetByKey0(HANDLE engineHandle, const GUID* key, FWPM_SUBLAYER0** subLayer);
DWORD WINAPI FwpmSubLayerCreateEnumHandle0(HANDLE engineHandle, const FWPM_SUBLAYER_ENUM_TEMPLATE0* enumTemplate,
                                           HANDLE* enumHandle);
DWORD WINAPI FwpmSubLayerEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                               FWPM_SUBLAYER0*** entries, UINT32* numEntriesReturned);
DWORD WINAPI FwpmSubLayerDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD WINAPI FwpmSubLayerGetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                               PSID* sidOwner, PSID* sidGroup, PACL* dacl, PACL* sacl,
                                               PSECURITY_DESCRIPTOR* securityDescriptor);
DWORD WINAPI FwpmSubLayerSetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                               const SID* sidOwner, const SID* sidGroup, const ACL* dacl,
                                               const ACL* sacl);
DWORD WINAPI FwpmSubLayerSubscribeChanges0(HANDLE engineHandle, const FWPM_SUBLAYER_SUBSCRIPTION0* subscription,
                                           FWPM_SUBLAYER_CHANGE_CALLBACK0 callback, void* context,
                                           HANDLE* changeHandle);
DWORD WINAPI FwpmSubLayerUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle);
DWORD WINAPI FwpmSubLayerSubscriptionsGet0(HANDLE engineHandle, FWPM_SUBLAYER_SUBSCRIPTION0*** entries,
                                           UINT32* numEntries);
DWORD WINAPI FwpmLayerGetById0(HANDLE engineHandle, UINT16 id, FWPM_LAYER0** layer);
DWORD WINAPI FwpmLayerGetByKey0(HANDLE engineHandle, const GUID* key, FWPM_LAYER0** layer);
DWORD WINAPI FwpmLayerCreateEnumHandle0(HANDLE engineHandle, const FWPM_LAYER_ENUM_TEMPLATE0* enumTemplate,
                                        HANDLE* enumHandle);
DWORD WINAPI FwpmLayerEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested, FWPM_LAYER0*** entries,
                            UINT32* numEntriesReturned);
DWORD WINAPI FwpmLayerDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD WINAPI FwpmLayerGetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                            PSID* sidOwner, PSID* sidGroup, PACL* dacl, PACL* sacl,
                                            PSECURITY_DESCRIPTOR* securityDescriptor);
DWORD WINAPI FwpmLayerSetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                            const SID* sidOwner, const SID* sidGroup, const ACL* dacl, const ACL* sacl);
DWORD WINAPI FwpmCalloutAdd0(HANDLE engineHandle, const FWPM_CALLOUT0* callout, PSECURITY_DESCRIPTOR sd, UINT32* id);
DWORD WINAPI FwpmCalloutDeleteById0(HANDLE engineHandle, UINT32 id);
DWORD WINAPI FwpmCalloutDeleteByKey0(HANDLE engineHandle, const GUID* key);
DWORD WINAPI FwpmCalloutGetById0(HANDLE engineHandle, UINT32 id, FWPM_CALLOUT0** callout);
DWORD WINAPI FwpmCalloutGetByKey0(HANDLE engineHandle, const GUID* key, FWPM_CALLOUT0** callout);
DWORD WINAPI FwpmCalloutCreateEnumHandle0(HANDLE engineHandle, const FWPM_CALLOUT_ENUM_TEMPLATE0* enumTemplate,
                                          HANDLE* enumHandle);
DWORD WINAPI FwpmCalloutEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                              FWPM_CALLOUT0*** entries, UINT32* numEntriesReturned);
DWORD WINAPI FwpmCalloutDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD WINAPI FwpmCalloutGetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                              PSID* sidOwner, PSID* sidGroup, PACL* dacl, PACL* sacl,
                                              PSECURITY_DESCRIPTOR* securityDescriptor);
DWORD WINAPI FwpmCalloutSetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                              const SID* sidOwner, const SID* sidGroup, const ACL* dacl,
                                              const ACL* sacl);
DWORD WINAPI FwpmCalloutSubscribeChanges0(HANDLE engineHandle, const FWPM_CALLOUT_SUBSCRIPTION0* subscription,
                                          FWPM_CALLOUT_CHANGE_CALLBACK0 callback, void* context, HANDLE* changeHandle);
DWORD WINAPI FwpmCalloutUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle);
DWORD WINAPI FwpmCalloutSubscriptionsGet0(HANDLE engineHandle, FWPM_CALLOUT_SUBSCRIPTION0*** entries,
                                          UINT32* numEntries);
DWORD WINAPI FwpmFilterAdd0(HANDLE engineHandle, const FWPM_FILTER0* filter, PSECURITY_DESCRIPTOR sd, UINT64* id);
DWORD WINAPI FwpmFilterDeleteById0(HANDLE engineHandle, UINT64 id);
DWORD WINAPI FwpmFilterDeleteByKey0(HANDLE engineHandle, const GUID* key);
DWORD WINAPI FwpmFilterGetById0(HANDLE engineHandle, UINT64 id, FWPM_FILTER0** filter);
DWORD WINAPI FwpmFilterGetByKey0(HANDLE engineHandle, const GUID* key, FWPM_FILTER0** filter);
DWORD WINAPI FwpmFilterCreateEnumHandle0(HANDLE engineHandle, const FWPM_FILTER_ENUM_TEMPLATE0* enumTemplate,
                                         HANDLE* enumHandle);
DWORD WINAPI FwpmFilterEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                             FWPM_FILTER0*** entries, UINT32* numEntriesReturned);
DWORD WINAPI FwpmFilterDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD WINAPI FwpmFilterGetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                             PSID* sidOwner, PSID* sidGroup, PACL* dacl, PACL* sacl,
                                             PSECURITY_DESCRIPTOR* securityDescriptor);
DWORD WINAPI FwpmFilterSetSecurityInfoByKey0(HANDLE engineHandle, const GUID* key, SECURITY_INFORMATION securityInfo,
                                             const SID* sidOwner, const SID* sidGroup, const ACL* dacl,
                                             const ACL* sacl);
DWORD WINAPI FwpmFilterSubscribeChanges0(HANDLE engineHandle, const FWPM_FILTER_SUBSCRIPTION0* subscription,
                                         FWPM_FILTER_CHANGE_CALLBACK0 callback, void* context, HANDLE* changeHandle);
DWORD WINAPI FwpmFilterUnsubscribeChanges0(HANDLE engineHandle, HANDLE changeHandle);
DWORD WINAPI FwpmFilterSubscriptionsGet0(HANDLE engineHandle, FWPM_FILTER_SUBSCRIPTION0*** entries, UINT32* numEntries);
DWORD WINAPI FwpmGetAppIdFromFileName0(PCWSTR fileName, FWP_BYTE_BLOB** appId);
DWORD WINAPI FwpmIPsecTunnelAdd0(HANDLE engineHandle, UINT32 flags, const FWPM_PROVIDER_CONTEXT0* mainModePolicy,
                                 const FWPM_PROVIDER_CONTEXT0* tunnelPolicy, UINT32 numFilterConditions,
                                 const FWPM_FILTER_CONDITION0* filterConditions, PSECURITY_DESCRIPTOR sd);
DWORD WINAPI FwpmIPsecTunnelAdd1(HANDLE engineHandle, UINT32 flags, const FWPM_PROVIDER_CONTEXT1* mainModePolicy,
                                 const FWPM_PROVIDER_CONTEXT1* tunnelPolicy, UINT32 numFilterConditions,
                                 const FWPM_FILTER_CONDITION0* filterConditions, const GUID* keyModKey,
                                 PSECURITY_DESCRIPTOR sd);
DWORD WINAPI FwpmIPsecTunnelAdd2(HANDLE engineHandle, UINT32 flags, const FWPM_PROVIDER_CONTEXT2* mainModePolicy,
                                 const FWPM_PROVIDER_CONTEXT2* tunnelPolicy, UINT32 numFilterConditions,
                                 const FWPM_FILTER_CONDITION0* filterConditions, const GUID* keyModKey,
                                 PSECURITY_DESCRIPTOR sd);
DWORD WINAPI FwpmIPsecTunnelAdd3(HANDLE engineHandle, UINT32 flags, const FWPM_PROVIDER_CONTEXT3* mainModePolicy,
                                 const FWPM_PROVIDER_CONTEXT3* tunnelPolicy, UINT32 numFilterConditions,
                                 const FWPM_FILTER_CONDITION0* filterConditions, const GUID* keyModKey,
                                 PSECURITY_DESCRIPTOR sd);
DWORD WINAPI FwpmIPsecTunnelDeleteByKey0(HANDLE engineHandle, const GUID* key);
DWORD WINAPI IPsecGetStatistics0(HANDLE engineHandle, IPSEC_STATISTICS0* ipsecStatistics);
DWORD WINAPI IPsecGetStatistics1(HANDLE engineHandle, IPSEC_STATISTICS1* ipsecStatistics);
DWORD WINAPI IPsecSaContextCreate0(HANDLE engineHandle, const IPSEC_TRAFFIC0* outboundTraffic, UINT64* inboundFilterId,
                                   UINT64* id);
DWORD WINAPI IPsecSaContextCreate1(HANDLE engineHandle, const IPSEC_TRAFFIC1* outboundTraffic,
                                   const IPSEC_VIRTUAL_IF_TUNNEL_INFO0* virtualIfTunnelInfo, UINT64* inboundFilterId,
                                   UINT64* id);
DWORD WINAPI IPsecSaContextDeleteById0(HANDLE engineHandle, UINT64 id);
DWORD WINAPI IPsecSaContextGetById0(HANDLE engineHandle, UINT64 id, IPSEC_SA_CONTEXT0** saContext);
DWORD WINAPI IPsecSaContextGetById1(HANDLE engineHandle, UINT64 id, IPSEC_SA_CONTEXT1** saContext);
DWORD WINAPI IPsecSaContextGetSpi0(HANDLE engineHandle, UINT64 id, const IPSEC_GETSPI0* getSpi,
                                   IPSEC_SA_SPI* inboundSpi);
DWORD WINAPI IPsecSaContextGetSpi1(HANDLE engineHandle, UINT64 id, const IPSEC_GETSPI1* getSpi,
                                   IPSEC_SA_SPI* inboundSpi);
DWORD WINAPI IPsecSaContextSetSpi0(HANDLE engineHandle, UINT64 id, const IPSEC_GETSPI1* getSpi,
                                   IPSEC_SA_SPI inboundSpi);
DWORD WINAPI IPsecSaContextAddInbound0(HANDLE engineHandle, UINT64 id, const IPSEC_SA_BUNDLE0* inboundBundle);
DWORD WINAPI IPsecSaContextAddOutbound0(HANDLE engineHandle, UINT64 id, const IPSEC_SA_BUNDLE0* outboundBundle);
DWORD WINAPI IPsecSaContextAddInbound1(HANDLE engineHandle, UINT64 id, const IPSEC_SA_BUNDLE1* inboundBundle);
DWORD WINAPI IPsecSaContextAddOutbound1(HANDLE engineHandle, UINT64 id, const IPSEC_SA_BUNDLE1* outboundBundle);
DWORD WINAPI IPsecSaContextExpire0(HANDLE engineHandle, UINT64 id);
DWORD WINAPI IPsecSaContextUpdate0(HANDLE engineHandle, UINT64 flags, const IPSEC_SA_CONTEXT1* newValues);
DWORD WINAPI IPsecSaContextCreateEnumHandle0(HANDLE engineHandle, const IPSEC_SA_CONTEXT_ENUM_TEMPLATE0* enumTemplate,
                                             HANDLE* enumHandle);
DWORD WINAPI IPsecSaContextEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                 IPSEC_SA_CONTEXT0*** entries, UINT32* numEntriesReturned);
DWORD WINAPI IPsecSaContextEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                 IPSEC_SA_CONTEXT1*** entries, UINT32* numEntriesReturned);
DWORD WINAPI IPsecSaContextDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD WINAPI IPsecSaContextSubscribe0(HANDLE engineHandle, const IPSEC_SA_CONTEXT_SUBSCRIPTION0* subscription,
                                      IPSEC_SA_CONTEXT_CALLBACK0 callback, void* context, HANDLE* eventsHandle);
DWORD WINAPI IPsecSaContextUnsubscribe0(HANDLE engineHandle, HANDLE eventsHandle);
DWORD WINAPI IPsecSaContextSubscriptionsGet0(HANDLE engineHandle, IPSEC_SA_CONTEXT_SUBSCRIPTION0*** entries,
                                             UINT32* numEntries);
DWORD WINAPI IPsecSaCreateEnumHandle0(HANDLE engineHandle, const IPSEC_SA_ENUM_TEMPLATE0* enumTemplate,
                                      HANDLE* enumHandle);
DWORD WINAPI IPsecSaEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                          IPSEC_SA_DETAILS0*** entries, UINT32* numEntriesReturned);
DWORD WINAPI IPsecSaEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                          IPSEC_SA_DETAILS1*** entries, UINT32* numEntriesReturned);
DWORD WINAPI IPsecSaDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD WINAPI IPsecSaDbGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, PSID* sidOwner,
                                       PSID* sidGroup, PACL* dacl, PACL* sacl,
                                       PSECURITY_DESCRIPTOR* securityDescriptor);
DWORD WINAPI IPsecSaDbSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, const SID* sidOwner,
                                       const SID* sidGroup, const ACL* dacl, const ACL* sacl);
DWORD WINAPI IPsecDospGetStatistics0(HANDLE engineHandle, IPSEC_DOSP_STATISTICS0* idpStatistics);
DWORD WINAPI IPsecDospStateCreateEnumHandle0(HANDLE engineHandle, const IPSEC_DOSP_STATE_ENUM_TEMPLATE0* enumTemplate,
                                             HANDLE* enumHandle);
DWORD WINAPI IPsecDospStateEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                 IPSEC_DOSP_STATE0*** entries, UINT32* numEntries);
DWORD WINAPI IPsecDospStateDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD WINAPI IPsecDospGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, PSID* sidOwner,
                                       PSID* sidGroup, PACL* dacl, PACL* sacl,
                                       PSECURITY_DESCRIPTOR* securityDescriptor);
DWORD WINAPI IPsecDospSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, const SID* sidOwner,
                                       const SID* sidGroup, const ACL* dacl, const ACL* sacl);
DWORD WINAPI IPsecKeyManagerAddAndRegister0(HANDLE engineHandle, const IPSEC_KEY_MANAGER0* keyManager,
                                            const IPSEC_KEY_MANAGER_CALLBACKS0* keyManagerCallbacks,
                                            HANDLE* keyMgmtHandle);
DWORD WINAPI IPsecKeyManagerUnregisterAndDelete0(HANDLE engineHandle, HANDLE keyMgmtHandle);
DWORD WINAPI IPsecKeyManagersGet0(HANDLE engineHandle, IPSEC_KEY_MANAGER0*** entries, UINT32* numEntries);
DWORD WINAPI IPsecKeyManagerGetSecurityInfoByKey0(HANDLE engineHandle, const void* reserved,
                                                  SECURITY_INFORMATION securityInfo, PSID* sidOwner, PSID* sidGroup,
                                                  PACL* dacl, PACL* sacl, PSECURITY_DESCRIPTOR* securityDescriptor);
DWORD WINAPI IPsecKeyManagerSetSecurityInfoByKey0(HANDLE engineHandle, const void* reserved,
                                                  SECURITY_INFORMATION securityInfo, const SID* sidOwner,
                                                  const SID* sidGroup, const ACL* dacl, const ACL* sacl);
DWORD WINAPI IkeextGetStatistics0(HANDLE engineHandle, IKEEXT_STATISTICS0* ikeextStatistics);
DWORD WINAPI IkeextGetStatistics1(HANDLE engineHandle, IKEEXT_STATISTICS1* ikeextStatistics);
DWORD WINAPI IkeextSaDeleteById0(HANDLE engineHandle, UINT64 id);
DWORD WINAPI IkeextSaGetById0(HANDLE engineHandle, UINT64 id, IKEEXT_SA_DETAILS0** sa);
DWORD WINAPI IkeextSaGetById1(HANDLE engineHandle, UINT64 id, GUID* saLookupContext, IKEEXT_SA_DETAILS1** sa);
DWORD WINAPI IkeextSaGetById2(HANDLE engineHandle, UINT64 id, GUID* saLookupContext, IKEEXT_SA_DETAILS2** sa);
DWORD WINAPI IkeextSaCreateEnumHandle0(HANDLE engineHandle, const IKEEXT_SA_ENUM_TEMPLATE0* enumTemplate,
                                       HANDLE* enumHandle);
DWORD WINAPI IkeextSaEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                           IKEEXT_SA_DETAILS0*** entries, UINT32* numEntriesReturned);
DWORD WINAPI IkeextSaEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                           IKEEXT_SA_DETAILS1*** entries, UINT32* numEntriesReturned);
DWORD WINAPI IkeextSaEnum2(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                           IKEEXT_SA_DETAILS2*** entries, UINT32* numEntriesReturned);
DWORD WINAPI IkeextSaDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD WINAPI IkeextSaDbGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, PSID* sidOwner,
                                        PSID* sidGroup, PACL* dacl, PACL* sacl,
                                        PSECURITY_DESCRIPTOR* securityDescriptor);
DWORD WINAPI IkeextSaDbSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, const SID* sidOwner,
                                        const SID* sidGroup, const ACL* dacl, const ACL* sacl);
DWORD WINAPI FwpmNetEventCreateEnumHandle0(HANDLE engineHandle, const FWPM_NET_EVENT_ENUM_TEMPLATE0* enumTemplate,
                                           HANDLE* enumHandle);
DWORD WINAPI FwpmNetEventEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                               FWPM_NET_EVENT0*** entries, UINT32* numEntriesReturned);
DWORD WINAPI FwpmNetEventEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                               FWPM_NET_EVENT1*** entries, UINT32* numEntriesReturned);
DWORD WINAPI FwpmNetEventEnum2(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                               FWPM_NET_EVENT2*** entries, UINT32* numEntriesReturned);
DWORD WINAPI FwpmNetEventEnum3(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                               FWPM_NET_EVENT3*** entries, UINT32* numEntriesReturned);
DWORD WINAPI FwpmNetEventDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD WINAPI FwpmNetEventsGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, PSID* sidOwner,
                                           PSID* sidGroup, PACL* dacl, PACL* sacl,
                                           PSECURITY_DESCRIPTOR* securityDescriptor);
DWORD WINAPI FwpmNetEventsSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, const SID* sidOwner,
                                           const SID* sidGroup, const ACL* dacl, const ACL* sacl);
DWORD WINAPI FwpmNetEventSubscribe0(HANDLE engineHandle, const FWPM_NET_EVENT_SUBSCRIPTION0* subscription,
                                    FWPM_NET_EVENT_CALLBACK0 callback, void* context, HANDLE* eventsHandle);
DWORD WINAPI FwpmNetEventUnsubscribe0(HANDLE engineHandle, HANDLE eventsHandle);
DWORD WINAPI FwpmNetEventSubscriptionsGet0(HANDLE engineHandle, FWPM_NET_EVENT_SUBSCRIPTION0*** entries,
                                           UINT32* numEntries);
DWORD WINAPI FwpmNetEventSubscribe1(HANDLE engineHandle, const FWPM_NET_EVENT_SUBSCRIPTION0* subscription,
                                    FWPM_NET_EVENT_CALLBACK1 callback, void* context, HANDLE* eventsHandle);
DWORD WINAPI FwpmNetEventSubscribe2(HANDLE engineHandle, const FWPM_NET_EVENT_SUBSCRIPTION0* subscription,
                                    FWPM_NET_EVENT_CALLBACK2 callback, void* context, HANDLE* eventsHandle);
DWORD WINAPI FwpmBitmapIndexGet0(HANDLE engineHandle, const GUID* fieldId, UINT8* idx);
DWORD WINAPI FwpmBitmapIndexFree0(HANDLE engineHandle, const GUID* fieldId, UINT8* idx);
DWORD WINAPI FwpmSystemPortsGet0(HANDLE engineHandle, FWPM_SYSTEM_PORTS0** sysPorts);
DWORD WINAPI FwpmSystemPortsSubscribe0(HANDLE engineHandle, void* reserved, FWPM_SYSTEM_PORTS_CALLBACK0 callback,
                                       void* context, HANDLE* sysPortsHandle);
DWORD WINAPI FwpmSystemPortsUnsubscribe0(HANDLE engineHandle, HANDLE sysPortsHandle);
DWORD WINAPI FwpmConnectionGetById0(HANDLE engineHandle, UINT64 id, FWPM_CONNECTION0** connection);
DWORD WINAPI FwpmConnectionEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                 FWPM_CONNECTION0*** entries, UINT32* numEntriesReturned);
DWORD WINAPI FwpmConnectionCreateEnumHandle0(HANDLE engineHandle, const FWPM_CONNECTION_ENUM_TEMPLATE0* enumTemplate,
                                             HANDLE* enumHandle);
DWORD WINAPI FwpmConnectionDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD WINAPI FwpmConnectionGetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, PSID* sidOwner,
                                            PSID* sidGroup, PACL* dacl, PACL* sacl,
                                            PSECURITY_DESCRIPTOR* securityDescriptor);
DWORD WINAPI FwpmConnectionSetSecurityInfo0(HANDLE engineHandle, SECURITY_INFORMATION securityInfo, const SID* sidOwner,
                                            const SID* sidGroup, const ACL* dacl, const ACL* sacl);
DWORD WINAPI FwpmConnectionSubscribe0(HANDLE engineHandle, const FWPM_CONNECTION_SUBSCRIPTION0* subscription,
                                      FWPM_CONNECTION_CALLBACK0 callback, void* context, HANDLE* eventsHandle);
DWORD WINAPI FwpmConnectionUnsubscribe0(HANDLE engineHandle, HANDLE eventsHandle);
DWORD WINAPI FwpmConnectionSubscriptionsGet0(HANDLE engineHandle, FWPM_CONNECTION_SUBSCRIPTION0*** entries,
                                             UINT32* numEntries);

#ifdef __cplusplus
}
#endif
#endif
