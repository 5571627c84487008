/* Overlapped operations: events, completion routines, completion ports; network events; ConnectEx. */
#include <mswsock.h>
#include <process.h>
#include <winsock2.h>
#include <ws2tcpip.h>
#include "expect.h"

static SOCKET listening;
static SOCKADDR_IN at;

static void listen_somewhere(void) {
  int length = sizeof at;
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listening = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT(bind(listening, (SOCKADDR*)&at, sizeof at) == 0 && listen(listening, 5) == 0);
  EXPECT(getsockname(listening, (SOCKADDR*)&at, &length) == 0);
}

static void pair(DWORD flags, SOCKET* one, SOCKET* other) {
  *one = WSASocket(AF_INET, SOCK_STREAM, 0, NULL, 0, flags);
  EXPECT(connect(*one, (SOCKADDR*)&at, sizeof at) == 0);
  *other = accept(listening, NULL, NULL);
  EXPECT(*other != INVALID_SOCKET);
}

static void events(void) {
  SOCKET one, other;
  char text[16];
  WSABUF buffer = {sizeof text, text};
  WSAOVERLAPPED overlapped = {0};
  DWORD octets = 0, flags = 0;
  pair(WSA_FLAG_OVERLAPPED, &one, &other);
  overlapped.hEvent = WSACreateEvent();
  EXPECT_ERROR(WSARecv(one, &buffer, 1, NULL, &flags, &overlapped, NULL), WSA_IO_PENDING);
  EXPECT(!HasOverlappedIoCompleted(&overlapped));
  EXPECT(!WSAGetOverlappedResult(one, &overlapped, &octets, FALSE, &flags) && WSAGetLastError() == WSA_IO_INCOMPLETE);
  EXPECT(WSAWaitForMultipleEvents(1, &overlapped.hEvent, TRUE, 20, FALSE) == WSA_WAIT_TIMEOUT);
  EXPECT(send(other, "hello", 5, 0) == 5);
  EXPECT(WSAWaitForMultipleEvents(1, &overlapped.hEvent, TRUE, 5000, FALSE) == WSA_WAIT_EVENT_0);
  EXPECT(WSAGetOverlappedResult(one, &overlapped, &octets, FALSE, &flags) && octets == 5 &&
         memcmp(text, "hello", 5) == 0);
  /* At once: the result is there, and the event is set all the same. */
  WSAResetEvent(overlapped.hEvent);
  buffer.len = 5;
  EXPECT(WSASend(one, &buffer, 1, &octets, 0, &overlapped, NULL) == 0 && octets == 5);
  EXPECT(WaitForSingleObject(overlapped.hEvent, 0) == WAIT_OBJECT_0);
  EXPECT(recv(other, text, 5, MSG_WAITALL) == 5);
  /* Cancelled, and ended by closing. */
  EXPECT_ERROR(WSARecv(one, &buffer, 1, NULL, &flags, &overlapped, NULL), WSA_IO_PENDING);
  EXPECT(CancelIoEx((HANDLE)one, &overlapped) && !CancelIoEx((HANDLE)one, NULL) && GetLastError() == ERROR_NOT_FOUND);
  EXPECT(!WSAGetOverlappedResult(one, &overlapped, &octets, TRUE, &flags) &&
         WSAGetLastError() == WSA_OPERATION_ABORTED);
  EXPECT_ERROR(WSARecv(one, &buffer, 1, NULL, &flags, &overlapped, NULL), WSA_IO_PENDING);
  EXPECT(closesocket(one) == 0 && WaitForSingleObject(overlapped.hEvent, 0) == WAIT_OBJECT_0);
  EXPECT(overlapped.Internal == WSA_OPERATION_ABORTED && WSACloseEvent(overlapped.hEvent));
  closesocket(other);
  /* Without WSA_FLAG_OVERLAPPED the structure is ignored. */
  pair(0, &one, &other);
  EXPECT(send(other, "x", 1, 0) == 1);
  EXPECT(WSARecv(one, &buffer, 1, &octets, &flags, &overlapped, NULL) == 0 && octets == 1);
  closesocket(one);
  closesocket(other);
}

static DWORD routine_octets, routine_error;
static void CALLBACK routine(DWORD error, DWORD octets, LPWSAOVERLAPPED overlapped, DWORD flags) {
  (void)flags;
  EXPECT(overlapped->hEvent == (HANDLE)77); /* the program's own with a routine */
  routine_error = error;
  routine_octets += octets;
}

