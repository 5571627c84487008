// See raw_socket.h.
#include "runtime/raw_socket.h"

#include <linux/filter.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#ifndef IPV6_HDRINCL  // Linux 4.5, which headers of the C library do not tell of
#define IPV6_HDRINCL 36
#endif
#ifndef IP_NODEFRAG
#define IP_NODEFRAG 22
#endif

namespace sallyport::runtime {
namespace {

int protocol_of(RawUse use, Family family) {
  switch (use) {
    case RawUse::esp: return IPPROTO_ESP;
    case RawUse::ah: return IPPROTO_AH;
    case RawUse::whole: return IPPROTO_RAW;
    case RawUse::icmp_errors: return family == Family::v4 ? static_cast<int>(IPPROTO_ICMP) : IPPROTO_ICMPV6;
  }
  return IPPROTO_RAW;
}

const char* name_of(RawUse use) {
  switch (use) {
    case RawUse::esp: return "ESP";
    case RawUse::ah: return "AH";
    case RawUse::whole: return "packets with a header of our own";
    case RawUse::icmp_errors: return "ICMP errors";
  }
  return "";
}

Result<> attach(const Fd& fd, const sock_filter* code, size_t count) {
  const sock_fprog program{static_cast<unsigned short>(count), const_cast<sock_filter*>(code)};
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) return fail_errno();
  return {};
}

Result<> set_flag(const Fd& fd, int level, int name) {
  const int on = 1;
  if (::setsockopt(fd.get(), level, name, &on, sizeof on) != 0) return fail_errno();
  return {};
}

// Of a socket that is never read nothing is kept.
Result<> hear_nothing(const Fd& fd) {
  constexpr sock_filter kNothing[] = {{BPF_RET | BPF_K, 0, 0, 0}};
  return attach(fd, kNothing, std::size(kNothing));
}

Result<> send_whole(const Fd& fd, Family family) {
  SP_CHECK(hear_nothing(fd));
  if (family == Family::v6) return set_flag(fd, IPPROTO_IPV6, IPV6_HDRINCL);
  SP_CHECK(set_flag(fd, IPPROTO_IP, IP_HDRINCL));
  // Fragments are not to be put together by connection tracking on their way out; where the kernel cannot promise that
  // it cuts them again itself.
  (void)set_flag(fd, IPPROTO_IP, IP_NODEFRAG);
  // DF as the packet says, and the path MTU is ours to obey.
  const int probe = IP_PMTUDISC_PROBE;
  if (::setsockopt(fd.get(), IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof probe) != 0) return fail_errno();
  return {};
}

// AH covers what stands in front of it, and transport mode gives it back.
Result<> hear_extension_headers(const Fd& fd) {
  for (const int name : {IPV6_RECVHOPOPTS, IPV6_RECVDSTOPTS, IPV6_RECVRTHDR}) {
    SP_CHECK(set_flag(fd, IPPROTO_IPV6, name));
  }
  return {};
}

// The filter reads from the IPv4 header on, or from the ICMPv6 header on.
Result<> hear_path_errors(const Fd& fd, Family family) {
  constexpr sock_filter kV4[] = {
      {BPF_LDX | BPF_B | BPF_MSH, 0, 0, 0},  // length of the IPv4 header
      {BPF_LD | BPF_H | BPF_IND, 0, 0, 0},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 5, 0x0304},  // fragmentation needed
      {BPF_LD | BPF_B | BPF_IND, 0, 0, 8 + 9},    // the protocol of the quoted packet
      {BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 50},
      {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 51},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 17},
      {BPF_RET | BPF_K, 0, 0, 0xFFFF},
      {BPF_RET | BPF_K, 0, 0, 0},
  };
  if (family == Family::v4) return attach(fd, kV4, std::size(kV4));
  icmp6_filter only;
  ICMP6_FILTER_SETBLOCKALL(&only);
  ICMP6_FILTER_SETPASS(ICMP6_PACKET_TOO_BIG, &only);
  if (::setsockopt(fd.get(), IPPROTO_ICMPV6, ICMP6_FILTER, &only, sizeof only) != 0) return fail_errno();
  constexpr sock_filter kV6[] = {
      {BPF_LD | BPF_B | BPF_ABS, 0, 0, 8 + 6},  // what follows the header of the quoted packet
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 6},     // TCP: the host's own; behind extension headers we look ourselves
      {BPF_RET | BPF_K, 0, 0, 0},
      {BPF_RET | BPF_K, 0, 0, 0xFFFF},
  };
  return attach(fd, kV6, std::size(kV6));
}

}  // namespace

Result<Fd> open_raw_socket(RawUse use, Family family, const SocketOptions& options) {
  const int domain = family == Family::v4 ? AF_INET : AF_INET6;
  Fd fd(::socket(domain, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol_of(use, family)));
  if (!fd) return fail_errno();
  SP_CHECK(apply_socket_options(fd.get(), family, options));
  if (family == Family::v6 && (use == RawUse::esp || use == RawUse::ah)) SP_CHECK(hear_extension_headers(fd));
  if (use == RawUse::whole) SP_CHECK(send_whole(fd, family));
  if (use == RawUse::icmp_errors) SP_CHECK(hear_path_errors(fd, family));
  return fd;
}

std::string explain_raw(RawUse use, const Error& error) {
  const std::string socket = std::string("the raw socket for ") + name_of(use);
  if (error.code == Errc::permission) return socket + " may not be opened without root or CAP_NET_RAW";
  return explain(socket + " cannot be opened", error);
}

}  // namespace sallyport::runtime
