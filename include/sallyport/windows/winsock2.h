// Windows Sockets over this system's sockets: a SOCKET is a descriptor, addresses and options are the system's,
// results, errors and behaviour the original's as far as docs/windows-sockets.md tells. Link with -lsallyport. Include
// it before the system's own socket headers (system_sockets.h says what happens otherwise). Threads: every function
// from any thread. Fork: the child's overlapped operations and network events are gone.
#pragma once
#include <poll.h>

#include "system_sockets.h"
#include "windows.h"
#include "ws2def.h"

typedef UINT_PTR SOCKET, *PSOCKET, *LPSOCKET;
#define INVALID_SOCKET ((SOCKET)(~0))
#define SOCKET_ERROR (-1)

#define WSAAPI
#define WINSOCK_API_LINKAGE
#define WINSOCK_VERSION MAKEWORD(2, 2)
#define FROM_PROTOCOL_INFO (-1)
#define SD_RECEIVE 0x00
#define SD_SEND 0x01
#define SD_BOTH 0x02
#define MSG_PARTIAL 0x2000000  // taken and not sent on
#define MSG_INTERRUPT 0
#define MSG_MAXIOVLEN 16
#define ADDR_ANY INADDR_ANY
#ifndef SOMAXCONN
#define SOMAXCONN 0x7fffffff
#endif

#define WSADESCRIPTION_LEN 256
#define WSASYS_STATUS_LEN 128
#define WSAPROTOCOL_LEN 255
#define MAX_PROTOCOL_CHAIN 7

#define WSA_FLAG_OVERLAPPED 0x01u
#define WSA_FLAG_MULTIPOINT_C_ROOT 0x02u
#define WSA_FLAG_MULTIPOINT_C_LEAF 0x04u
#define WSA_FLAG_MULTIPOINT_D_ROOT 0x08u
#define WSA_FLAG_MULTIPOINT_D_LEAF 0x10u
#define WSA_FLAG_ACCESS_SYSTEM_SECURITY 0x40u
#define WSA_FLAG_NO_HANDLE_INHERIT 0x80u

#define CF_ACCEPT 0x0000
#define CF_REJECT 0x0001
#define CF_DEFER 0x0002

#define WSA_IO_PENDING ((int)ERROR_IO_PENDING)
#define WSA_IO_INCOMPLETE ((int)ERROR_IO_INCOMPLETE)
#define WSA_INVALID_HANDLE ((int)ERROR_INVALID_HANDLE)
#define WSA_INVALID_PARAMETER ((int)ERROR_INVALID_PARAMETER)
#define WSA_NOT_ENOUGH_MEMORY ((int)ERROR_NOT_ENOUGH_MEMORY)
#define WSA_OPERATION_ABORTED ((int)ERROR_OPERATION_ABORTED)
#define WSA_WAIT_FAILED WAIT_FAILED
#define WSA_WAIT_EVENT_0 WAIT_OBJECT_0
#define WSA_WAIT_IO_COMPLETION WAIT_IO_COMPLETION
#define WSA_WAIT_TIMEOUT WAIT_TIMEOUT
#define WSA_INFINITE INFINITE
#define WSA_MAXIMUM_WAIT_EVENTS MAXIMUM_WAIT_OBJECTS
#define WSA_INVALID_EVENT ((WSAEVENT)NULL)

#undef h_errno
#undef HOST_NOT_FOUND
#undef TRY_AGAIN
#undef NO_RECOVERY
#undef NO_DATA
#undef NO_ADDRESS
#define h_errno WSAGetLastError()
#define HOST_NOT_FOUND WSAHOST_NOT_FOUND
#define TRY_AGAIN WSATRY_AGAIN
#define NO_RECOVERY WSANO_RECOVERY
#define NO_DATA WSANO_DATA
#define NO_ADDRESS WSANO_ADDRESS
#define WSANO_ADDRESS WSANO_DATA

