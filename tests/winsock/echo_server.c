/* A server in the manner of console programs of 2007: wide text, no overlapped sockets, one connection after another.
   Usage: echo_server [-v6] CONNECTIONS. Says its port first. */
#include <WS2tcpip.h>
#include <Windows.h>
#include <Winsock2.h>
#include <stdio.h>
#include <stdlib.h>

#pragma comment(lib, "Ws2_32.lib")

#define BUFFER_OCTETS 256

static DWORD Serve(__in SOCKET Connection) {
  CHAR Text[BUFFER_OCTETS];
  WSABUF Buffer = {0};
  DWORD Received = 0, Sent = 0, Flags = 0;

  Buffer.buf = Text;
  for (;;) {
    Buffer.len = RTL_NUMBER_OF(Text);
    if (WSARecv(Connection, &Buffer, 1, &Received, &Flags, NULL, NULL) == SOCKET_ERROR) return WSAGetLastError();
    if (Received == 0) return NO_ERROR;
    Buffer.len = Received;
    if (WSASend(Connection, &Buffer, 1, &Sent, 0, NULL, NULL) == SOCKET_ERROR) return WSAGetLastError();
    if (Sent != Received) return ERROR_INVALID_PARAMETER;
  }
}

int __cdecl wmain(IN int argc, __in_ecount(argc) PWSTR argv[]) {
  WSADATA WsaData;
  SOCKADDR_STORAGE Address = {0};
  SOCKET Listener = INVALID_SOCKET, Connection;
  int AddressLength = 0, Left = 0, i;
  BOOL On = TRUE;
  DWORD Error = NO_ERROR;

  Address.ss_family = AF_INET;
  for (i = 1; i < argc; ++i) {
    if (_wcsicmp(argv[i], L"-V6") == 0) {
      Address.ss_family = AF_INET6;
    } else {
      Left = _wtoi(argv[i]);
    }
  }
  if (WSAStartup(MAKEWORD(2, 2), &WsaData) != NO_ERROR) return 1;
  AddressLength = Address.ss_family == AF_INET ? sizeof(SOCKADDR_IN) : sizeof(SOCKADDR_IN6);
  Listener = WSASocket(Address.ss_family, SOCK_STREAM, IPPROTO_TCP, NULL, 0, 0);
  if (Listener == INVALID_SOCKET || setsockopt(Listener, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (char*)&On, sizeof(On)) ||
      bind(Listener, (LPSOCKADDR)&Address, AddressLength) == SOCKET_ERROR || listen(Listener, 10) == SOCKET_ERROR ||
      getsockname(Listener, (PSOCKADDR)&Address, &AddressLength) == SOCKET_ERROR) {
    Error = WSAGetLastError();
    wprintf(L"no listener: %ld\n", Error);
    goto Exit;
  }
  wprintf(L"%hu\n", ntohs(((PSOCKADDR_IN)&Address)->sin_port));
  fflush(stdout);
  while (Left-- > 0) {
    Connection = WSAAccept(Listener, NULL, NULL, NULL, 0);
    if (Connection == INVALID_SOCKET) {
      Error = WSAGetLastError();
      break;
    }
    Error = Serve(Connection);
    closesocket(Connection);
    if (Error != NO_ERROR) break;
  }
Exit:
  if (Listener != INVALID_SOCKET) closesocket(Listener);
  WSACleanup();
  wprintf(L"%s\n", Error == NO_ERROR ? L"Finished" : L"Failed");
  return (int)Error;
}
