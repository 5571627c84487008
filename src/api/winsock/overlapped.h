// Operations that go on while their thread does something else, and network events: one thread of the library's own
// polls for both. It starts with the first such operation, blocks all signals and never ends. Any thread may call.
// Fork: the child begins with none of it.
#pragma once
#include <functional>
#include <optional>

#include "api/winsock/system.h"

namespace sallyport::api::winsock {

struct Completion {
  int error = 0;  // WSA…, 0: done
  DWORD octets = 0;
  DWORD flags = 0;
};
// Tries without waiting; nothing: it would have had to wait.
using Attempt = std::function<std::optional<Completion>()>;

// Whether a call with these arguments is overlapped at all: on sockets made without WSA_FLAG_OVERLAPPED both are
// ignored.
bool is_overlapped(int descriptor, LPWSAOVERLAPPED overlapped);

// Tries, and goes on in the background when that has to wait. 0 with *octets, or SOCKET_ERROR with WSA_IO_PENDING or
// the error. What succeeds reports through event, routine or port in any case.
int begin_overlapped(int descriptor, bool writing, Attempt attempt, LPWSAOVERLAPPED overlapped,
                     LPWSAOVERLAPPED_COMPLETION_ROUTINE routine, DWORD* octets);
// Reports a call as completed that was done at once.
void report_overlapped(int descriptor, LPWSAOVERLAPPED overlapped, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine,
                       const Completion& completion);

// Ends the operations of a socket (of one OVERLAPPED if it is given) with WSA_OPERATION_ABORTED; how many there were.
size_t cancel_overlapped(int descriptor, LPWSAOVERLAPPED only);
// closesocket(): ends everything of the socket and closes it, in one step for the background thread.
int close_socket(int descriptor);

// ---- WSAEventSelect ----

int select_events(int descriptor, HANDLE event, long mask);
int take_events(int descriptor, HANDLE event, WSANETWORKEVENTS& out);
// The calls that let an event be recorded again: FD_READ after recv, FD_ACCEPT after accept, FD_WRITE after a send that
// would have blocked, FD_CONNECT when a connect begins.
void enable_events(int descriptor, long events);

}  // namespace sallyport::api::winsock