typedef struct hostent HOSTENT, *PHOSTENT, *LPHOSTENT;
typedef struct servent SERVENT, *PSERVENT, *LPSERVENT;
typedef struct protoent PROTOENT, *PPROTOENT, *LPPROTOENT;

typedef struct WSAData {
  WORD wVersion;
  WORD wHighVersion;
  unsigned short iMaxSockets;
  unsigned short iMaxUdpDg;
  char* lpVendorInfo;
  char szDescription[WSADESCRIPTION_LEN + 1];
  char szSystemStatus[WSASYS_STATUS_LEN + 1];
} WSADATA, *LPWSADATA;

typedef HANDLE WSAEVENT, *LPWSAEVENT;
typedef OVERLAPPED WSAOVERLAPPED;
typedef struct _OVERLAPPED* LPWSAOVERLAPPED;
typedef void(CALLBACK* LPWSAOVERLAPPED_COMPLETION_ROUTINE)(DWORD error, DWORD octets, LPWSAOVERLAPPED overlapped,
                                                           DWORD flags);
typedef unsigned int GROUP;

typedef struct _flowspec {
  ULONG TokenRate;
  ULONG TokenBucketSize;
  ULONG PeakBandwidth;
  ULONG Latency;
  ULONG DelayVariation;
  ULONG ServiceType;
  ULONG MaxSduSize;
  ULONG MinimumPolicedSize;
} FLOWSPEC, *PFLOWSPEC, *LPFLOWSPEC;
typedef struct _QualityOfService {
  FLOWSPEC SendingFlowspec;
  FLOWSPEC ReceivingFlowspec;
  WSABUF ProviderSpecific;
} QOS, *LPQOS;

typedef struct _WSAPROTOCOLCHAIN {
  int ChainLen;
  DWORD ChainEntries[MAX_PROTOCOL_CHAIN];
} WSAPROTOCOLCHAIN, *LPWSAPROTOCOLCHAIN;
#define SALLYPORT_PROTOCOL_MEMBERS(character) \
  DWORD dwServiceFlags1;                      \
  DWORD dwServiceFlags2;                      \
  DWORD dwServiceFlags3;                      \
  DWORD dwServiceFlags4;                      \
  DWORD dwProviderFlags;                      \
  GUID ProviderId;                            \
  DWORD dwCatalogEntryId;                     \
  WSAPROTOCOLCHAIN ProtocolChain;             \
  int iVersion;                               \
  int iAddressFamily;                         \
  int iMaxSockAddr;                           \
  int iMinSockAddr;                           \
  int iSocketType;                            \
  int iProtocol;                              \
  int iProtocolMaxOffset;                     \
  int iNetworkByteOrder;                      \
  int iSecurityScheme;                        \
  DWORD dwMessageSize;                        \
  DWORD dwProviderReserved;                   \
  character szProtocol[WSAPROTOCOL_LEN + 1];
typedef struct _WSAPROTOCOL_INFOA {
  SALLYPORT_PROTOCOL_MEMBERS(CHAR)
} WSAPROTOCOL_INFOA, *LPWSAPROTOCOL_INFOA;
typedef struct _WSAPROTOCOL_INFOW {
  SALLYPORT_PROTOCOL_MEMBERS(WCHAR)
} WSAPROTOCOL_INFOW, *LPWSAPROTOCOL_INFOW;

#define FD_READ_BIT 0
#define FD_WRITE_BIT 1
#define FD_OOB_BIT 2
#define FD_ACCEPT_BIT 3
#define FD_CONNECT_BIT 4
#define FD_CLOSE_BIT 5
#define FD_MAX_EVENTS 10
#define FD_READ (1 << FD_READ_BIT)
#define FD_WRITE (1 << FD_WRITE_BIT)
#define FD_OOB (1 << FD_OOB_BIT)
#define FD_ACCEPT (1 << FD_ACCEPT_BIT)
#define FD_CONNECT (1 << FD_CONNECT_BIT)
#define FD_CLOSE (1 << FD_CLOSE_BIT)
#define FD_ALL_EVENTS ((1 << FD_MAX_EVENTS) - 1)
typedef struct _WSANETWORKEVENTS {
  LONG lNetworkEvents;
  int iErrorCode[FD_MAX_EVENTS];
} WSANETWORKEVENTS, *LPWSANETWORKEVENTS;

