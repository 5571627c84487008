/* Its client. Usage: echo_client [-v6] NAME PORT TEXT */
#include <NTDSAPI.H>
#include <Rpc.h>
#include <WinSock2.h>
#include <Ws2tcpip.h>
#include <stdio.h>
#include <strsafe.h>

static void ShowError(__in PCWSTR What, __in DWORD Error) {
  PWSTR Text = NULL;

  if (FormatMessage(FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL,
                    Error, MAKELANGID(LANG_NEUTRAL, SUBLANG_DEFAULT), (LPWSTR)&Text, 0, NULL) == 0) {
    wprintf(L"%s: %d\n", What, Error);
    return;
  }
  wprintf(L"%s: %d (%s)\n", What, Error, Text);
  LocalFree(Text);
}

int __cdecl wmain(int argc, wchar_t** argv) {
  WSADATA WsaData;
  ADDRINFOW Hints = {0};
  PADDRINFOW Found = NULL;
  SOCKET Socket = INVALID_SOCKET;
  WCHAR Spn[MAX_PATH];
  DWORD SpnLength = MAX_PATH, Octets, Flags = MSG_WAITALL, Error;
  WSABUF Buffer;
  UUID Key;
  PCHAR Sent = NULL, Received = NULL;
  int Arg = 1, Exit = 1;

  Hints.ai_family = AF_INET;
  Hints.ai_socktype = SOCK_STREAM;
  Hints.ai_protocol = IPPROTO_TCP;
  if (argc > 1 && _wcsicmp(argv[1], L"-v6") == 0) {
    Hints.ai_family = AF_INET6;
    ++Arg;
  }
  if (argc - Arg < 3) {
    wprintf(L"Usage: %s [-v6] NAME PORT TEXT\n", argv[0]);
    return 2;
  }
  Error = WSAStartup(WINSOCK_VERSION, &WsaData);
  if (Error != NO_ERROR) return 1;
  if (UuidCreate(&Key) != RPC_S_OK || IsEqualGUID(&Key, &GUID_NULL)) goto Cleanup;
  Error = DsMakeSpn(L"host", argv[Arg], NULL, 0, NULL, &SpnLength, Spn);
  if (Error != ERROR_SUCCESS) goto Cleanup;
  wprintf(L"%s %ld\n", Spn, SpnLength);

  Error = GetAddrInfoW(argv[Arg], argv[Arg + 1], &Hints, &Found);
  if (Error != NO_ERROR) {
    ShowError(L"GetAddrInfoW", Error);
    goto Cleanup;
  }
  Socket = WSASocket(Found->ai_family, Found->ai_socktype, Found->ai_protocol, NULL, 0, 0);
  if (Socket == INVALID_SOCKET ||
      WSAConnect(Socket, Found->ai_addr, (int)Found->ai_addrlen, NULL, NULL, NULL, NULL) == SOCKET_ERROR) {
    ShowError(L"WSAConnect", WSAGetLastError());
    goto Cleanup;
  }
  Octets = (DWORD)((wcslen(argv[Arg + 2]) + 1) * sizeof(WCHAR));
  Sent = (PCHAR)HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, Octets);
  Received = (PCHAR)HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, Octets);
  if (!Sent || !Received) goto Cleanup;
  RtlCopyMemory(Sent, argv[Arg + 2], Octets);
  Buffer.buf = Sent;
  Buffer.len = Octets;
  if (WSASend(Socket, &Buffer, 1, &Octets, 0, NULL, NULL) == SOCKET_ERROR) goto Cleanup;
  Buffer.buf = Received;
  if (WSARecv(Socket, &Buffer, 1, &Octets, &Flags, NULL, NULL) == SOCKET_ERROR) goto Cleanup;
  wprintf(L"%u octets: %s %I64d\n", Octets, (PWSTR)Received, (__int64)Octets << 32);
  if (Octets == Buffer.len && memcmp(Sent, Received, Octets) == 0) Exit = 0;

Cleanup:
  if (Exit) ShowError(L"failed", GetLastError());
  if (Sent) HeapFree(GetProcessHeap(), 0, Sent);
  if (Received) HeapFree(GetProcessHeap(), 0, Received);
  if (Socket != INVALID_SOCKET) closesocket(Socket);
  if (Found) FreeAddrInfoW(Found);
  WSACleanup();
  return Exit;
}
