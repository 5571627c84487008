// See asked_packets.h.
#include "runtime/asked_packets.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "runtime/filter_rules.h"
#include "runtime/netlink.h"

namespace sallyport::runtime {
namespace {

constexpr uint16_t kConfigure = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
constexpr uint16_t kPacket = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET;
constexpr size_t kMostOctets = 72 * 1024;
constexpr int kBufferOctets = 2 << 20;

template <class Value>
Result<> configure(Netlink& netlink, uint16_t attribute, const Value& value) {
  NetlinkRequest request(kConfigure, 0);
  const nfgenmsg head{AF_UNSPEC, NFNETLINK_V0, htons(kAskedGroup)};
  request.body(&head, sizeof head);
  uint8_t octets[sizeof value];
  std::memcpy(octets, &value, sizeof value);
  request.attribute(attribute, octets);
  return netlink.transact(request);
}

}  // namespace

Result<Fd> open_asked_packets() {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  if (!fd) return fail_errno();
  Netlink netlink = Netlink::adopt(fd.duplicate());
  SP_CHECK(configure(netlink, NFULA_CFG_CMD, nfulnl_msg_config_cmd{NFULNL_CFG_CMD_BIND}));
  nfulnl_msg_config_mode whole{};
  whole.copy_range = htonl(0xffff);
  whole.copy_mode = NFULNL_COPY_PACKET;
  SP_CHECK(configure(netlink, NFULA_CFG_MODE, whole));
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kBufferOctets, sizeof kBufferOctets);
  const int on = 1;
  (void)::setsockopt(fd.get(), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on);
  return fd;
}

std::optional<ByteView> asked_packet_in(ByteView message) {
  nlmsghdr header;
  if (message.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, message.data(), sizeof header);
  if (header.nlmsg_type != kPacket || header.nlmsg_len > message.size() ||
      header.nlmsg_len < NLMSG_LENGTH(sizeof(nfgenmsg)))
    return std::nullopt;
  ByteView rest = message.first(header.nlmsg_len).subspan(NLMSG_LENGTH(sizeof(nfgenmsg)));
  while (rest.size() >= sizeof(nlattr)) {
    nlattr attribute;
    std::memcpy(&attribute, rest.data(), sizeof attribute);
    if (attribute.nla_len < sizeof attribute || attribute.nla_len > rest.size()) return std::nullopt;
    if ((attribute.nla_type & NLA_TYPE_MASK) == NFULA_PAYLOAD)
      return rest.first(attribute.nla_len).subspan(sizeof attribute);
    rest = rest.subspan(std::min<size_t>(NLA_ALIGN(attribute.nla_len), rest.size()));
  }
  return std::nullopt;
}

void read_asked_packets(const Fd& log, int most, const std::function<void(ByteView packet)>& take) {
  const auto room = std::make_unique_for_overwrite<uint8_t[]>(kMostOctets);
  while (most > 0) {
    const ssize_t octets = ::recv(log.get(), room.get(), kMostOctets, MSG_DONTWAIT | MSG_TRUNC);
    if (octets < 0 && errno == EINTR) continue;
    if (octets <= 0) return;
    ByteView rest(room.get(), std::min(static_cast<size_t>(octets), kMostOctets));
    while (rest.size() >= sizeof(nlmsghdr)) {
      nlmsghdr header;
      std::memcpy(&header, rest.data(), sizeof header);
      if (header.nlmsg_len < sizeof header || header.nlmsg_len > rest.size()) break;
      if (const auto packet = asked_packet_in(rest)) take(*packet);
      rest = rest.subspan(std::min<size_t>(NLMSG_ALIGN(header.nlmsg_len), rest.size()));
    }
    --most;
  }
}

}  // namespace sallyport::runtime