typedef int(CALLBACK* LPCONDITIONPROC)(LPWSABUF caller_id, LPWSABUF caller_data, LPQOS socket_qos, LPQOS group_qos,
                                       LPWSABUF callee_id, LPWSABUF callee_data, GROUP* group, DWORD_PTR callback_data);

// A set of sockets is a list, so that their numbers have no limit.
#undef fd_set
#undef FD_SETSIZE
#undef FD_ZERO
#undef FD_SET
#undef FD_CLR
#undef FD_ISSET
#ifndef SALLYPORT_FD_SETSIZE
#define SALLYPORT_FD_SETSIZE 1024
#endif
#define FD_SETSIZE SALLYPORT_FD_SETSIZE
#define fd_set sallyport_winsock_fd_set
typedef struct fd_set {
  u_int fd_count;
  SOCKET fd_array[FD_SETSIZE];
} fd_set;
typedef fd_set FD_SET, *PFD_SET, *LPFD_SET;
#define FD_ZERO(set) ((void)((set)->fd_count = 0))
#define FD_SET(socket, set) sallyport_winsock_fd_set_add((SOCKET)(socket), (set), FD_SETSIZE)
#define FD_CLR(socket, set) sallyport_winsock_fd_set_remove((SOCKET)(socket), (set))
#define FD_ISSET(socket, set) __WSAFDIsSet((SOCKET)(socket), (set))

typedef struct sallyport_winsock_pollfd {
  SOCKET fd;
  SHORT events;
  SHORT revents;
} WSAPOLLFD, *PWSAPOLLFD, *LPWSAPOLLFD;
#ifndef POLLRDNORM
#define POLLRDNORM 0x0040
#define POLLRDBAND 0x0080
#define POLLWRNORM 0x0100
#define POLLWRBAND 0x0200
#endif

// ---- the functions that this system has as well ----

#if SALLYPORT_SYSTEM_SOCKETS_FIRST && !defined(__cplusplus)
#include "winsock_macros.h"
#endif
#if SALLYPORT_SYSTEM_SOCKETS_FIRST && defined(__cplusplus)
#define SALLYPORT_BEGIN_SHARED_NAMES extern "C++" {
#define SALLYPORT_END_SHARED_NAMES }
#elif defined(__cplusplus)
#define SALLYPORT_BEGIN_SHARED_NAMES extern "C" {
#define SALLYPORT_END_SHARED_NAMES }
#else
#define SALLYPORT_BEGIN_SHARED_NAMES
#define SALLYPORT_END_SHARED_NAMES
#endif
#define SALLYPORT_CONNECT_ARGUMENTS const struct sockaddr *address, int length

SALLYPORT_BEGIN_SHARED_NAMES
SOCKET accept(SOCKET socket, struct sockaddr* address, int* length) SALLYPORT_AS(accept);
int bind(SOCKET socket, SALLYPORT_CONNECT_ARGUMENTS) SALLYPORT_AS(bind);
int connect(SOCKET socket, SALLYPORT_CONNECT_ARGUMENTS) SALLYPORT_AS(connect);
int getpeername(SOCKET socket, struct sockaddr* address, int* length) SALLYPORT_AS(getpeername);
int getsockname(SOCKET socket, struct sockaddr* address, int* length) SALLYPORT_AS(getsockname);
int getsockopt(SOCKET socket, int level, int option, void* value, int* length) SALLYPORT_AS(getsockopt);
int setsockopt(SOCKET socket, int level, int option, const void* value, int length) SALLYPORT_AS(setsockopt);
int listen(SOCKET socket, int backlog) SALLYPORT_AS(listen);
int recv(SOCKET socket, void* buffer, int length, int flags) SALLYPORT_AS(recv);
int recvfrom(SOCKET socket, void* buffer, int length, int flags, struct sockaddr* from, int* from_length)
    SALLYPORT_AS(recvfrom);
