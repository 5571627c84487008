// See socket_lookup.h.
#include "runtime/socket_lookup.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/routes_linux.h"

namespace sallyport::runtime {
namespace {

void put(const IpAddr& address, uint32_t (&out)[4]) {
  std::memcpy(out, address.bytes().data(), address.bytes().size());
}

IpAddr address_of(uint8_t family, const uint32_t (&in)[4]) {
  uint8_t octets[16];
  std::memcpy(octets, in, 16);
  if (family == AF_INET) return IpAddr::v4(load_be32(octets));
  constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(octets, kMapped, 12) == 0) return IpAddr::v4(load_be32(octets + 12));
  return IpAddr::v6(octets);
}

std::optional<FoundSocket> found(const nlmsghdr& header) {
  if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY || header.nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg)))
    return std::nullopt;
  inet_diag_msg message;
  std::memcpy(&message, NLMSG_DATA(&header), sizeof message);
  FoundSocket out;
  out.cookie = uint64_t{message.id.idiag_cookie[1]} << 32 | message.id.idiag_cookie[0];
  out.state = message.idiag_state;
  // Of a socket without a file the kernel says that it is root's.
  out.inode = message.idiag_inode;
  if (message.idiag_inode != 0) out.uid = message.idiag_uid;
  out.local = {address_of(message.idiag_family, message.id.idiag_src), ntohs(message.id.idiag_sport)};
  out.remote = {address_of(message.idiag_family, message.id.idiag_dst), ntohs(message.id.idiag_dport)};
  const NetlinkAttributes more(header, sizeof(inet_diag_msg));
  if (const auto only = more.find(INET_DIAG_SKV6ONLY); only && !only->empty()) out.v6_only = (*only)[0] != 0;
  out.mark = more.u32(INET_DIAG_MARK).value_or(0);
  return out;
}

// cookie: all ones for whichever it is.
inet_diag_req_v2 wanted(uint8_t protocol, const IpEndpoint& local, const IpEndpoint& remote, uint64_t cookie) {
  inet_diag_req_v2 out{};
  out.sdiag_family = local.addr.is_v4() ? AF_INET : AF_INET6;
  out.sdiag_protocol = protocol;
  out.idiag_states = ~0u;
  out.id.idiag_sport = htons(local.port);
  out.id.idiag_dport = htons(remote.port);
  put(local.addr, out.id.idiag_src);
  put(remote.addr, out.id.idiag_dst);
  out.id.idiag_cookie[0] = static_cast<uint32_t>(cookie);
  out.id.idiag_cookie[1] = static_cast<uint32_t>(cookie >> 32);
  return out;
}

}  // namespace

bool is_marked(const FoundSocket& socket) { return (socket.mark & kCaptureMask) == kCaptureMark; }

Result<Fd> open_socket_lookup() {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd) return fail_errno();
  return fd;
}

std::optional<FoundSocket> SocketLookup::find(uint8_t protocol, const IpEndpoint& local, const IpEndpoint& remote) {
  std::optional<FoundSocket> out;
  if (protocol == IPPROTO_UDP) {
    // The one that is connected to the peer, else the one bound closest.
    each(protocol, ~0u, local.port, [&](const FoundSocket& one) {
      if (!one.local.addr.is_any() && one.local.addr != local.addr) return;
      if (one.remote.port != 0 && one.remote != remote) return;
      if (one.local.addr.is_any() && one.local.addr.is_v4() && local.addr.is_v6()) return;
      if (!out || (out->remote.port == 0 && one.remote.port != 0)) out = one;
    });
    return out;
  }
  const inet_diag_req_v2 body = wanted(protocol, local, remote, ~uint64_t{0});
  NetlinkRequest request(SOCK_DIAG_BY_FAMILY, 0);
  request.body(&body, sizeof body);
  (void)netlink_.dump(request, [&](const nlmsghdr& header) {
    if (const auto one = runtime::found(header)) out = one;
  });
  return out;
}

Result<> SocketLookup::end(uint8_t protocol, const FoundSocket& socket) {
  const inet_diag_req_v2 body = wanted(protocol, socket.local, socket.remote, socket.cookie);
  NetlinkRequest request(SOCK_DESTROY, 0);
  request.body(&body, sizeof body);
  return netlink_.transact(request);
}

void SocketLookup::each(uint8_t protocol, uint32_t states, uint16_t port,
                        const std::function<void(const FoundSocket&)>& take) {
  for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
    inet_diag_req_v2 body{};
    body.sdiag_family = family;
    body.sdiag_protocol = protocol;
    body.idiag_states = states;
    body.id.idiag_sport = htons(port);
    NetlinkRequest request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
    request.body(&body, sizeof body);
    (void)netlink_.dump(request, [&](const nlmsghdr& header) {
      if (const auto one = runtime::found(header)) take(*one);
    });
  }
}

}  // namespace sallyport::runtime
