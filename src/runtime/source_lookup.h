// Which of our addresses the system would send from to reach a peer, and how much the first link takes: asked of the
// kernel's routing table, as a packet with the daemon's own mark, so that routes into our own tunnels do not count. A
// connection without local.address needs the address for NAT detection (RFC 7296 2.23). The socket is opened by the
// privileged process and needs no right to be asked. linux-only; one thread.
#pragma once
#include "base/ip_addr.h"
#include "runtime/fd.h"

namespace sallyport::runtime {

Result<Fd> open_source_lookup();
// not_found: no route, or the answer names no source. io: the socket is no netlink socket or does not answer.
Result<IpAddr> source_for(const Fd& lookup, const IpAddr& remote);
// The MTU of the link that packets to `remote` leave by. Errors as above.
Result<uint16_t> link_mtu_for(const Fd& lookup, const IpAddr& remote);

}  // namespace sallyport::runtime
