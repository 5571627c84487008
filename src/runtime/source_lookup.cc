// See source_lookup.h. A question and its answer; the kernel answers within the send.
#include "runtime/source_lookup.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>

#include "runtime/netlink.h"
#include "runtime/routes_linux.h"

namespace sallyport::runtime {
namespace {

// Asks, and gives each answer of the wanted type to `take` until the kernel acknowledges.
template <class Take>
Result<> ask(const Fd& lookup, NetlinkRequest& request, uint16_t wanted, const Take& take) {
  if (!lookup) return fail(Errc::not_found);
  // Whatever an earlier question left in the socket is not the answer to this one.
  static thread_local uint32_t sequence = 0;
  const Bytes& bytes = request.finish(++sequence);
  if (::send(lookup.get(), bytes.data(), bytes.size(), 0) < 0) return fail_errno();
  alignas(nlmsghdr) uint8_t answer[16384];
  for (;;) {
    const ssize_t n = ::recv(lookup.get(), answer, sizeof answer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail_errno();
    auto left = static_cast<uint32_t>(n);
    for (const auto* header = reinterpret_cast<const nlmsghdr*>(answer); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_seq != sequence) continue;
      if (header->nlmsg_type == wanted) take(*header);
      if (header->nlmsg_type != NLMSG_ERROR) continue;  // the acknowledgement comes last
      int32_t error = 0;
      if (NLMSG_PAYLOAD(header, 0) >= sizeof error) std::memcpy(&error, NLMSG_DATA(header), sizeof error);
      if (error == 0) return {};
      errno = -error;
      const Error refused = fail_errno().value();
      return fail(Errc::not_found, refused.detail);
    }
  }
}

NetlinkRequest route_to(const IpAddr& remote) {
  NetlinkRequest request(RTM_GETROUTE, 0);
  rtmsg body{};
  body.rtm_family = remote.is_v4() ? AF_INET : AF_INET6;
  body.rtm_dst_len = static_cast<uint8_t>(remote.bits());
  request.body(&body, sizeof body);
  request.attribute(RTA_DST, remote.bytes());
  request.attribute_u32(RTA_MARK, kOwnMark);
  return request;
}

}  // namespace

Result<Fd> open_source_lookup() {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) return fail_errno();
  sockaddr_nl name{};
  name.nl_family = AF_NETLINK;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) return fail_errno();
  return fd;
}

Result<IpAddr> source_for(const Fd& lookup, const IpAddr& remote) {
  NetlinkRequest request = route_to(remote);
  Result<IpAddr> found = fail(Errc::not_found);
  SP_CHECK(ask(lookup, request, RTM_NEWROUTE, [&](const nlmsghdr& header) {
    if (const auto source = NetlinkAttributes(header, sizeof(rtmsg)).find(RTA_PREFSRC)) {
      found = IpAddr::from_bytes(*source);
    }
  }));
  return found;
}

Result<uint16_t> link_mtu_for(const Fd& lookup, const IpAddr& remote) {
  NetlinkRequest route = route_to(remote);
  std::optional<uint32_t> link;
  SP_CHECK(ask(lookup, route, RTM_NEWROUTE,
               [&](const nlmsghdr& header) { link = NetlinkAttributes(header, sizeof(rtmsg)).u32(RTA_OIF); }));
  if (!link) return fail(Errc::not_found);
  NetlinkRequest request(RTM_GETLINK, 0);
  ifinfomsg body{};
  body.ifi_index = static_cast<int>(*link);
  request.body(&body, sizeof body);
  std::optional<uint32_t> mtu;
  SP_CHECK(ask(lookup, request, RTM_NEWLINK,
               [&](const nlmsghdr& header) { mtu = NetlinkAttributes(header, sizeof(ifinfomsg)).u32(IFLA_MTU); }));
  if (!mtu) return fail(Errc::not_found);
  return static_cast<uint16_t>(std::min<uint32_t>(*mtu, 65535));
}

}  // namespace sallyport::runtime
