// See secured_socket.h.
#include "runtime/secured_socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "runtime/datagram_batch.h"
#include "runtime/fd.h"
#include "runtime/routes_linux.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

namespace sallyport::runtime {
namespace {

// IPv4 in IPv6 is IPv4.
IpEndpoint plain_endpoint_of(const sockaddr_storage& name) {
  IpEndpoint out = endpoint_of(name);
  if (name.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&reinterpret_cast<const sockaddr_in6&>(name).sin6_addr))
    out.addr = IpAddr::v4(out.addr.bytes().subspan(12));
  return out;
}

int option(int fd, int level, int name, int& out) {
  socklen_t length = sizeof out;
  return ::getsockopt(fd, level, name, &out, &length) == 0 ? 0 : errno;
}

uint64_t long_option(int fd, int name) {
  uint64_t out = 0;
  socklen_t length = sizeof out;
  return ::getsockopt(fd, SOL_SOCKET, name, &out, &length) == 0 ? out : 0;
}

bool set(int fd, int name, int value) { return ::setsockopt(fd, SOL_SOCKET, name, &value, sizeof value) == 0; }

// SO_ERROR would take it from the program, whose next read would be told of an orderly end.
bool has_error(int fd) {
  pollfd one{fd, 0, 0};
  return ::poll(&one, 1, 0) == 1 && (one.revents & POLLERR) != 0;
}

bool same_namespace(int fd) {
  const Fd own(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return !own || long_option(fd, SO_NETNS_COOKIE) == long_option(own.get(), SO_NETNS_COOKIE);
}

// A packet keeps its mark over the loopback device, and only who may set marks can have set it.
bool only_by(int fd, uint32_t device_index) {
  constexpr uint32_t kLoopback = 1;  // of every network namespace
  sock_filter code[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_IFINDEX)},
                        {BPF_JMP | BPF_JEQ | BPF_K, 4, 0, device_index},
                        {BPF_JMP | BPF_JEQ | BPF_K, 0, 4, kLoopback},
                        {BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_MARK)},
                        {BPF_ALU | BPF_AND | BPF_K, 0, 0, kCaptureMask | kWithinHostBit},
                        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, kCaptureMark | kWithinHostBit},
                        {BPF_RET | BPF_K, 0, 0, 0xffffffff},
                        {BPF_RET | BPF_K, 0, 0, 0}};
  const sock_fprog filter{8, code};
  return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0;
}

}  // namespace

int inspect_socket(int fd, SocketFacts& out) {
  int family = 0, type = 0, protocol = 0, listening = 0, mark = 0;
  if (option(fd, SOL_SOCKET, SO_DOMAIN, family) != 0) return ENOTSOCK;
  if (family != AF_INET && family != AF_INET6) return EAFNOSUPPORT;
  (void)option(fd, SOL_SOCKET, SO_TYPE, type);
  (void)option(fd, SOL_SOCKET, SO_PROTOCOL, protocol);
  out.datagrams = type == SOCK_DGRAM;
  if (!(type == SOCK_STREAM && protocol == IPPROTO_TCP) && !(out.datagrams && protocol == IPPROTO_UDP))
    return EPROTONOSUPPORT;
  out.v6 = family == AF_INET6;
  (void)option(fd, SOL_SOCKET, SO_ACCEPTCONN, listening);
  (void)option(fd, SOL_SOCKET, SO_MARK, mark);
  out.listening = listening != 0;
  out.secured = (static_cast<uint32_t>(mark) & kCaptureMask) == kCaptureMark;
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length) == 0) out.local = plain_endpoint_of(name);
  out.bound = out.local.port != 0 || !out.local.addr.is_any();
  length = sizeof name;
  // Of a connection that is over getpeername() says no more.
  length = out.v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  out.connected = ::getsockopt(fd, SOL_SOCKET, SO_PEERNAME, &name, &length) == 0;
  if (out.connected) out.remote = plain_endpoint_of(name);
  if (out.datagrams) return 0;
  tcp_info tcp{};
  length = sizeof tcp;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &tcp, &length) == 0) {
    out.connecting = tcp.tcpi_state == TCP_SYN_SENT;
    // Whoever has measured a round trip was connected.
    out.reset = tcp.tcpi_state == TCP_CLOSE && tcp.tcpi_rtt != 0 && has_error(fd);
    if (tcp.tcpi_state == TCP_CLOSE || out.connecting) out.connected = false;
  }
  return 0;
}

int may_be_secured(const SocketFacts& facts) {
  if (facts.connected || facts.connecting) return EISCONN;
  return facts.bound || facts.listening || facts.secured ? EINVAL : 0;
}

int secure_socket(int fd, uint32_t device_index, const SecuringWish& wish, uint64_t& cookie) {
  SocketFacts facts;
  if (const int refused = inspect_socket(fd, facts); refused != 0) return refused;
  if (wish.again) {
    int mark = 0;
    cookie = long_option(fd, SO_COOKIE);
    if (!facts.secured || option(fd, SOL_SOCKET, SO_MARK, mark) != 0) return EINVAL;
    uint32_t next = static_cast<uint32_t>(mark) | uint32_t{wish.kept} << kWishShift;
    if (wish.named) next &= ~kWithinHostBit;
    return set(fd, SO_MARK, static_cast<int>(next)) ? 0 : errno;
  }
  if (const int refused = may_be_secured(facts); refused != 0) return refused;
  if (!same_namespace(fd)) return EXDEV;
  int locked = 0;
  (void)option(fd, SOL_SOCKET, SO_LOCK_FILTER, locked);
  if (locked != 0) return EINVAL;  // a filter of the program's own that cannot be replaced
  const uint32_t more = (wish.named ? 0 : kWithinHostBit) | uint32_t{wish.kept} << kWishShift;
  if (!set(fd, SO_MARK, static_cast<int>(kCaptureMark | more))) return errno;
  if (!set(fd, SO_REUSEADDR, 0) || !set(fd, SO_REUSEPORT, 0)) return errno;
  if (!wish.clear_too && !only_by(fd, device_index)) return errno;
  if (!set(fd, SO_LOCK_FILTER, 1)) return errno;
  cookie = long_option(fd, SO_COOKIE);
  // A connect that raced: what it began without the mark is not vouched for.
  SocketFacts after;
  if (const int refused = inspect_socket(fd, after); refused != 0) return refused;
  after.secured = false;
  return may_be_secured(after);
}

}  // namespace sallyport::runtime
