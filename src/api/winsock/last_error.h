// The last error of each thread, for sockets and for the system's calls alike, and what the system's errno is called
// over there. Any thread.
#pragma once
#include <cstdint>

namespace sallyport::api::winsock {

uint32_t last_error();
void set_last_error(uint32_t code);

// WSAE… for an errno. blocking: whether EAGAIN came from a call that waited as long as it was allowed to.
int socket_error(int system_error, bool blocking = false);
int resolver_error(int eai);  // for what getaddrinfo() returned
int fail(int code);           // remembers it and is SOCKET_ERROR
int fail_errno(bool blocking = false);

}  // namespace sallyport::api::winsock
