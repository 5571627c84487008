// Types and constants of the secure socket extensions. Include winsock2.h first; ws2tcpip.h beside it declares the
// functions.
#pragma once
#include "system_sockets.h"
#include "windef.h"

#define _SECURE_SOCKET_TYPES_DEFINED_

#ifdef __cplusplus
extern "C" {
#endif

#define SIO_SET_SECURITY 0x980000C8u
#define SIO_QUERY_SECURITY 0xD80000C9u
#define SIO_SET_PEER_TARGET_NAME 0x980000CAu
#define SIO_DELETE_PEER_TARGET_NAME 0x980000CBu
#define SIO_SOCKET_USAGE_NOTIFICATION 0x980000CCu
#define SIO_QUERY_WFP_ALE_ENDPOINT_HANDLE 0x580000CDu
#define SIO_QUERY_RSS_SCALABILITY_INFO 0x580000D2u
#define SIO_QUERY_WFP_CONNECTION_REDIRECT_RECORDS 0x980000DCu
#define SIO_QUERY_WFP_CONNECTION_REDIRECT_CONTEXT 0x980000DDu
#define SIO_SET_WFP_CONNECTION_REDIRECT_RECORDS 0x980000DEu

typedef enum _SOCKET_SECURITY_PROTOCOL SALLYPORT_ENUM32 {
  SOCKET_SECURITY_PROTOCOL_DEFAULT = 0,
  SOCKET_SECURITY_PROTOCOL_IPSEC = 1,
  SOCKET_SECURITY_PROTOCOL_IPSEC2 = 2,
  SOCKET_SECURITY_PROTOCOL_INVALID = 3
} SOCKET_SECURITY_PROTOCOL;

typedef enum _SOCKET_USAGE_TYPE SALLYPORT_ENUM32 { SYSTEM_CRITICAL_SOCKET = 1 } SOCKET_USAGE_TYPE;

// SecurityFlags
#define SOCKET_SETTINGS_GUARANTEE_ENCRYPTION 0x00000001u
#define SOCKET_SETTINGS_ALLOW_INSECURE 0x00000002u
// IpsecFlags
#define SOCKET_SETTINGS_IPSEC_SKIP_FILTER_INSTANTIATION 0x00000001u
#define SOCKET_SETTINGS_IPSEC_OPTIONAL_PEER_NAME_VERIFICATION 0x00000002u
#define SOCKET_SETTINGS_IPSEC_ALLOW_FIRST_INBOUND_PKT_UNENCRYPTED 0x00000004u
#define SOCKET_SETTINGS_IPSEC_PEER_NAME_IS_RAW_FORMAT 0x00000008u
// Flags of what a query answers
#define SOCKET_INFO_CONNECTION_SECURED 0x00000001u
#define SOCKET_INFO_CONNECTION_ENCRYPTED 0x00000002u
#define SOCKET_INFO_CONNECTION_IMPERSONATED 0x00000004u
// Flags and FieldMask of SOCKET_SECURITY_QUERY_TEMPLATE_IPSEC2
#define SOCKET_QUERY_IPSEC2_ABORT_CONNECTION_ON_FIELD_CHANGE 0x00000001u
#define SOCKET_QUERY_IPSEC2_FIELD_MASK_MM_SA_ID 0x00000001u
#define SOCKET_QUERY_IPSEC2_FIELD_MASK_QM_SA_ID 0x00000002u

#ifdef __cplusplus
static const GUID SOCKET_DEFAULT2_QM_POLICY = {
    0xaec2ef9c, 0x3a4d, 0x4d3e, {0x88, 0x42, 0x23, 0x99, 0x42, 0xe3, 0x9a, 0x47}};
#else
static const GUID SOCKET_DEFAULT2_QM_POLICY
    __attribute__((unused)) = {0xaec2ef9c, 0x3a4d, 0x4d3e, {0x88, 0x42, 0x23, 0x99, 0x42, 0xe3, 0x9a, 0x47}};
#endif

typedef struct _SOCKET_SECURITY_SETTINGS {
  SOCKET_SECURITY_PROTOCOL SecurityProtocol;
  ULONG SecurityFlags;
} SOCKET_SECURITY_SETTINGS;

// The arrays at the end have no length of their own, so that a structure can be a variable with an initialiser.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"

typedef struct _SOCKET_SECURITY_SETTINGS_IPSEC {
  SOCKET_SECURITY_PROTOCOL SecurityProtocol;  // SOCKET_SECURITY_PROTOCOL_IPSEC
  ULONG SecurityFlags;
  ULONG IpsecFlags;
  GUID AuthipMMPolicyKey;
  GUID AuthipQMPolicyKey;
  GUID Reserved;
  UINT64 Reserved2 __attribute__((aligned(8)));
  ULONG UserNameStringLen;
  ULONG DomainNameStringLen;
  ULONG PasswordStringLen;
  wchar_t AllStrings[0];
} SOCKET_SECURITY_SETTINGS_IPSEC;

typedef struct _SOCKET_PEER_TARGET_NAME {
  SOCKET_SECURITY_PROTOCOL SecurityProtocol;
  struct sockaddr_storage PeerAddress __attribute__((aligned(8)));
  ULONG PeerTargetNameStringLen;
  wchar_t AllStrings[0];
} SOCKET_PEER_TARGET_NAME;

#pragma GCC diagnostic pop

typedef struct _SOCKET_SECURITY_QUERY_TEMPLATE {
  SOCKET_SECURITY_PROTOCOL SecurityProtocol;
  struct sockaddr_storage PeerAddress __attribute__((aligned(8)));
  ULONG PeerTokenAccessMask;
} SOCKET_SECURITY_QUERY_TEMPLATE;

typedef struct _SOCKET_SECURITY_QUERY_TEMPLATE_IPSEC2 {
  SOCKET_SECURITY_PROTOCOL SecurityProtocol;
  struct sockaddr_storage PeerAddress __attribute__((aligned(8)));
  ULONG PeerTokenAccessMask;
  ULONG Flags;
  ULONG FieldMask;
} SOCKET_SECURITY_QUERY_TEMPLATE_IPSEC2;

typedef struct _SOCKET_SECURITY_QUERY_INFO {
  SOCKET_SECURITY_PROTOCOL SecurityProtocol;
  ULONG Flags;
  UINT64 PeerApplicationAccessTokenHandle __attribute__((aligned(8)));
  UINT64 PeerMachineAccessTokenHandle __attribute__((aligned(8)));
} SOCKET_SECURITY_QUERY_INFO;

typedef struct _SOCKET_SECURITY_QUERY_INFO_IPSEC2 {
  SOCKET_SECURITY_PROTOCOL SecurityProtocol;
  ULONG Flags;
  UINT64 PeerApplicationAccessTokenHandle __attribute__((aligned(8)));
  UINT64 PeerMachineAccessTokenHandle __attribute__((aligned(8)));
  UINT64 MmSaId __attribute__((aligned(8)));
  UINT64 QmSaId __attribute__((aligned(8)));
  UINT32 NegotiationWinerr;
  GUID SaLookupContext;
} SOCKET_SECURITY_QUERY_INFO_IPSEC2;

#ifdef __cplusplus
#define SALLYPORT_OFFSET(type, member, octets) \
  static_assert(__builtin_offsetof(type, member) == (octets), #type "." #member)
#define SALLYPORT_SIZE(type, octets) static_assert(sizeof(type) == (octets), #type)
#else
#define SALLYPORT_OFFSET(type, member, octets) \
  _Static_assert(__builtin_offsetof(type, member) == (octets), #type "." #member)
#define SALLYPORT_SIZE(type, octets) _Static_assert(sizeof(type) == (octets), #type)
#endif
SALLYPORT_SIZE(SOCKET_SECURITY_SETTINGS, 8);
SALLYPORT_SIZE(SOCKET_SECURITY_SETTINGS_IPSEC, 88);
SALLYPORT_OFFSET(SOCKET_SECURITY_SETTINGS_IPSEC, AuthipMMPolicyKey, 12);
SALLYPORT_OFFSET(SOCKET_SECURITY_SETTINGS_IPSEC, AuthipQMPolicyKey, 28);
SALLYPORT_OFFSET(SOCKET_SECURITY_SETTINGS_IPSEC, Reserved, 44);
SALLYPORT_OFFSET(SOCKET_SECURITY_SETTINGS_IPSEC, Reserved2, 64);
SALLYPORT_OFFSET(SOCKET_SECURITY_SETTINGS_IPSEC, UserNameStringLen, 72);
SALLYPORT_OFFSET(SOCKET_SECURITY_SETTINGS_IPSEC, AllStrings, 84);
SALLYPORT_SIZE(SOCKET_PEER_TARGET_NAME, 144);
SALLYPORT_OFFSET(SOCKET_PEER_TARGET_NAME, PeerAddress, 8);
SALLYPORT_OFFSET(SOCKET_PEER_TARGET_NAME, PeerTargetNameStringLen, 136);
SALLYPORT_OFFSET(SOCKET_PEER_TARGET_NAME, AllStrings, 140);
SALLYPORT_SIZE(SOCKET_SECURITY_QUERY_TEMPLATE, 144);
SALLYPORT_OFFSET(SOCKET_SECURITY_QUERY_TEMPLATE, PeerTokenAccessMask, 136);
SALLYPORT_SIZE(SOCKET_SECURITY_QUERY_TEMPLATE_IPSEC2, 152);
SALLYPORT_OFFSET(SOCKET_SECURITY_QUERY_TEMPLATE_IPSEC2, FieldMask, 144);
SALLYPORT_SIZE(SOCKET_SECURITY_QUERY_INFO, 24);
SALLYPORT_OFFSET(SOCKET_SECURITY_QUERY_INFO, PeerMachineAccessTokenHandle, 16);
SALLYPORT_SIZE(SOCKET_SECURITY_QUERY_INFO_IPSEC2, 64);
SALLYPORT_OFFSET(SOCKET_SECURITY_QUERY_INFO_IPSEC2, NegotiationWinerr, 40);
SALLYPORT_OFFSET(SOCKET_SECURITY_QUERY_INFO_IPSEC2, SaLookupContext, 44);
#undef SALLYPORT_OFFSET
#undef SALLYPORT_SIZE

// What WSAIoctl does with the first four control codes, and the functions with their arguments. Returns 0 or the code
// of WSAGetLastError(); octets: of the answer, or that it needs. Waits for the daemon and never for the network, so
// that an overlapped call may be completed at once. A token handle that a query gives is CloseHandle()'s to end.
INT sallyport_socket_security_ioctl(uintptr_t socket, DWORD code, const void* in, DWORD in_octets, void* out,
                                    DWORD out_octets, DWORD* octets);
// The same for WSAImpersonateSocketPeer and WSARevertImpersonation; blocking: made without WSA_FLAG_OVERLAPPED.
INT sallyport_socket_impersonate(uintptr_t socket, const struct sockaddr* peer, ULONG peer_octets, BOOL blocking);
INT sallyport_socket_revert(void);
// Who a token handle of a query is: read it with the functions sallyport_identity_… of secure_socket.h; good until the
// handle is closed, and not to be freed. NULL: no such token.
struct sallyport_identity;
const struct sallyport_identity* sallyport_token_identity(UINT64 token);

#ifdef __cplusplus
}
#endif

#ifdef SALLYPORT_WS2TCPIP
#include "secure_socket_calls.h"
#endif