static void routines(void) {
  SOCKET one, other;
  char text[4], more[4];
  WSABUF buffer = {sizeof text, text}, second = {sizeof more, more};
  WSAOVERLAPPED overlapped = {0}, next = {0};
  DWORD flags = 0;
  pair(WSA_FLAG_OVERLAPPED, &one, &other);
  overlapped.hEvent = next.hEvent = (HANDLE)77;
  flags = MSG_WAITALL;
  EXPECT_ERROR(WSARecv(one, &buffer, 1, NULL, &flags, &overlapped, routine), WSA_IO_PENDING);
  flags = 0;
  EXPECT_ERROR(WSARecv(one, &second, 1, NULL, &flags, &next, routine), WSA_IO_PENDING);
  EXPECT(send(other, "abcdefg", 7, 0) == 7);
  Sleep(50);
  EXPECT(routine_octets == 0); /* only when the thread waits alertably */
  while (routine_octets < 7) EXPECT(SleepEx(5000, TRUE) == WAIT_IO_COMPLETION);
  EXPECT(routine_error == 0 && memcmp(text, "abcd", 4) == 0 && memcmp(more, "efg", 3) == 0);
  EXPECT(SleepEx(1, TRUE) == 0);
  closesocket(one);
  closesocket(other);
}

static void ports(void) {
  SOCKET one, other;
  char text[8];
  WSABUF buffer = {sizeof text, text};
  OVERLAPPED overlapped = {0}, *done = NULL;
  DWORD octets = 0, flags = 0;
  ULONG_PTR key = 0;
  HANDLE port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 0);
  pair(WSA_FLAG_OVERLAPPED, &one, &other);
  EXPECT(port && CreateIoCompletionPort((HANDLE)one, port, 0xabc, 0) == port);
  EXPECT(!CreateIoCompletionPort((HANDLE)one, port, 1, 0) && GetLastError() == ERROR_INVALID_PARAMETER);
  EXPECT(!GetQueuedCompletionStatus(port, &octets, &key, &done, 1) && GetLastError() == WAIT_TIMEOUT && !done);
  EXPECT_ERROR(WSARecv(one, &buffer, 1, NULL, &flags, &overlapped, NULL), WSA_IO_PENDING);
  EXPECT(send(other, "123", 3, 0) == 3);
  EXPECT(GetQueuedCompletionStatus(port, &octets, &key, &done, 5000) && octets == 3 && key == 0xabc &&
         done == &overlapped);
  EXPECT(PostQueuedCompletionStatus(port, 1, 2, NULL) && GetQueuedCompletionStatus(port, &octets, &key, &done, 0));
  EXPECT(octets == 1 && key == 2 && !done);
  EXPECT_ERROR(WSARecv(one, &buffer, 1, NULL, &flags, &overlapped, NULL), WSA_IO_PENDING);
  EXPECT(closesocket(one) == 0 && !GetQueuedCompletionStatus(port, &octets, &key, &done, 5000));
  EXPECT(done == &overlapped && GetLastError() == ERROR_OPERATION_ABORTED && CloseHandle(port));
  closesocket(other);
}

static WSANETWORKEVENTS next_events(SOCKET socket, WSAEVENT event) {
  WSANETWORKEVENTS happened;
  EXPECT(WSAWaitForMultipleEvents(1, &event, FALSE, 5000, FALSE) == WSA_WAIT_EVENT_0);
  EXPECT(WSAEnumNetworkEvents(socket, event, &happened) == 0);
  return happened;
}

static void network_events(void) {
  const WSAEVENT at_listener = WSACreateEvent(), at_one = WSACreateEvent(), at_other = WSACreateEvent();
  const SOCKET one = socket(AF_INET, SOCK_STREAM, 0);
  SOCKET other;
  WSANETWORKEVENTS happened;
  char octets[4];
  EXPECT(WSAEventSelect(listening, at_listener, FD_ACCEPT) == 0);
  EXPECT(WSAEventSelect(one, at_one, FD_CONNECT | FD_READ | FD_WRITE | FD_CLOSE) == 0);
  EXPECT_ERROR(WSAEventSelect(one, (WSAEVENT)1, FD_READ), WSAEINVAL);
  EXPECT_ERROR(WSAConnect(one, (SOCKADDR*)&at, sizeof at, NULL, NULL, NULL, NULL), WSAEWOULDBLOCK);
  happened = next_events(one, at_one);
  EXPECT((happened.lNetworkEvents & FD_CONNECT) && happened.iErrorCode[FD_CONNECT_BIT] == 0);
  if (!(happened.lNetworkEvents & FD_WRITE)) EXPECT(next_events(one, at_one).lNetworkEvents & FD_WRITE);
  EXPECT(next_events(listening, at_listener).lNetworkEvents == FD_ACCEPT);
  other = accept(listening, NULL, NULL);
  EXPECT(other != INVALID_SOCKET && WSAEventSelect(other, at_other, FD_READ | FD_CLOSE) == 0);
  EXPECT(send(one, "ab", 2, 0) == 2);
  EXPECT(next_events(other, at_other).lNetworkEvents == FD_READ);
  EXPECT(WaitForSingleObject(at_other, 30) == WAIT_TIMEOUT); /* once, until it is read */
  EXPECT(recv(other, octets, 1, 0) == 1);
  EXPECT(next_events(other, at_other).lNetworkEvents == FD_READ); /* there is more */
  EXPECT(recv(other, octets, 1, 0) == 1);
  EXPECT(closesocket(one) == 0);
  EXPECT(next_events(other, at_other).lNetworkEvents == FD_CLOSE && recv(other, octets, 1, 0) == 0);
  EXPECT(WaitForSingleObject(at_other, 30) == WAIT_TIMEOUT);
  closesocket(other);
  EXPECT(WSAEventSelect(listening, NULL, 0) == 0);
  WSACloseEvent(at_listener);
  WSACloseEvent(at_one);
  WSACloseEvent(at_other);
}

