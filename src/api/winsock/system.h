// Both sides of this folder: the system's sockets under their own names, and the declarations of <winsock2.h>. A call
// with an int descriptor is the system's; one with a SOCKET is ours (overloads, see include/sallyport/windows).
#pragma once
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SALLYPORT_PLAIN_PRINTF
#include <sallyport/windows/winsock2.h>
#include <sallyport/windows/ws2tcpip.h>
