// The functions of the secure socket extensions: of ws2tcpip.h together with mstcpip.h, whichever comes first.
// docs/secure-sockets.md, docs/windows-sockets.md.
#pragma once
#include "winsock2.h"

#include "mstcpip.h"

#ifdef __cplusplus
extern "C" {
#endif

INT WSAAPI WSASetSocketSecurity(SOCKET Socket, const SOCKET_SECURITY_SETTINGS* SecuritySettings,
                                ULONG SecuritySettingsLen, LPWSAOVERLAPPED Overlapped,
                                LPWSAOVERLAPPED_COMPLETION_ROUTINE CompletionRoutine);
INT WSAAPI WSAQuerySocketSecurity(SOCKET Socket, const SOCKET_SECURITY_QUERY_TEMPLATE* SecurityQueryTemplate,
                                  ULONG SecurityQueryTemplateLen, SOCKET_SECURITY_QUERY_INFO* SecurityQueryInfo,
                                  ULONG* SecurityQueryInfoLen, LPWSAOVERLAPPED Overlapped,
                                  LPWSAOVERLAPPED_COMPLETION_ROUTINE CompletionRoutine);
INT WSAAPI WSASetSocketPeerTargetName(SOCKET Socket, const SOCKET_PEER_TARGET_NAME* PeerTargetName,
                                      ULONG PeerTargetNameLen, LPWSAOVERLAPPED Overlapped,
                                      LPWSAOVERLAPPED_COMPLETION_ROUTINE CompletionRoutine);
INT WSAAPI WSADeleteSocketPeerTargetName(SOCKET Socket, const struct sockaddr* PeerAddr, ULONG PeerAddrLen,
                                         LPWSAOVERLAPPED Overlapped,
                                         LPWSAOVERLAPPED_COMPLETION_ROUTINE CompletionRoutine);
INT WSAAPI WSAImpersonateSocketPeer(SOCKET Socket, const struct sockaddr* PeerAddr, ULONG PeerAddrLen);
INT WSAAPI WSARevertImpersonation(void);

#ifdef __cplusplus
}
#endif
