// See source_lookup.h. One RTM_GETROUTE and its answer; the kernel answers within the send.
#include "runtime/source_lookup.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>

#include "runtime/netlink.h"
#include "runtime/routes_linux.h"

namespace sallyport::runtime {
namespace {

// The preferred source among the attributes of a route message.
Result<IpAddr> preferred_source(ByteView message) {
  constexpr size_t kFixed = NLMSG_ALIGN(sizeof(rtmsg));
  if (message.size() < kFixed) return fail(Errc::not_found);
  ByteView rest = message.subspan(kFixed);
  while (rest.size() >= sizeof(rtattr)) {
    rtattr header;
    std::memcpy(&header, rest.data(), sizeof header);
    if (header.rta_len < sizeof header || header.rta_len > rest.size()) break;
    if (header.rta_type == RTA_PREFSRC)
      return IpAddr::from_bytes(rest.subspan(RTA_LENGTH(0), header.rta_len - RTA_LENGTH(0)));
    rest = rest.subspan(std::min<size_t>(RTA_ALIGN(header.rta_len), rest.size()));
  }
  return fail(Errc::not_found);
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
  if (!lookup) return fail(Errc::not_found);
  NetlinkRequest request(RTM_GETROUTE, 0);
  rtmsg body{};
  body.rtm_family = remote.is_v4() ? AF_INET : AF_INET6;
  body.rtm_dst_len = static_cast<uint8_t>(remote.bits());
  request.body(&body, sizeof body);
  request.attribute(RTA_DST, remote.bytes());
  request.attribute_u32(RTA_MARK, kOwnMark);
  // Whatever an earlier question left in the socket is not the answer to this one.
  static thread_local uint32_t sequence = 0;
  const Bytes& bytes = request.finish(++sequence);
  if (::send(lookup.get(), bytes.data(), bytes.size(), 0) < 0) return fail_errno();
  alignas(nlmsghdr) uint8_t answer[4096];
  Result<IpAddr> found = fail(Errc::not_found);
  for (;;) {
    const ssize_t n = ::recv(lookup.get(), answer, sizeof answer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail_errno();
    auto left = static_cast<uint32_t>(n);
    for (const auto* header = reinterpret_cast<const nlmsghdr*>(answer); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_seq != sequence) continue;
      const ByteView content(static_cast<const uint8_t*>(NLMSG_DATA(header)), NLMSG_PAYLOAD(header, 0));
      if (header->nlmsg_type == RTM_NEWROUTE) found = preferred_source(content);
      if (header->nlmsg_type != NLMSG_ERROR) continue;  // the acknowledgement comes last
      int32_t error = 0;
      if (content.size() >= sizeof error) std::memcpy(&error, content.data(), sizeof error);
      if (error == 0) return found;
      errno = -error;
      const Error refused = fail_errno().value();
      return fail(Errc::not_found, refused.detail);
    }
  }
}

}  // namespace sallyport::runtime
