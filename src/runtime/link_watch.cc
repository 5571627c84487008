// See link_watch.h.
#include "runtime/link_watch.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace sallyport::runtime {

Result<LinkWatch> LinkWatch::open() {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd) return fail_errno();
  sockaddr_nl name{};
  name.nl_family = AF_NETLINK;
  name.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) return fail_errno();
  return LinkWatch(std::move(fd));
}

bool LinkWatch::drain() {
  bool any = false;
  uint8_t unread[8192];
  for (;;) {
    const ssize_t n = ::recv(fd_.get(), unread, sizeof unread, 0);
    // ENOBUFS: more happened than fits; that too is a change.
    if (n < 0 && errno != EINTR && errno != ENOBUFS) return any;
    if (n == 0) return any;
    any = true;
  }
}

}  // namespace sallyport::runtime
