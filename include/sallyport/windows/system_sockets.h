// The system's socket headers, with the names that the original's functions and structures have put out of the way, so
// that winsock2.h can give these names its own meaning. Where the system's headers came first this is too late: then
// SALLYPORT_SYSTEM_SOCKETS_FIRST is 1, the system's structures are used, and in C the functions are reached by macros,
// in C++ by overloading on SOCKET (socket() and the resolver are the system's then). Include winsock2.h first.
#pragma once
#if defined(_SYS_SOCKET_H) || defined(_NETINET_IN_H) || defined(_ARPA_INET_H) || defined(_NETDB_H)
#define SALLYPORT_SYSTEM_SOCKETS_FIRST 1
#else
#define SALLYPORT_SYSTEM_SOCKETS_FIRST 0
#define accept sallyport_system_accept
#define bind sallyport_system_bind
#define connect sallyport_system_connect
#define getpeername sallyport_system_getpeername
#define getsockname sallyport_system_getsockname
#define getsockopt sallyport_system_getsockopt
#define listen sallyport_system_listen
#define recv sallyport_system_recv
#define recvfrom sallyport_system_recvfrom
#define send sallyport_system_send
#define sendto sallyport_system_sendto
#define setsockopt sallyport_system_setsockopt
#define shutdown sallyport_system_shutdown
#define socket sallyport_system_socket
#define gethostbyaddr sallyport_system_gethostbyaddr
#define gethostbyname sallyport_system_gethostbyname
#define getprotobyname sallyport_system_getprotobyname
#define getprotobynumber sallyport_system_getprotobynumber
#define getservbyname sallyport_system_getservbyname
#define getservbyport sallyport_system_getservbyport
#define getaddrinfo sallyport_system_getaddrinfo
#define freeaddrinfo sallyport_system_freeaddrinfo
#define getnameinfo sallyport_system_getnameinfo
#define gai_strerror sallyport_system_gai_strerror
#define inet_ntoa sallyport_system_inet_ntoa
#define in6addr_any sallyport_system_in6addr_any
#define in6addr_loopback sallyport_system_in6addr_loopback
#define addrinfo sallyport_system_addrinfo
#define in_addr sallyport_system_in_addr
#define in6_addr sallyport_system_in6_addr
#define sockaddr_in sallyport_system_sockaddr_in
#define sockaddr_in6 sallyport_system_sockaddr_in6
#define ip_mreq sallyport_system_ip_mreq
#define ip_mreq_source sallyport_system_ip_mreq_source
#define ipv6_mreq sallyport_system_ipv6_mreq
#endif

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>

#if !SALLYPORT_SYSTEM_SOCKETS_FIRST
#undef accept
#undef bind
#undef connect
#undef getpeername
#undef getsockname
#undef getsockopt
#undef listen
#undef recv
#undef recvfrom
#undef send
#undef sendto
#undef setsockopt
#undef shutdown
#undef socket
#undef gethostbyaddr
#undef gethostbyname
#undef getprotobyname
#undef getprotobynumber
#undef getservbyname
#undef getservbyport
#undef getaddrinfo
#undef freeaddrinfo
#undef getnameinfo
#undef gai_strerror
#undef inet_ntoa
#undef in6addr_any
#undef in6addr_loopback
#undef addrinfo
#undef in_addr
#undef in6_addr
#undef sockaddr_in
#undef sockaddr_in6
#undef ip_mreq
#undef ip_mreq_source
#undef ipv6_mreq
#endif

// The library's functions have names of their own; a program calls them by the original's.
#define SALLYPORT_AS(name) __asm__("sallyport_winsock_" #name)
