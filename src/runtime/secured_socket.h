// What makes a program's socket one whose packets meet the device alone: the capture mark on the way out, a socket
// filter on the way in that knows the device and, within this host, packets with such a mark; both locked.
// docs/secure-sockets.md. linux-only; any thread.
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

struct SecuringWish {
  bool clear_too = false;  // packets in the clear may arrive
  bool named = false;      // somebody in particular is expected, who cannot prove that within this host
  bool again = false;      // a socket that is secured has got a name; clear_too is not looked at
  uint8_t kept = 0;        // seven bits that the mark remembers, for a daemon that comes later; with again: some more
  uint16_t number() const { return static_cast<uint16_t>(clear_too | named << 1 | again << 2 | kept << 8); }
  static SecuringWish of_number(uint16_t n) {
    return {(n & 1) != 0, (n & 2) != 0, (n & 4) != 0, static_cast<uint8_t>(n >> 8)};
  }
};
// The privileged step: 0 and the socket's cookie, or an errno; then it is as it was, or shut. EXDEV: the socket is of
// another network namespace. EINVAL: it may not be secured, or (again) is not.
int secure_socket(int fd, uint32_t device_index, const SecuringWish& wish, uint64_t& cookie);

}  // namespace sallyport::runtime
