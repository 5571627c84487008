/* Sockets as Windows Sockets describe them, over loopback: results, errors, and what differs between the two systems.
 */
#include <windows.h>
#include <winsock2.h>
#include <ws2tcpip.h>
#include "expect.h"

static SOCKADDR_IN loopback(u_short port) {
  SOCKADDR_IN address = {0};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.S_un.S_un_b.s_b1 = 127;
  address.sin_addr.S_un.S_un_b.s_b4 = 1;
  EXPECT(address.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
  return address;
}

static u_short port_of(SOCKET socket) {
  SOCKADDR_STORAGE address;
  int length = sizeof address;
  EXPECT(getsockname(socket, (SOCKADDR*)&address, &length) == 0);
  return ntohs(((SOCKADDR_IN*)&address)->sin_port);
}

static SOCKET listener(void) {
  const SOCKADDR_IN address = loopback(0);
  const SOCKET made = WSASocket(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, 0);
  EXPECT(made != INVALID_SOCKET && bind(made, (const SOCKADDR*)&address, sizeof address) == 0 &&
         listen(made, SOMAXCONN) == 0);
  return made;
}

static void connected_pair(SOCKET* one, SOCKET* other) {
  const SOCKET listening = listener();
  const SOCKADDR_IN address = loopback(port_of(listening));
  *one = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
  EXPECT(connect(*one, (const SOCKADDR*)&address, sizeof address) == 0);
  *other = accept(listening, NULL, NULL);
  EXPECT(*other != INVALID_SOCKET && closesocket(listening) == 0);
}

static void starting(void) {
  WSADATA about;
  EXPECT(WSASocket(AF_INET, SOCK_STREAM, 0, NULL, 0, 0) == INVALID_SOCKET && WSAGetLastError() == WSANOTINITIALISED);
  EXPECT_ERROR(closesocket(0), WSANOTINITIALISED);
  EXPECT_ERROR(WSACleanup(), WSANOTINITIALISED);
  EXPECT(WSAStartup(MAKEWORD(0, 0), &about) == WSAVERNOTSUPPORTED && WSAStartup(MAKEWORD(2, 2), NULL) == WSAEFAULT);
  EXPECT(WSAStartup(MAKEWORD(1, 1), &about) == 0 && about.wVersion == MAKEWORD(1, 1));
  EXPECT(WSAStartup(MAKEWORD(3, 7), &about) == 0 && about.wVersion == MAKEWORD(2, 2));
  EXPECT(WSACleanup() == 0 && WSACleanup() == 0);
  EXPECT_ERROR(WSACleanup(), WSANOTINITIALISED);
  EXPECT(WSAStartup(MAKEWORD(2, 2), &about) == 0 && about.wHighVersion == MAKEWORD(2, 2));
}

static void refusals(void) {
  const SOCKET listening = listener();
  SOCKADDR_IN address = loopback(port_of(listening));
  int length = sizeof address;
  char octet = 0;
  SOCKET one, other;
  EXPECT_ERROR(closesocket(INVALID_SOCKET), WSAENOTSOCK);
  EXPECT_ERROR(send(0x12345, &octet, 1, 0), WSAENOTSOCK);
  EXPECT_ERROR(closesocket(2), WSAENOTSOCK); /* a descriptor, and no socket */
  EXPECT(socket(AF_INET, 77, 0) == INVALID_SOCKET);
  EXPECT(socket(12345, SOCK_STREAM, 0) == INVALID_SOCKET && WSAGetLastError() == WSAEAFNOSUPPORT);
  one = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_ERROR(bind(one, (SOCKADDR*)&address, sizeof address), WSAEADDRINUSE);
  EXPECT_ERROR(bind(one, NULL, 0), WSAEFAULT);
  EXPECT_ERROR(listen(one, 1), WSAEINVAL);
  EXPECT_ERROR(getpeername(one, (SOCKADDR*)&address, &length), WSAENOTCONN);
  EXPECT_ERROR(getsockname(one, NULL, NULL), WSAEFAULT);
  EXPECT_ERROR(send(one, &octet, 1, 0), WSAENOTCONN);
  EXPECT_ERROR(recv(one, &octet, -1, 0), WSAEFAULT);
  EXPECT_ERROR(WSASend(one, NULL, 1, NULL, 0, NULL, NULL), WSAEFAULT);
  EXPECT_ERROR(WSARecv(one, NULL, 0, NULL, NULL, NULL, NULL), WSAEFAULT);
  EXPECT(closesocket(listening) == 0);
  EXPECT_ERROR(connect(one, (SOCKADDR*)&address, sizeof address), WSAECONNREFUSED);
  EXPECT(closesocket(one) == 0);
  EXPECT_ERROR(closesocket(one), WSAENOTSOCK);
  connected_pair(&one, &other);
  EXPECT_ERROR(connect(one, (SOCKADDR*)&address, sizeof address), WSAEISCONN);
  length = 2;
  EXPECT_ERROR(getpeername(one, (SOCKADDR*)&address, &length), WSAEFAULT);
  EXPECT(shutdown(one, SD_SEND) == 0);
  EXPECT_ERROR(send(one, &octet, 1, 0), WSAESHUTDOWN);
  EXPECT(recv(other, &octet, 1, 0) == 0);
  closesocket(one);
  closesocket(other);
  connected_pair(&one, &other);
  {
    const LINGER reset = {1, 0};
    EXPECT(setsockopt(other, SOL_SOCKET, SO_LINGER, (const char*)&reset, sizeof reset) == 0 && closesocket(other) == 0);
    EXPECT_ERROR(recv(one, &octet, 1, 0), WSAECONNRESET);
    closesocket(one);
  }
}

static void non_blocking(void) {
  const SOCKET listening = listener();
  const SOCKADDR_IN address = loopback(port_of(listening));
  const SOCKET one = socket(AF_INET, SOCK_STREAM, 0);
  SOCKET other;
  u_long on = 1;
  DWORD also = 1;
  unsigned long octets = 77;
  char text[8];
  fd_set readable, writable, exceptional;
  struct timeval soon = {5, 0};
  EXPECT(ioctlsocket(listening, FIONBIO, &on) == 0 && ioctlsocket(one, FIONBIO, &also) == 0);
  EXPECT(accept(listening, NULL, NULL) == INVALID_SOCKET && WSAGetLastError() == WSAEWOULDBLOCK);
  if (connect(one, (const SOCKADDR*)&address, sizeof address) != 0) EXPECT(WSAGetLastError() == WSAEWOULDBLOCK);
  FD_ZERO(&writable);
  FD_SET(one, &writable);
  EXPECT(select(0, NULL, &writable, NULL, &soon) == 1 && FD_ISSET(one, &writable));
  FD_ZERO(&readable);
  FD_SET(listening, &readable);
  FD_SET(listening, &readable);
  FD_SET(one, &readable);
  EXPECT(readable.fd_count == 2);
  EXPECT(select(0, &readable, NULL, NULL, &soon) == 1 && readable.fd_count == 1 && readable.fd_array[0] == listening);
  other = WSAAccept(listening, NULL, NULL, NULL, 0);
  EXPECT(other != INVALID_SOCKET);
  EXPECT_ERROR(recv(other, text, sizeof text, 0), WSAEWOULDBLOCK); /* as its listener */
  EXPECT(send(one, "12345678", 8, 0) == 8);
  FD_ZERO(&readable);
  FD_SET(other, &readable);
  EXPECT(select(0, &readable, NULL, NULL, NULL) == 1);
  EXPECT(ioctlsocket(other, FIONREAD, &octets) == 0 && octets == 8);
  EXPECT(recv(other, text, sizeof text, 0) == 8 && memcmp(text, "12345678", 8) == 0);
  EXPECT_ERROR(select(0, NULL, NULL, NULL, &soon), WSAEINVAL);
  FD_CLR(other, &readable);
  EXPECT(readable.fd_count == 0);
  {
    WSAPOLLFD polled = {0};
    polled.fd = one;
    polled.events = POLLOUT;
    EXPECT(WSAPoll(&polled, 1, 1000) == 1 && (polled.revents & POLLOUT));
  }
  closesocket(other);
  closesocket(one);
  closesocket(listening);
  { /* a connection that is refused is an exception, and SO_ERROR says why */
    const SOCKET refused = socket(AF_INET, SOCK_STREAM, 0);
    int error = 0, length = sizeof error;
    EXPECT(ioctlsocket(refused, FIONBIO, &on) == 0);
    connect(refused, (const SOCKADDR*)&address, sizeof address);
    if (WSAGetLastError() == WSAEWOULDBLOCK) {
      FD_ZERO(&writable);
      FD_ZERO(&exceptional);
      FD_SET(refused, &writable);
      FD_SET(refused, &exceptional);
      EXPECT(select(0, NULL, &writable, &exceptional, &soon) == 1 && FD_ISSET(refused, &exceptional));
      EXPECT(getsockopt(refused, SOL_SOCKET, SO_ERROR, (char*)&error, &length) == 0 && error == WSAECONNREFUSED);
    } else {
      EXPECT(WSAGetLastError() == WSAECONNREFUSED);
    }
    closesocket(refused);
  }
}

static void options(void) {
  const SOCKET one = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
  SOCKADDR_IN address = loopback(0);
  BOOL on = TRUE, value = FALSE;
  int length = sizeof value;
  DWORD milliseconds = 50, start;
  BYTE narrow = 1;
  char octet;
  EXPECT(getsockopt(one, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (char*)&value, &length) == 0 && !value);
  EXPECT(setsockopt(one, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (char*)&on, sizeof on) == 0);
  EXPECT(getsockopt(one, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (char*)&value, &length) == 0 && value &&
         length == sizeof value);
  EXPECT_ERROR(setsockopt(one, SOL_SOCKET, SO_REUSEADDR, (char*)&on, sizeof on), WSAEINVAL);
  EXPECT(bind(one, (SOCKADDR*)&address, sizeof address) == 0 && listen(one, 1) == 0);
  EXPECT_ERROR(setsockopt(one, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (char*)&on, sizeof on), WSAEINVAL);
  address = loopback(port_of(one));
  EXPECT(setsockopt(other, SOL_SOCKET, SO_REUSEADDR, (char*)&on, sizeof on) == 0);
  EXPECT_ERROR(setsockopt(other, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (char*)&on, sizeof on), WSAEINVAL);
  EXPECT_ERROR(bind(other, (SOCKADDR*)&address, sizeof address), WSAEADDRINUSE);
  EXPECT_ERROR(setsockopt(one, SOL_SOCKET, 0x7eee, (char*)&on, sizeof on), WSAENOPROTOOPT);
  EXPECT_ERROR(getsockopt(one, SOL_SOCKET, SO_TYPE, NULL, NULL), WSAEFAULT);
  EXPECT(getsockopt(one, SOL_SOCKET, SO_TYPE, (char*)&value, &length) == 0 && value == SOCK_STREAM);
  closesocket(other);
  {
    SOCKET a, b;
    connected_pair(&a, &b);
    EXPECT(setsockopt(a, IPPROTO_TCP, TCP_NODELAY, (char*)&narrow, sizeof narrow) == 0);
    length = sizeof value;
    EXPECT(getsockopt(a, IPPROTO_TCP, TCP_NODELAY, (char*)&value, &length) == 0 && value);
    EXPECT(setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, (char*)&milliseconds, sizeof milliseconds) == 0);
    milliseconds = 0;
    length = sizeof milliseconds;
    EXPECT(getsockopt(a, SOL_SOCKET, SO_RCVTIMEO, (char*)&milliseconds, &length) == 0 && milliseconds >= 50);
    start = GetTickCount();
    EXPECT_ERROR(recv(a, &octet, 1, 0), WSAETIMEDOUT);
    EXPECT(GetTickCount() - start >= 45);
    closesocket(a);
    closesocket(b);
  }
  closesocket(one);
}

