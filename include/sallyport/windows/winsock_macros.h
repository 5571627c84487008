// The functions' names as macros, for C files that had the system's socket headers before winsock2.h.
#pragma once

#define accept sallyport_winsock_accept
#define bind sallyport_winsock_bind
#define connect sallyport_winsock_connect
#define getpeername sallyport_winsock_getpeername
#define getsockname sallyport_winsock_getsockname
#define getsockopt sallyport_winsock_getsockopt
#define listen sallyport_winsock_listen
#define recv sallyport_winsock_recv
#define recvfrom sallyport_winsock_recvfrom
#define send sallyport_winsock_send
#define sendto sallyport_winsock_sendto
#define setsockopt sallyport_winsock_setsockopt
#define shutdown sallyport_winsock_shutdown
#define socket sallyport_winsock_socket
#define gethostbyaddr sallyport_winsock_gethostbyaddr
#define gethostbyname sallyport_winsock_gethostbyname
#define getprotobyname sallyport_winsock_getprotobyname
#define getprotobynumber sallyport_winsock_getprotobynumber
#define getservbyname sallyport_winsock_getservbyname
#define getservbyport sallyport_winsock_getservbyport
#define getaddrinfo sallyport_winsock_getaddrinfo
#define freeaddrinfo sallyport_winsock_freeaddrinfo
#define getnameinfo sallyport_winsock_getnameinfo