int send(SOCKET socket, const void* buffer, int length, int flags) SALLYPORT_AS(send);
int sendto(SOCKET socket, const void* buffer, int length, int flags, const struct sockaddr* to, int to_length)
    SALLYPORT_AS(sendto);
int shutdown(SOCKET socket, int how) SALLYPORT_AS(shutdown);
#if !(SALLYPORT_SYSTEM_SOCKETS_FIRST && defined(__cplusplus))
SOCKET socket(int family, int type, int protocol) SALLYPORT_AS(socket);
struct hostent* gethostbyaddr(const char* address, int length, int type) SALLYPORT_AS(gethostbyaddr);
struct hostent* gethostbyname(const char* name) SALLYPORT_AS(gethostbyname);
struct protoent* getprotobyname(const char* name) SALLYPORT_AS(getprotobyname);
struct protoent* getprotobynumber(int number) SALLYPORT_AS(getprotobynumber);
struct servent* getservbyname(const char* name, const char* protocol) SALLYPORT_AS(getservbyname);
struct servent* getservbyport(int port, const char* protocol) SALLYPORT_AS(getservbyport);
#endif
SALLYPORT_END_SHARED_NAMES
#if !SALLYPORT_SYSTEM_SOCKETS_FIRST
#ifdef __cplusplus
extern "C" {
#endif
char* inet_ntoa(struct in_addr address);  // the system's
#ifdef __cplusplus
}
#endif
#endif
// The system declares these two in headers that everything includes.
#ifdef __cplusplus
extern "C++" {
#else
#define select sallyport_winsock_select
#define gethostname sallyport_winsock_gethostname
#endif
int select(int ignored, fd_set* readable, fd_set* writable, fd_set* exceptional, const struct timeval* timeout)
    SALLYPORT_AS(select);
int gethostname(char* name, int length) SALLYPORT_AS(gethostname);
#ifdef __cplusplus
}
#endif

// ---- the functions that only the original has ----

