// A socket that a daemon before this one has secured. Its mark tells that, and what its program wished; the rest the
// kernel knows. linux-only; any thread.
#pragma once
#include "runtime/socket_lookup.h"

namespace sallyport::runtime {

struct EarlierSocket {
  uint8_t protocol = 0;
  FoundSocket socket;
  static constexpr size_t kOctets = 58;
  Bytes write() const;  // for parse() in another process
  static Result<EarlierSocket> parse(ByteView octets);
};

// Those that may go on with this daemon. A connection of TCP to another host is ended: whom it began with nobody knows
// any more (RFC 5660 2). For who may set marks.
std::vector<EarlierSocket> take_earlier_sockets(SocketLookup& lookup);
// Whether there is any, of those that the kernel lists: not one that was never bound.
bool has_earlier_sockets(SocketLookup& lookup);
// The one that a packet between these two is for, if it is such a one.
std::optional<EarlierSocket> find_earlier_socket(SocketLookup& lookup, uint8_t protocol, const IpEndpoint& local,
                                                 const IpEndpoint& remote);

}  // namespace sallyport::runtime
