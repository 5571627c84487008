// Name resolution, IPv6, addresses as text, and, with mstcpip.h, the secure socket extensions.
#pragma once
#include "winsock2.h"
#include "ws2ipdef.h"

#if SALLYPORT_SYSTEM_SOCKETS_FIRST && defined(__cplusplus)
// getaddrinfo() and getnameinfo() are the system's, with its numbers.
#else
// Errors of name resolution are those of sockets.
#undef EAI_AGAIN
#undef EAI_BADFLAGS
#undef EAI_FAIL
#undef EAI_FAMILY
#undef EAI_MEMORY
#undef EAI_NODATA
#undef EAI_NONAME
#undef EAI_SERVICE
#undef EAI_SOCKTYPE
#define EAI_AGAIN WSATRY_AGAIN
#define EAI_BADFLAGS WSAEINVAL
#define EAI_FAIL WSANO_RECOVERY
#define EAI_FAMILY WSAEAFNOSUPPORT
#define EAI_MEMORY WSA_NOT_ENOUGH_MEMORY
#define EAI_NODATA EAI_NONAME
#define EAI_NONAME WSAHOST_NOT_FOUND
#define EAI_SERVICE WSATYPE_NOT_FOUND
#define EAI_SOCKTYPE WSAESOCKTNOSUPPORT

SALLYPORT_BEGIN_SHARED_NAMES
INT getaddrinfo(PCSTR node, PCSTR service, const ADDRINFOA* hints, PADDRINFOA* result) SALLYPORT_AS(getaddrinfo);
void freeaddrinfo(PADDRINFOA list) SALLYPORT_AS(freeaddrinfo);
INT getnameinfo(const SOCKADDR* address, INT length, PCHAR node, DWORD node_size, PCHAR service, DWORD service_size,
                INT flags) SALLYPORT_AS(getnameinfo);
SALLYPORT_END_SHARED_NAMES
#define GetAddrInfoA getaddrinfo
#define FreeAddrInfoA freeaddrinfo
#define GetNameInfoA getnameinfo
#endif

#if !SALLYPORT_SYSTEM_SOCKETS_FIRST
#undef IN6_IS_ADDR_UNSPECIFIED
#undef IN6_IS_ADDR_LOOPBACK
#undef IN6_IS_ADDR_MULTICAST
#undef IN6_IS_ADDR_LINKLOCAL
#undef IN6_IS_ADDR_SITELOCAL
#undef IN6_IS_ADDR_V4MAPPED
#undef IN6_IS_ADDR_V4COMPAT
#undef IN6_IS_ADDR_MC_NODELOCAL
#undef IN6_IS_ADDR_MC_LINKLOCAL
#undef IN6_IS_ADDR_MC_SITELOCAL
#undef IN6_IS_ADDR_MC_ORGLOCAL
#undef IN6_IS_ADDR_MC_GLOBAL
#undef IN6_ARE_ADDR_EQUAL
static __inline__ BOOL IN6_IS_ADDR_MULTICAST(const IN6_ADDR* a) { return a->u.Byte[0] == 0xff; }
static __inline__ BOOL IN6_IS_ADDR_LINKLOCAL(const IN6_ADDR* a) {
  return a->u.Byte[0] == 0xfe && (a->u.Byte[1] & 0xc0) == 0x80;
}
static __inline__ BOOL IN6_IS_ADDR_SITELOCAL(const IN6_ADDR* a) {
  return a->u.Byte[0] == 0xfe && (a->u.Byte[1] & 0xc0) == 0xc0;
}
static __inline__ BOOL IN6_ARE_ADDR_EQUAL(const IN6_ADDR* a, const IN6_ADDR* b) { return memcmp(a, b, sizeof *a) == 0; }
#ifdef __cplusplus
extern "C" {
#endif
extern const struct in6_addr in6addr_any;  // the system's
extern const struct in6_addr in6addr_loopback;
#ifdef __cplusplus
}
#endif
static __inline__ BOOL IN6_IS_ADDR_UNSPECIFIED(const IN6_ADDR* a) { return IN6_ARE_ADDR_EQUAL(a, &in6addr_any); }
static __inline__ BOOL IN6_IS_ADDR_LOOPBACK(const IN6_ADDR* a) { return IN6_ARE_ADDR_EQUAL(a, &in6addr_loopback); }
static __inline__ BOOL IN6_IS_ADDR_V4MAPPED(const IN6_ADDR* a) {
  return memcmp(a, &in6addr_any, 10) == 0 && a->u.Byte[10] == 0xff && a->u.Byte[11] == 0xff;
}
#endif
#define IN6_ADDR_EQUAL IN6_ARE_ADDR_EQUAL
#define IN4_ADDR_EQUAL(one, other) ((one)->s_addr == (other)->s_addr)

#ifdef __cplusplus
extern "C" {
#endif

INT WSAAPI GetAddrInfoW(PCWSTR node, PCWSTR service, const ADDRINFOW* hints, PADDRINFOW* result);
void WSAAPI FreeAddrInfoW(PADDRINFOW list);
INT WSAAPI GetNameInfoW(const SOCKADDR* address, INT length, PWCHAR node, DWORD node_size, PWCHAR service,
                        DWORD service_size, INT flags);
INT WSAAPI InetPtonW(INT family, PCWSTR text, PVOID address);
PCWSTR WSAAPI InetNtopW(INT family, const void* address, PWSTR text, size_t size);
char* WSAAPI gai_strerrorA(int code);
WCHAR* WSAAPI gai_strerrorW(int code);
#define InetPtonA inet_pton
#define InetNtopA(family, address, text, size) inet_ntop((family), (address), (text), (socklen_t)(size))

#ifdef UNICODE
#define GetAddrInfo GetAddrInfoW
#define FreeAddrInfo FreeAddrInfoW
#define GetNameInfo GetNameInfoW
#define InetPton InetPtonW
#define InetNtop InetNtopW
#define gai_strerror gai_strerrorW
#else
#define GetAddrInfo GetAddrInfoA
#define FreeAddrInfo FreeAddrInfoA
#define GetNameInfo GetNameInfoA
#define InetPton InetPtonA
#define InetNtop InetNtopA
#define gai_strerror gai_strerrorA
#endif

#ifdef __cplusplus
}
#endif

#define SALLYPORT_WS2TCPIP
#ifdef _SECURE_SOCKET_TYPES_DEFINED_
#include "secure_socket_calls.h"
#endif