static void datagrams(void) {
  SOCKET one = WSASocket(AF_INET, SOCK_DGRAM, IPPROTO_UDP, NULL, 0, 0), other = socket(AF_INET, SOCK_DGRAM, 0);
  SOCKADDR_IN address = loopback(0), from;
  int from_length = sizeof from;
  WSABUF parts[2];
  DWORD octets = 0, flags = 0;
  char first[3] = "abc", second[4] = "defg", text[5] = {0};
  EXPECT(bind(one, (SOCKADDR*)&address, sizeof address) == 0 && bind(other, (SOCKADDR*)&address, sizeof address) == 0);
  address = loopback(port_of(other));
  parts[0].buf = first;
  parts[0].len = sizeof first;
  parts[1].buf = second;
  parts[1].len = sizeof second;
  EXPECT(WSASendTo(one, parts, 2, &octets, 0, (SOCKADDR*)&address, sizeof address, NULL, NULL) == 0 && octets == 7);
  parts[0].buf = text;
  parts[0].len = 5;
  EXPECT_ERROR(WSARecvFrom(other, parts, 1, &octets, &flags, (SOCKADDR*)&from, &from_length, NULL, NULL), WSAEMSGSIZE);
  EXPECT(octets == 5 && memcmp(text, "abcde", 5) == 0 && (flags & MSG_PARTIAL));
  EXPECT(from_length == sizeof from && from.sin_port == htons(port_of(one)));
  EXPECT(sendto(other, "x", 1, 0, (SOCKADDR*)&from, from_length) == 1);
  EXPECT(recvfrom(one, text, 5, 0, (SOCKADDR*)&from, &from_length) == 1 && text[0] == 'x');
  EXPECT_ERROR(send(one, "x", 1, 0), WSAENOTCONN);
  closesocket(other);
  EXPECT(WSAConnect(one, (SOCKADDR*)&address, sizeof address, NULL, NULL, NULL, NULL) == 0);
  EXPECT(send(one, "x", 1, 0) == 1); /* to a port that is closed: the answer shows at the next call */
  EXPECT_ERROR(recv(one, text, 5, 0), WSAECONNRESET);
  closesocket(one);
}

