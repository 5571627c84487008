// See secured.h. The kernel is asked without the C library, whose socket() may be ours (preload.cc).
#include "api/run/secured.h"

#include <errno.h>
#include <netinet/in.h>
#include <sallyport/secure_socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

namespace sallyport::api::run {
namespace {

int check(const Wanted& wanted, int kind, int protocol) {
  switch (kind) {
    case SOCK_STREAM: return protocol == 0 || protocol == IPPROTO_TCP ? 0 : EPROTONOSUPPORT;
    case SOCK_DGRAM:
      if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6) return EACCES;
      if (protocol != 0 && protocol != IPPROTO_UDP) return EPROTONOSUPPORT;
      return wanted.peer.empty() ? 0 : EACCES;
    case SOCK_RAW: return EPERM;
    default: return EPROTONOSUPPORT;
  }
}

// An errno of socket() that says what is the matter.
int errno_of_daemon(int error) {
  switch (error) {
    case ECONNREFUSED:
    case ETIMEDOUT:
    case EPROTO:
    case ENOENT: return ENETDOWN;
    default: return error;
  }
}

}  // namespace

int secured_socket(const Wanted& wanted, int domain, int type, int protocol) {
  const int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (const int refused = check(wanted, kind, protocol); refused != 0) return -refused;
  const int fd = static_cast<int>(::syscall(SYS_socket, domain, type, protocol));
  if (fd < 0) return -errno;
  sallyport_security security{};
  security.flags = wanted.flags;
  std::memcpy(security.quick_mode_policy, wanted.policy.data(), wanted.policy.size());
  int failed = sallyport_set_security(fd, &security);
  if (failed == 0 && !wanted.peer.empty()) failed = sallyport_set_peer_name(fd, nullptr, 0, wanted.peer.c_str());
  if (failed == 0) return fd;
  const int error = errno;
  ::close(fd);
  return -errno_of_daemon(error);
}

}  // namespace sallyport::api::run