static void connect_ex(void) {
  GUID which = WSAID_CONNECTEX;
  LPFN_CONNECTEX ConnectEx = NULL;
  OVERLAPPED overlapped = {0};
  DWORD octets = 0, flags = 0;
  u_long off = 0;
  char text[4];
  SOCKET one = socket(AF_INET, SOCK_STREAM, 0), other;
  EXPECT(WSAIoctl(one, SIO_GET_EXTENSION_FUNCTION_POINTER, &which, sizeof which, &ConnectEx, sizeof ConnectEx, &octets,
                  NULL, NULL) == 0);
  EXPECT(octets == sizeof ConnectEx && ConnectEx);
  if (!ConnectEx(one, (SOCKADDR*)&at, sizeof at, "data", 4, NULL, &overlapped))
    EXPECT(WSAGetLastError() == WSA_IO_PENDING);
  EXPECT(WSAGetOverlappedResult(one, &overlapped, &octets, TRUE, &flags) && octets == 4);
  EXPECT(setsockopt(one, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, "\1", 1) == 0);
  EXPECT(ioctlsocket(listening, FIONBIO, &off) == 0);
  other = accept(listening, NULL, NULL);
  EXPECT(other != INVALID_SOCKET && recv(other, text, 4, MSG_WAITALL) == 4 && memcmp(text, "data", 4) == 0);
  EXPECT_ERROR(WSAIoctl(one, 0x98000099, NULL, 0, NULL, 0, &octets, NULL, NULL), WSAEOPNOTSUPP);
  EXPECT_ERROR(WSAIoctl(one, FIONREAD, NULL, 0, NULL, 0, &octets, NULL, NULL), WSAEFAULT);
  EXPECT_ERROR(WSAIoctl(one, FIONREAD, NULL, 0, &flags, sizeof flags, NULL, NULL, NULL), WSAEFAULT);
  closesocket(one);
  closesocket(other);
}

static unsigned __stdcall set_later(void* event) {
  Sleep(20);
  SetEvent(event);
  _endthreadex(9);
}

static void waiting(void) {
  HANDLE handles[2];
  DWORD code = 0;
  handles[0] = CreateEvent(NULL, FALSE, FALSE, NULL);
  handles[1] = (HANDLE)_beginthreadex(NULL, 0, set_later, handles[0], 0, NULL);
  EXPECT(WaitForMultipleObjects(2, handles, TRUE, 5000) == WAIT_OBJECT_0);
  EXPECT(WaitForSingleObject(handles[0], 0) == WAIT_TIMEOUT); /* taken by the wait for both */
  EXPECT(WaitForMultipleObjects(2, handles, FALSE, 0) == WAIT_OBJECT_0 + 1);
  EXPECT(GetExitCodeThread(handles[1], &code) && code == 9 && CloseHandle(handles[0]) && CloseHandle(handles[1]));
  EXPECT(!SetEvent(handles[0]) && GetLastError() == ERROR_INVALID_HANDLE);
  EXPECT(!CreateEvent(NULL, TRUE, TRUE, TEXT("name")) && GetLastError() == ERROR_NOT_SUPPORTED);
}

int main(void) {
  WSADATA about;
  EXPECT(WSAStartup(MAKEWORD(2, 2), &about) == 0);
  listen_somewhere();
  events();
  routines();
  ports();
  network_events();
  connect_ex();
  waiting();
  closesocket(listening);
  printf("background: ok\n");
  return 0;
}