static int CALLBACK refuse(LPWSABUF caller, LPWSABUF data, LPQOS qos, LPQOS group_qos, LPWSABUF callee,
                           LPWSABUF callee_data, GROUP* group, DWORD_PTR wanted) {
  (void)data, (void)qos, (void)group_qos, (void)callee_data, (void)group;
  EXPECT(caller->len == sizeof(SOCKADDR_IN) && ((SOCKADDR_IN*)callee->buf)->sin_family == AF_INET);
  return (int)wanted;
}

static void conditions(void) {
  const SOCKET listening = listener();
  const SOCKADDR_IN address = loopback(port_of(listening));
  const SOCKET one = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
  SOCKADDR_IN peer;
  int length = sizeof peer;
  SOCKET taken;
  EXPECT(connect(one, (const SOCKADDR*)&address, sizeof address) == 0);
  EXPECT(WSAAccept(listening, NULL, NULL, refuse, CF_REJECT) == INVALID_SOCKET && WSAGetLastError() == WSAECONNREFUSED);
  EXPECT(connect(other, (const SOCKADDR*)&address, sizeof address) == 0);
  taken = WSAAccept(listening, (SOCKADDR*)&peer, &length, refuse, CF_ACCEPT);
  EXPECT(taken != INVALID_SOCKET && length == sizeof peer && peer.sin_port == htons(port_of(other)));
  closesocket(taken);
  closesocket(other);
  closesocket(one);
  closesocket(listening);
}

