// What this library remembers of sockets that the system does not: how each was made, and what the original's options
// say. A descriptor that was closed or exchanged behind our back is known by its inode, and then nothing is remembered
// of it. Any thread. A socket nobody told us about counts as made by socket(): overlapped, nothing set.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>

#include "api/winsock/system.h"

namespace sallyport::api::winsock {

struct SocketNotes {
  bool overlapped = true;       // WSA_FLAG_OVERLAPPED, or made by socket()
  bool exclusive = false;       // SO_EXCLUSIVEADDRUSE
  bool reuse = false;           // SO_REUSEADDR, as the program set it
  bool sending_ended = false;   // shutdown() said so
  bool connected_once = false;  // a connection was begun or taken
  bool connecting = false;      // a non-blocking connect has begun
  uint64_t port = 0;            // handle of its completion port, 0: none
  uint64_t port_key = 0;
};

bool started();  // WSAStartup has been called and not taken back

// The descriptor behind a SOCKET. Nothing, with the last error WSANOTINITIALISED or WSAENOTSOCK, where there is none.
std::optional<int> descriptor(SOCKET socket);

SocketNotes notes(int descriptor);
void change_notes(int descriptor, const std::function<void(SocketNotes&)>& change);
void forget_notes(int descriptor);
// The number that tells one socket from a later one with the same descriptor; 0: no socket.
uint64_t identity(int descriptor);

bool is_stream(int descriptor);
bool blocking(int descriptor);
void set_blocking(int descriptor, bool blocking);

}  // namespace sallyport::api::winsock
