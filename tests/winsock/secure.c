/* The secure socket extensions as a program uses them, compiled in C; what of it needs no peer is run: `secure`. */
#define UNICODE
#include <Winsock2.h>
#include <fwpmu.h>
#include <mstcpip.h>
#include <ntdsapi.h>
#include <ws2tcpip.h>
#include "expect.h"

C_ASSERT(SIO_SET_SECURITY == _WSAIOW(IOC_VENDOR, 200));
C_ASSERT(SIO_QUERY_SECURITY == _WSAIORW(IOC_VENDOR, 201));
C_ASSERT(SIO_SET_PEER_TARGET_NAME == _WSAIOW(IOC_VENDOR, 202));
C_ASSERT(SIO_DELETE_PEER_TARGET_NAME == _WSAIOW(IOC_VENDOR, 203));
C_ASSERT(sizeof(SOCKADDR_STORAGE) == 128 && sizeof(SOCKADDR_IN) == 16 && sizeof(SOCKADDR_IN6) == 28);
C_ASSERT(sizeof(SOCKET_SECURITY_SETTINGS) == 8 && sizeof(SOCKET_SECURITY_SETTINGS_IPSEC) == 88);
C_ASSERT(sizeof(SOCKET_PEER_TARGET_NAME) == 144 && sizeof(SOCKET_SECURITY_QUERY_TEMPLATE) == 144);
C_ASSERT(sizeof(SOCKET_SECURITY_QUERY_TEMPLATE_IPSEC2) == 152 && sizeof(SOCKET_SECURITY_QUERY_INFO) == 24);
C_ASSERT(sizeof(SOCKET_SECURITY_QUERY_INFO_IPSEC2) == 64 && FIELD_OFFSET(SOCKET_PEER_TARGET_NAME, AllStrings) == 140);

/* The name of the peer, its length in characters or in octets. */
static SOCKET_PEER_TARGET_NAME* TargetName(PCWSTR Spn, BOOL InOctets, ULONG* Length) {
  SOCKET_PEER_TARGET_NAME* Name;
  *Length = (ULONG)(sizeof(SOCKET_PEER_TARGET_NAME) + wcslen(Spn) * sizeof(WCHAR));
  Name = (SOCKET_PEER_TARGET_NAME*)HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, *Length);
  EXPECT(Name != NULL);
  Name->SecurityProtocol = SOCKET_SECURITY_PROTOCOL_DEFAULT;
  Name->PeerTargetNameStringLen = (ULONG)(wcslen(Spn) * (InOctets ? sizeof(WCHAR) : 1));
  RtlCopyMemory(Name->AllStrings, Spn, wcslen(Spn) * sizeof(WCHAR));
  return Name;
}

/* The first error of each call is that of Windows Sockets, whatever else is wrong. */
static void before_the_start(void) {
  ULONG octets = 0;
  EXPECT_ERROR(WSASetSocketSecurity(INVALID_SOCKET, NULL, 0, NULL, NULL), WSANOTINITIALISED);
  EXPECT_ERROR(WSAQuerySocketSecurity(INVALID_SOCKET, NULL, 0, NULL, &octets, NULL, NULL), WSANOTINITIALISED);
  EXPECT_ERROR(WSASetSocketPeerTargetName(INVALID_SOCKET, NULL, 0, NULL, NULL), WSANOTINITIALISED);
  EXPECT_ERROR(WSADeleteSocketPeerTargetName(INVALID_SOCKET, NULL, 0, NULL, NULL), WSANOTINITIALISED);
  EXPECT_ERROR(WSAImpersonateSocketPeer(INVALID_SOCKET, NULL, 0), WSANOTINITIALISED);
  EXPECT_ERROR(WSARevertImpersonation(), WSANOTINITIALISED);
}