static void families(void) {
  const SOCKET v6 = socket(AF_INET6, SOCK_STREAM, 0), v4 = socket(AF_INET, SOCK_STREAM, 0);
  SOCKADDR_IN6 six = {0};
  SOCKADDR_IN four = {0};
  DWORD only = 0;
  int length = sizeof only;
  if (v6 == INVALID_SOCKET) return;
  six.sin6_family = AF_INET6;
  six.sin6_addr = in6addr_any;
  EXPECT(IN6_IS_ADDR_UNSPECIFIED(&six.sin6_addr) && !IN6_IS_ADDR_LOOPBACK(&six.sin6_addr) &&
         six.sin6_addr.u.Byte[15] == 0);
  EXPECT(getsockopt(v6, IPPROTO_IPV6, IPV6_V6ONLY, (char*)&only, &length) == 0 && only == 1);
  EXPECT(bind(v6, (SOCKADDR*)&six, sizeof six) == 0 && listen(v6, 1) == 0);
  four.sin_family = AF_INET;
  four.sin_port = htons(port_of(v6));
  EXPECT(bind(v4, (SOCKADDR*)&four, sizeof four) == 0 && listen(v4, 1) == 0); /* the same port, both families */
  closesocket(v6);
  closesocket(v4);
}

static void names(void) {
  ADDRINFOA hints = {0}, *found = NULL;
  ADDRINFOW wide_hints = {0}, *wide = NULL;
  WCHAR text[64], host[NI_MAXHOST], service[NI_MAXSERV];
  CHAR narrow[64];
  DWORD size = 64;
  SOCKADDR_STORAGE address;
  INT length = sizeof address;
  IN6_ADDR six;
  hints.ai_flags = AI_NUMERICHOST;
  EXPECT(getaddrinfo("127.0.0.1", "80", &hints, &found) == 0 && found->ai_addrlen == sizeof(SOCKADDR_IN));
  EXPECT(getnameinfo(found->ai_addr, (INT)found->ai_addrlen, narrow, 64, NULL, 0, NI_NUMERICHOST) == 0 &&
         strcmp(narrow, "127.0.0.1") == 0);
  freeaddrinfo(found);
  EXPECT(getaddrinfo("no address", NULL, &hints, &found) == WSAHOST_NOT_FOUND &&
         WSAGetLastError() == WSAHOST_NOT_FOUND);
  EXPECT(EAI_NONAME == WSAHOST_NOT_FOUND && GetAddrInfoW(L"x", NULL, NULL, NULL) == WSAEFAULT);
  wide_hints.ai_flags = AI_NUMERICHOST;
  wide_hints.ai_socktype = SOCK_DGRAM;
  EXPECT(GetAddrInfoW(L"::1", L"27015", &wide_hints, &wide) == 0 && wide->ai_family == AF_INET6 && !wide->ai_next);
  EXPECT(wide->ai_socktype == SOCK_DGRAM && IN6_IS_ADDR_LOOPBACK(&((PSOCKADDR_IN6)wide->ai_addr)->sin6_addr));
  EXPECT(GetNameInfoW(wide->ai_addr, (INT)wide->ai_addrlen, host, NI_MAXHOST, service, NI_MAXSERV,
                      NI_NUMERICHOST | NI_NUMERICSERV) == 0);
  EXPECT(wcscmp(host, L"::1") == 0 && wcscmp(service, L"27015") == 0);
  EXPECT(WSAAddressToStringW(wide->ai_addr, (DWORD)wide->ai_addrlen, NULL, text, &size) == 0 &&
         wcscmp(text, L"[::1]:27015") == 0 && size == 12);
  size = 3;
  EXPECT_ERROR(WSAAddressToStringW(wide->ai_addr, (DWORD)wide->ai_addrlen, NULL, text, &size), WSAEFAULT);
  FreeAddrInfoW(wide);
  EXPECT(WSAStringToAddressA("192.0.2.7:99", AF_INET, NULL, (SOCKADDR*)&address, &length) == 0 &&
         length == sizeof(SOCKADDR_IN));
  EXPECT(((SOCKADDR_IN*)&address)->sin_port == htons(99) && ((SOCKADDR_IN*)&address)->sin_addr.S_un.S_un_b.s_b4 == 7);
  EXPECT_ERROR(WSAStringToAddressA("192.0.2", AF_INET6, NULL, (SOCKADDR*)&address, &length), WSAEINVAL);
  EXPECT(InetPtonW(AF_INET6, L"2001:db8::7", &six) == 1 && six.u.Byte[15] == 7 && InetPtonW(AF_INET6, L"x", &six) == 0);
  EXPECT(InetNtopW(AF_INET6, &six, text, 64) && wcscmp(text, L"2001:db8::7") == 0 &&
         !InetNtopW(AF_INET6, &six, text, 4));
  EXPECT(strcmp(inet_ntoa(((SOCKADDR_IN*)&address)->sin_addr), "192.0.2.7") == 0 &&
         inet_addr("192.0.2.7") != INADDR_NONE);
  EXPECT(gethostname(narrow, 64) == 0 && narrow[0] != 0 && *gai_strerrorA(EAI_NONAME) != 0);
  EXPECT_ERROR(gethostname(narrow, 0), WSAEFAULT);
}

static DWORD WINAPI other_thread(LPVOID parameter) {
  EXPECT(WSAGetLastError() == 0); /* each thread has its own */
  WSASetLastError(WSAEINTR);
  EXPECT(GetLastError() == WSAEINTR);
  return *(DWORD*)parameter;
}

static void threads(void) {
  DWORD number = 42, code = 0, id = 0;
  HANDLE thread;
  SetLastError(7);
  thread = CreateThread(NULL, 0, other_thread, &number, 0, &id);
  EXPECT(thread != NULL && id != 0 && WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0);
  EXPECT(GetExitCodeThread(thread, &code) && code == 42 && GetLastError() == 7);
  EXPECT(CloseHandle(thread) && !CloseHandle(thread) && GetLastError() == ERROR_INVALID_HANDLE);
  EXPECT(WaitForSingleObject(thread, 0) == WAIT_FAILED);
}

int main(void) {
  starting();
  refusals();
  non_blocking();
  options();
  datagrams();
  conditions();
  families();
  names();
  threads();
  EXPECT(WSACleanup() == 0);
  printf("plain: ok\n");
  return 0;
}