#ifdef __cplusplus
extern "C" {
#endif

void WSAAPI sallyport_winsock_fd_set_add(SOCKET socket, fd_set* set, u_int room);
void WSAAPI sallyport_winsock_fd_set_remove(SOCKET socket, fd_set* set);
int WSAAPI __WSAFDIsSet(SOCKET socket, fd_set* set);

int WSAAPI WSAStartup(WORD version, LPWSADATA about);
int WSAAPI WSACleanup(void);
int WSAAPI WSAGetLastError(void);
void WSAAPI WSASetLastError(int code);
int WSAAPI closesocket(SOCKET socket);
// Sets or reads through an integer of 32 or of 64 bits, `octets` of them.
int WSAAPI sallyport_winsock_ioctlsocket(SOCKET socket, long command, void* argument, size_t octets);

SOCKET WSAAPI WSASocketA(int family, int type, int protocol, LPWSAPROTOCOL_INFOA about, GROUP group, DWORD flags);
SOCKET WSAAPI WSASocketW(int family, int type, int protocol, LPWSAPROTOCOL_INFOW about, GROUP group, DWORD flags);
SOCKET WSAAPI WSAAccept(SOCKET socket, struct sockaddr* address, LPINT length, LPCONDITIONPROC condition,
                        DWORD_PTR callback_data);
int WSAAPI WSAConnect(SOCKET socket, const struct sockaddr* address, int length, LPWSABUF caller_data,
                      LPWSABUF callee_data, LPQOS socket_qos, LPQOS group_qos);
int WSAAPI WSASend(SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags, LPWSAOVERLAPPED overlapped,
                   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);
int WSAAPI WSASendTo(SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags, const struct sockaddr* to,
                     int to_length, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);
int WSAAPI WSARecv(SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags,
                   LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);
int WSAAPI WSARecvFrom(SOCKET socket, LPWSABUF buffers, DWORD count, LPDWORD received, LPDWORD flags,
                       struct sockaddr* from, LPINT from_length, LPWSAOVERLAPPED overlapped,
                       LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);
int WSAAPI WSASendDisconnect(SOCKET socket, LPWSABUF last);
int WSAAPI WSARecvDisconnect(SOCKET socket, LPWSABUF last);
int WSAAPI WSAIoctl(SOCKET socket, DWORD code, LPVOID in, DWORD in_octets, LPVOID out, DWORD out_octets,
                    LPDWORD returned, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);
int WSAAPI WSAPoll(LPWSAPOLLFD sockets, ULONG count, INT milliseconds);

WSAEVENT WSAAPI WSACreateEvent(void);
BOOL WSAAPI WSACloseEvent(WSAEVENT event);
BOOL WSAAPI WSASetEvent(WSAEVENT event);
BOOL WSAAPI WSAResetEvent(WSAEVENT event);
DWORD WSAAPI WSAWaitForMultipleEvents(DWORD count, const WSAEVENT* events, BOOL all, DWORD milliseconds,
                                      BOOL alertable);
BOOL WSAAPI WSAGetOverlappedResult(SOCKET socket, LPWSAOVERLAPPED overlapped, LPDWORD octets, BOOL wait, LPDWORD flags);
int WSAAPI WSAEventSelect(SOCKET socket, WSAEVENT event, long events);
int WSAAPI WSAEnumNetworkEvents(SOCKET socket, WSAEVENT event, LPWSANETWORKEVENTS events);

INT WSAAPI WSAStringToAddressA(LPSTR text, INT family, LPWSAPROTOCOL_INFOA about, LPSOCKADDR address, LPINT length);
INT WSAAPI WSAStringToAddressW(LPWSTR text, INT family, LPWSAPROTOCOL_INFOW about, LPSOCKADDR address, LPINT length);
INT WSAAPI WSAAddressToStringA(LPSOCKADDR address, DWORD length, LPWSAPROTOCOL_INFOA about, LPSTR text, LPDWORD size);
INT WSAAPI WSAAddressToStringW(LPSOCKADDR address, DWORD length, LPWSAPROTOCOL_INFOW about, LPWSTR text, LPDWORD size);
int WSAAPI WSAHtonl(SOCKET socket, u_long host, u_long* network);
int WSAAPI WSANtohl(SOCKET socket, u_long network, u_long* host);
int WSAAPI WSAHtons(SOCKET socket, u_short host, u_short* network);
int WSAAPI WSANtohs(SOCKET socket, u_short network, u_short* host);

#ifdef __cplusplus
}  // extern "C"
template <class Integer>
inline int ioctlsocket(SOCKET socket, long command, Integer* argument) {
  return sallyport_winsock_ioctlsocket(socket, command, argument, argument ? sizeof *argument : 0);
}
#else
#define ioctlsocket(socket, command, argument) \
  sallyport_winsock_ioctlsocket((socket), (command), (argument), sizeof *(argument))
#endif

#ifdef UNICODE
#define WSASocket WSASocketW
#define WSAStringToAddress WSAStringToAddressW
#define WSAAddressToString WSAAddressToStringW
typedef WSAPROTOCOL_INFOW WSAPROTOCOL_INFO, *LPWSAPROTOCOL_INFO;
#else
#define WSASocket WSASocketA
#define WSAStringToAddress WSAStringToAddressA
#define WSAAddressToString WSAAddressToStringA
typedef WSAPROTOCOL_INFOA WSAPROTOCOL_INFO, *LPWSAPROTOCOL_INFO;
#endif
