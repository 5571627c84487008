// What makes a program's socket one whose packets meet the device alone: the capture mark on the way out, a socket
// filter on the way in that knows nothing but the device, both locked. docs/secure-sockets.md. linux-only; any thread.
#pragma once
#include <cstdint>

#include "base/ip_addr.h"

namespace sallyport::runtime {

struct SocketFacts {
  bool v6 = false;
  bool datagrams = false;
  bool bound = false, connecting = false, connected = false, listening = false, reset = false;
  bool secured = false;      // carries the mark
  IpEndpoint local, remote;  // IPv4 in IPv6 is IPv4
  uint8_t protocol() const { return datagrams ? 17 : 6; }
};

// 0, ENOTSOCK, EAFNOSUPPORT or EPROTONOSUPPORT.
int inspect_socket(int fd, SocketFacts& out);
// What may not be secured any more: 0, EISCONN or EINVAL.
int may_be_secured(const SocketFacts& facts);

// The privileged step: 0 and the socket's cookie, or an errno; then it is as it was, or shut. clear_too: packets in the
// clear may arrive. EXDEV: the socket is of another network namespace.
int secure_socket(int fd, uint32_t device_index, bool clear_too, uint64_t& cookie);

}  // namespace sallyport::runtime
