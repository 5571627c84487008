// Extension functions of sockets; WSAIoctl with SIO_GET_EXTENSION_FUNCTION_POINTER gives them too.
#pragma once
#include "winsock2.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WSAID_CONNECTEX                                                            \
  {                                                                                \
    0x25a207b9, 0xddf3, 0x4660, { 0x8e, 0xe9, 0x76, 0xe5, 0x8c, 0x74, 0x06, 0x3e } \
  }
// On an overlapped socket that is bound. `data` is sent once connected.
typedef BOOL(WSAAPI* LPFN_CONNECTEX)(SOCKET socket, const struct sockaddr* address, int length, PVOID data,
                                     DWORD octets, LPDWORD sent, LPOVERLAPPED overlapped);

#ifdef __cplusplus
}
#endif
