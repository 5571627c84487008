// Which socket of this host a flow belongs to, and what has become of it: asked of the kernel (sock_diag(7)), by the
// number that a socket keeps for life (SO_COOKIE). The descriptor is opened by the privileged process and needs no
// right to be asked. linux-only; one thread.
#pragma once
#include <functional>
#include <optional>

#include "base/ip_addr.h"
#include "runtime/netlink.h"

namespace sallyport::runtime {

struct FoundSocket {
  uint64_t cookie = 0;
  uint8_t state = 0;  // of TCP, as in linux/tcp_states.h: 1 established, 6 time-wait, 7 closed, 10 listening
  IpEndpoint local, remote;
  bool v6_only = false;
  uint32_t mark = 0;            // told to who may set marks
  std::optional<uint32_t> uid;  // of the account whose socket it is; nothing: no program has it any more
  uint32_t inode = 0;           // of its file; 0: likewise, or none has accepted it yet
};

// Its mark leads into the device, as a secured socket's does (socket_mark.h). For who is told marks.
bool is_marked(const FoundSocket& socket);

Result<Fd> open_socket_lookup();

class SocketLookup {
 public:
  explicit SocketLookup(Fd fd) : netlink_(Netlink::adopt(std::move(fd))) {}
  // The one that a packet between these two is for.
  std::optional<FoundSocket> find(uint8_t protocol, const IpEndpoint& local, const IpEndpoint& remote);
  // Ends it; its program is told ECONNABORTED. For who may set marks.
  Result<> end(uint8_t protocol, const FoundSocket& socket);
  // All of a protocol in these states (bits by their numbers); port: local, 0 for any.
  void each(uint8_t protocol, uint32_t states, uint16_t port, const std::function<void(const FoundSocket&)>& take);

 private:
  Netlink netlink_;
};

}  // namespace sallyport::runtime