static void no_sockets(void) {
  ULONG octets = 0;
  DWORD returned = 0;
  SOCKET_PEER_TARGET_NAME name = {0};
  const SOCKET socket = WSASocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, 0);
  EXPECT_ERROR(WSASetSocketSecurity(INVALID_SOCKET, NULL, 0, NULL, NULL), WSAENOTSOCK);
  EXPECT_ERROR(WSAIoctl(INVALID_SOCKET, SIO_SET_SECURITY, NULL, 0, NULL, 0, &returned, NULL, NULL), WSAENOTSOCK);
  EXPECT_ERROR(WSAQuerySocketSecurity(INVALID_SOCKET, NULL, 0, NULL, &octets, NULL, NULL), WSAENOTSOCK);
  EXPECT_ERROR(WSASetSocketPeerTargetName(INVALID_SOCKET, &name, sizeof name, NULL, NULL), WSAENOTSOCK);
  EXPECT_ERROR(WSADeleteSocketPeerTargetName(INVALID_SOCKET, NULL, 0, NULL, NULL), WSAENOTSOCK);
  EXPECT_ERROR(WSAImpersonateSocketPeer(INVALID_SOCKET, NULL, 0), WSAENOTSOCK);
  EXPECT_ERROR(WSAQuerySocketSecurity(socket, NULL, 0, NULL, NULL, NULL, NULL), WSAEFAULT);
  EXPECT_ERROR(WSASetSocketPeerTargetName(socket, NULL, 0, NULL, NULL), WSAEFAULT);
  EXPECT_ERROR(WSADeleteSocketPeerTargetName(socket, NULL, 0, NULL, NULL), WSAEFAULT);
  EXPECT(WSARevertImpersonation() == 0); /* nothing to revert */
  closesocket(socket);
}

/* Whatever the settings, the function and its control code answer alike. */
static void alike(const void* settings, ULONG length) {
  DWORD returned = 0;
  const SOCKET one = WSASocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, 0);
  const SOCKET other = WSASocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, 0);
  int by_function, by_code;
  WSASetLastError(0);
  by_function =
      WSASetSocketSecurity(one, (const SOCKET_SECURITY_SETTINGS*)settings, length, NULL, NULL) ? WSAGetLastError() : 0;
  WSASetLastError(0);
  by_code = WSAIoctl(other, SIO_SET_SECURITY, (LPVOID)settings, length, NULL, 0, &returned, NULL, NULL)
                ? WSAGetLastError()
                : 0;
  EXPECT(by_function == by_code);
  closesocket(one);
  closesocket(other);
}

int __cdecl wmain(void) {
  WSADATA about;
  SOCKET_SECURITY_SETTINGS basic = {SOCKET_SECURITY_PROTOCOL_DEFAULT, SOCKET_SETTINGS_GUARANTEE_ENCRYPTION};
  SOCKET_SECURITY_SETTINGS_IPSEC advanced = {0};
  WCHAR spn[MAX_PATH];
  DWORD spn_length = MAX_PATH;
  ULONG length = 0;
  BOOL octets;

  before_the_start();
  EXPECT(WSAStartup(MAKEWORD(2, 2), &about) == 0);
  no_sockets();
  advanced.SecurityProtocol = SOCKET_SECURITY_PROTOCOL_IPSEC;
  advanced.SecurityFlags = SOCKET_SETTINGS_GUARANTEE_ENCRYPTION;
  alike(&basic, sizeof basic);
  alike(&basic, 3);
  alike(NULL, 0);
  alike(&advanced, sizeof advanced);
  advanced.SecurityProtocol = SOCKET_SECURITY_PROTOCOL_DEFAULT;
  alike(&advanced, sizeof advanced);
  EXPECT(DsMakeSpn(L"host", L"server.example", NULL, 0, NULL, &spn_length, spn) == ERROR_SUCCESS);
  EXPECT(wcscmp(spn, L"host/server.example") == 0 && spn_length == wcslen(spn) + 1);
  for (octets = FALSE; octets <= TRUE; ++octets) {
    SOCKET_PEER_TARGET_NAME* name = TargetName(spn, octets, &length);
    EXPECT_ERROR(WSASetSocketPeerTargetName(INVALID_SOCKET, name, length, NULL, NULL), WSAENOTSOCK);
    HeapFree(GetProcessHeap(), 0, name);
  }
  WSACleanup();
  wprintf(L"secure: ok\n");
  return 0;
}
