// UDP sockets for IKE and UDP-encapsulated ESP: non-blocking, with packet info, large buffers, no fragmentation
// games and the daemon's own mark (so that routes into the TUN device never catch them). RFC 3948, RFC 7296 2.23.
#pragma once
#include <cstdint>

#include "base/ip_addr.h"
#include "runtime/fd.h"

namespace sallyport::runtime {

// What the kernel does about DF. allow: never set, routers may cut. discover: set where the packet fits the path as the
// kernel knows it, and what does not fit is cut here; so smaller links on the way are heard of (RFC 1191). forbid:
// always set, and what does not fit is refused.
enum class FragmentPolicy : uint8_t { allow, discover, forbid };

struct SocketOptions {
  uint32_t mark = 0;  // SO_MARK; 0: none. Wants CAP_NET_ADMIN; its refusal is an error only when it is not 0
  FragmentPolicy fragments = FragmentPolicy::allow;
  bool shared_port = false;  // UDP sockets: others of ours are bound to the same port (steer_by_spi)
  bool offloads = true;      // UDP sockets: UDP_GRO where the kernel has it
};

// Bound to the endpoint; port 0 takes any. IPv6 sockets are IPv6 only. Errors: permission (port below 1024, mark), io
// with errno EADDRINUSE (port taken) or EAFNOSUPPORT (no IPv6 here).
Result<Fd> open_udp_socket(const IpEndpoint& bind_to, const SocketOptions& options);
Result<uint16_t> bound_port(const Fd& socket);
// Whether the kernel cuts one long send into datagrams (UDP_SEGMENT, Linux 4.18).
bool takes_trains(const Fd& socket);
// Sockets of ours with one port, of which the kernel picks: the one bound first takes IKE and all else that is no ESP,
// an ESP packet goes to number 1 + SPI % workers in the order of binding. Says so to all of them at once. Before Linux
// 4.5: refused, and the kernel picks by addresses.
Result<> steer_by_spi(const Fd& socket, unsigned workers);
// One sentence for a failed open: "UDP port 500 is already in use by another program (0.0.0.0:500)".

std::string explain_udp(const IpEndpoint& bind_to, const Error& error);

// Shared with raw sockets: packet info, TOS octet of what comes, fragments, buffers, mark, non-blocking.
Result<> apply_socket_options(int fd, Family family, const SocketOptions& options);

}  // namespace sallyport::runtime
