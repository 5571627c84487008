// See udp_socket.h.
#include "runtime/udp_socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "runtime/datagram_batch.h"

namespace sallyport::runtime {
namespace {

Result<> set_option(int fd, int level, int name, int value) {
  if (::setsockopt(fd, level, name, &value, sizeof value) != 0) return fail_errno();
  return {};
}

int discovery_of(FragmentPolicy policy, bool v4) {
  switch (policy) {
    case FragmentPolicy::allow: return v4 ? IP_PMTUDISC_DONT : IPV6_PMTUDISC_DONT;
    case FragmentPolicy::discover: return v4 ? IP_PMTUDISC_WANT : IPV6_PMTUDISC_WANT;
    case FragmentPolicy::forbid: return v4 ? IP_PMTUDISC_DO : IPV6_PMTUDISC_DO;
  }
  return v4 ? IP_PMTUDISC_DONT : IPV6_PMTUDISC_DONT;
}

}  // namespace

Result<> apply_socket_options(int fd, Family family, const SocketOptions& options) {
  const bool v4 = family == Family::v4;
  if (v4) {
    SP_CHECK(set_option(fd, IPPROTO_IP, IP_PKTINFO, 1));
    SP_CHECK(set_option(fd, IPPROTO_IP, IP_RECVTOS, 1));
    SP_CHECK(set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, discovery_of(options.fragments, v4)));
  } else {
    SP_CHECK(set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
    SP_CHECK(set_option(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1));
    SP_CHECK(set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, discovery_of(options.fragments, v4)));
  }
  // Bursts must fit; the FORCE forms pass the system's ceiling where we may, and the plain ones do what they can.
  constexpr int kBuffer = 4 << 20;
  if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, kBuffer)) (void)set_option(fd, SOL_SOCKET, SO_RCVBUF, kBuffer);
  if (!set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, kBuffer)) (void)set_option(fd, SOL_SOCKET, SO_SNDBUF, kBuffer);
  if (options.mark != 0) SP_CHECK(set_option(fd, SOL_SOCKET, SO_MARK, static_cast<int>(options.mark)));
  return {};
}

Result<Fd> open_udp_socket(const IpEndpoint& bind_to, const SocketOptions& options) {
  const Family family = bind_to.addr.family();
  Fd fd(::socket(family == Family::v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP));
  if (!fd) return fail_errno();
  SP_CHECK(apply_socket_options(fd.get(), family, options));
  // Not for raw sockets, which refuse it and never see IPv4 anyway.
  if (family == Family::v6) SP_CHECK(set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1));
  if (options.offloads) (void)set_option(fd.get(), SOL_UDP, UDP_GRO, 1);  // before Linux 5.0: datagrams one by one
  if (options.shared_port) SP_CHECK(set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1));
  sockaddr_storage name;
  const socklen_t length = to_sockaddr(bind_to, 0, name);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), length) != 0) return fail_errno();
  return fd;
}

Result<uint16_t> bound_port(const Fd& socket) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &length) != 0) return fail_errno();
  return endpoint_of(name).port;
}

bool takes_trains(const Fd& socket) {
  int octets = 0;
  socklen_t length = sizeof octets;
  return ::getsockopt(socket.get(), SOL_UDP, UDP_SEGMENT, &octets, &length) == 0;
}

Result<> steer_by_spi(const Fd& socket, unsigned workers) {
  // The program sees the payload. The non-ESP marker is SPI 0; what is shorter than an SPI ends the program with 0.
  sock_filter code[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},
      {BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 0},
      {BPF_ALU | BPF_MOD | BPF_K, 0, 0, workers},
      {BPF_ALU | BPF_ADD | BPF_K, 0, 0, 1},
      {BPF_RET | BPF_A, 0, 0, 0},
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) != 0)
    return fail_errno();
  return {};
}

std::string explain_udp(const IpEndpoint& bind_to, const Error& error) {
  const std::string port = "UDP port " + std::to_string(bind_to.port);
  if (error.detail == EADDRINUSE) return port + " is already in use by another program (" + bind_to.to_string() + ")";
  if (error.code == Errc::permission) {
    return port + " may not be opened without root or CAP_NET_BIND_SERVICE and CAP_NET_ADMIN (" + bind_to.to_string() +
           ")";
  }
  return explain(port + " cannot be opened (" + bind_to.to_string() + ")", error);
}

}  // namespace sallyport::runtime
