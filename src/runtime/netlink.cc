// See netlink.h.
#include "runtime/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>

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
  // Dumps of one table only, where the kernel can; who asks filters again.
  const int on = 1;
  (void)::setsockopt(fd.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  return Netlink(std::move(fd));
}

NetlinkAttributes::NetlinkAttributes(const nlmsghdr& header, size_t fixed_octets) {
  const size_t before = NLMSG_HDRLEN + NLMSG_ALIGN(fixed_octets);
  if (header.nlmsg_len > before)
    bytes_ = ByteView(reinterpret_cast<const uint8_t*>(&header) + before, header.nlmsg_len - before);
}

std::optional<ByteView> NetlinkAttributes::find(uint16_t type) const {
  ByteView rest = bytes_;
  while (rest.size() >= NLA_HDRLEN) {
    nlattr header;
    std::memcpy(&header, rest.data(), sizeof header);
    if (header.nla_len < NLA_HDRLEN || header.nla_len > rest.size()) return std::nullopt;
    if ((header.nla_type & NLA_TYPE_MASK) == type) return rest.subspan(NLA_HDRLEN, header.nla_len - NLA_HDRLEN);
    rest = rest.subspan(std::min<size_t>(NLA_ALIGN(header.nla_len), rest.size()));
  }
  return std::nullopt;
}

std::optional<uint32_t> NetlinkAttributes::u32(uint16_t type) const {
  const auto value = find(type);
  if (!value || value->size() < sizeof(uint32_t)) return std::nullopt;
  uint32_t out;
  std::memcpy(&out, value->data(), sizeof out);
  return out;
}

Result<> Netlink::transact(NetlinkRequest& request) {
  return dump(request, [](const nlmsghdr&) {});
}

Result<> Netlink::dump(NetlinkRequest& request, const std::function<void(const nlmsghdr&)>& each) {
  const uint32_t sequence = ++sequence_;
  const Bytes& bytes = request.finish(sequence);
  if (::send(fd_.get(), bytes.data(), bytes.size(), 0) < 0) return fail_errno();
  return receive(sequence, each);
}

Result<> Netlink::receive(uint32_t sequence, const std::function<void(const nlmsghdr&)>& each) {
  // The kernel fills dumps up to 32 KiB.
  alignas(nlmsghdr) uint8_t answer[32768];
  for (;;) {
    const ssize_t n = ::recv(fd_.get(), answer, sizeof answer, 0);
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail_errno();
    }
    auto left = static_cast<uint32_t>(n);
    for (const auto* header = reinterpret_cast<const nlmsghdr*>(answer); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_seq != sequence) continue;
      if (header->nlmsg_type == NLMSG_DONE) return {};
      if (header->nlmsg_type != NLMSG_ERROR) {
        each(*header);
        continue;
      }
      const auto* error = static_cast<const nlmsgerr*>(NLMSG_DATA(header));
      if (error->error == 0) return {};
      errno = -error->error;
      return fail_errno();
    }
  }
}

}  // namespace sallyport::runtime
