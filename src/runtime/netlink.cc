// See netlink.h.
#include "runtime/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

namespace sallyport::runtime {

NetlinkRequest::NetlinkRequest(uint16_t type, uint16_t flags) {
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  bytes_.resize(NLMSG_HDRLEN);
  std::memcpy(bytes_.data(), &header, sizeof header);
}

void NetlinkRequest::body(const void* structure, size_t octets) {
  append(bytes_, ByteView(static_cast<const uint8_t*>(structure), octets));
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
}

void NetlinkRequest::attribute(uint16_t type, ByteView value) {
  nlattr header{};
  header.nla_len = static_cast<uint16_t>(NLA_HDRLEN + value.size());
  header.nla_type = type;
  append(bytes_, ByteView(reinterpret_cast<const uint8_t*>(&header), sizeof header));
  append(bytes_, value);
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
}

void NetlinkRequest::attribute_u32(uint16_t type, uint32_t value) {
  attribute(type, ByteView(reinterpret_cast<const uint8_t*>(&value), sizeof value));
}

Bytes& NetlinkRequest::finish(uint32_t sequence) {
  nlmsghdr header;
  std::memcpy(&header, bytes_.data(), sizeof header);
  header.nlmsg_len = static_cast<uint32_t>(bytes_.size());
  header.nlmsg_seq = sequence;
  std::memcpy(bytes_.data(), &header, sizeof header);
  return bytes_;
}

Result<Netlink> Netlink::open() {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) return fail_errno();
  sockaddr_nl name{};
  name.nl_family = AF_NETLINK;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) return fail_errno();
  return Netlink(std::move(fd));
}

Result<> Netlink::transact(NetlinkRequest& request) {
  const uint32_t sequence = ++sequence_;
  const Bytes& bytes = request.finish(sequence);
  if (::send(fd_.get(), bytes.data(), bytes.size(), 0) < 0) return fail_errno();
  alignas(nlmsghdr) uint8_t answer[8192];
  for (;;) {
    const ssize_t n = ::recv(fd_.get(), answer, sizeof answer, 0);
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail_errno();
    }
    auto left = static_cast<uint32_t>(n);
    for (const auto* header = reinterpret_cast<const nlmsghdr*>(answer); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_seq != sequence || header->nlmsg_type != NLMSG_ERROR) continue;
      const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(header));
      if (error->error == 0) return {};
      errno = -error->error;
      return fail_errno();
    }
  }
}

}  // namespace sallyport::runtime
