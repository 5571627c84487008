// See datagram_batch.h.
#include "runtime/datagram_batch.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#include <algorithm>

namespace sallyport::runtime {
namespace {

bool is_train(const OutgoingDatagram& datagram) {
  return datagram.segment_octets != 0 && datagram.payload.size() > datagram.segment_octets;
}

// Fills local address, interface, TOS and segment size from the control messages.
void read_control(const msghdr& header, ReceivedDatagram& out) {
  for (const cmsghdr* c = CMSG_FIRSTHDR(&header); c;
       c = CMSG_NXTHDR(const_cast<msghdr*>(&header), const_cast<cmsghdr*>(c))) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo found;
      std::memcpy(&found, CMSG_DATA(c), sizeof found);
      out.local.addr = IpAddr::v4(ByteView(reinterpret_cast<const uint8_t*>(&found.ipi_addr), 4));
      out.interface_index = static_cast<uint32_t>(found.ipi_ifindex);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo found;
      std::memcpy(&found, CMSG_DATA(c), sizeof found);
      out.local.addr = IpAddr::v6(ByteView(found.ipi6_addr.s6_addr, 16));
      out.interface_index = found.ipi6_ifindex;
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
      out.tos = *CMSG_DATA(c);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
      int found = 0;
      std::memcpy(&found, CMSG_DATA(c), sizeof found);
      out.tos = static_cast<uint8_t>(found);
    } else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
      int found = 0;
      std::memcpy(&found, CMSG_DATA(c), sizeof found);
      out.segment_octets = static_cast<uint16_t>(found);
    }
  }
}

// What stood between the IPv6 header and the protocol of a raw socket, in the order of the packet: the kernel walks the
// packet when it fills the control messages, hop-by-hop options first. 0: nothing, or more than fits in front.
uint16_t put_extension_headers(const msghdr& header, ReceivedDatagram& datagram) {
  constexpr size_t kFixed = 40;
  uint8_t headers[DatagramBatch::kHeadroom - kFixed];
  size_t octets = 0;
  uint8_t first = 0;
  for (const cmsghdr* c = CMSG_FIRSTHDR(&header); c;
       c = CMSG_NXTHDR(const_cast<msghdr*>(&header), const_cast<cmsghdr*>(c))) {
    if (c->cmsg_level != IPPROTO_IPV6) continue;
    const bool options = c->cmsg_type == IPV6_HOPOPTS || c->cmsg_type == IPV6_DSTOPTS;
    if (!options && c->cmsg_type != IPV6_RTHDR) continue;
    const size_t length = c->cmsg_len - CMSG_LEN(0);
    if (octets + length > sizeof headers) return 0;
    if (octets == 0) {
      first = static_cast<uint8_t>(c->cmsg_type == IPV6_HOPOPTS   ? IPPROTO_HOPOPTS
                                   : c->cmsg_type == IPV6_DSTOPTS ? IPPROTO_DSTOPTS
                                                                  : IPPROTO_ROUTING);
    }
    std::memcpy(headers + octets, CMSG_DATA(c), length);
    octets += length;
  }
  if (octets == 0 || octets + datagram.payload.size() > 65535) return 0;
  const size_t front = kFixed + octets;
  uint8_t* const at = datagram.payload.data() - front;
  store_be32(at, (uint32_t{6} << 28) | (uint32_t{datagram.tos} << 20));
  store_be16(at + 4, static_cast<uint16_t>(octets + datagram.payload.size()));
  at[6] = first;
  at[7] = 64;  // not told, and mutable
  std::memcpy(at + 8, datagram.remote.addr.bytes().data(), 16);
  std::memcpy(at + 24, datagram.local.addr.bytes().data(), 16);
  std::memcpy(at + kFixed, headers, octets);
  datagram.payload = {at, front + datagram.payload.size()};
  return static_cast<uint16_t>(front);
}

struct alignas(cmsghdr) ControlRoom {
  uint8_t bytes[CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint16_t))];
};

bool is_link_local(const IpAddr& address) {
  const ByteView b = address.bytes();
  return address.is_v6() && b[0] == 0xfe && (b[1] & 0xc0) == 0x80;
}

// The control messages of one outgoing datagram, one behind the other.
class ControlWriter {
 public:
  ControlWriter(msghdr& header, ControlRoom& room) : header_(header), room_(room) {}
  template <class T>
  void add(int level, int type, const T& value) {
    auto* at = reinterpret_cast<cmsghdr*>(room_.bytes + used_);
    std::memset(at, 0, CMSG_SPACE(sizeof value));
    at->cmsg_level = level;
    at->cmsg_type = type;
    at->cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(CMSG_DATA(at), &value, sizeof value);
    used_ += CMSG_SPACE(sizeof value);
    header_.msg_control = room_.bytes;
    header_.msg_controllen = used_;
  }

 private:
  msghdr& header_;
  ControlRoom& room_;
  size_t used_ = 0;
};

// Asks for the source address, the TOS octet and the cut of one outgoing datagram.
void write_control(const OutgoingDatagram& datagram, msghdr& header, ControlRoom& room) {
  ControlWriter out(header, room);
  const bool v4 = datagram.remote.addr.is_v4();
  if (!datagram.connected && !datagram.local.addr.is_any() &&
      datagram.local.addr.family() == datagram.remote.addr.family()) {
    if (v4) {
      in_pktinfo wanted{};
      std::memcpy(&wanted.ipi_spec_dst, datagram.local.addr.bytes().data(), 4);
      out.add(IPPROTO_IP, IP_PKTINFO, wanted);
    } else {
      in6_pktinfo wanted{};
      std::memcpy(&wanted.ipi6_addr, datagram.local.addr.bytes().data(), 16);
      if (is_link_local(datagram.remote.addr)) wanted.ipi6_ifindex = datagram.interface_index;
      out.add(IPPROTO_IPV6, IPV6_PKTINFO, wanted);
    }
  }
  if (datagram.tos != 0) out.add(v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS, int{datagram.tos});
  if (is_train(datagram)) out.add(SOL_UDP, UDP_SEGMENT, datagram.segment_octets);
}

// Octets of the header of a raw IPv4 read; 0 when it lies.
uint16_t ipv4_header_octets(ByteView packet) {
  if (packet.size() < 20 || (packet[0] >> 4) != 4) return 0;
  const size_t header = size_t{packet[0] & 0x0fu} * 4;
  return header < 20 || header > packet.size() ? uint16_t{0} : static_cast<uint16_t>(header);
}

}  // namespace

IpEndpoint endpoint_of(const sockaddr_storage& name) {
  IpEndpoint out;
  if (name.ss_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, &name, sizeof in);
    out.addr = IpAddr::v4(ByteView(reinterpret_cast<const uint8_t*>(&in.sin_addr), 4));
    out.port = ntohs(in.sin_port);
  } else if (name.ss_family == AF_INET6) {
    sockaddr_in6 in;
    std::memcpy(&in, &name, sizeof in);
    out.addr = IpAddr::v6(ByteView(in.sin6_addr.s6_addr, 16));
    out.port = ntohs(in.sin6_port);
  }
  return out;
}

socklen_t to_sockaddr(const IpEndpoint& endpoint, uint32_t scope, sockaddr_storage& out) {
  std::memset(&out, 0, sizeof out);
  if (endpoint.addr.is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(endpoint.port);
    std::memcpy(&in.sin_addr, endpoint.addr.bytes().data(), 4);
    std::memcpy(&out, &in, sizeof in);
    return sizeof in;
  }
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(endpoint.port);
  if (is_link_local(endpoint.addr)) in.sin6_scope_id = scope;
  std::memcpy(&in.sin6_addr, endpoint.addr.bytes().data(), 16);
  std::memcpy(&out, &in, sizeof in);
  return sizeof in;
}

DatagramBatch::DatagramBatch()
    : memory_(new uint8_t[kSlots * kSlotOctets]), headers_(kSlots), pieces_(kSlots), names_(kSlots), controls_(kSlots) {
  received_.reserve(kSlots);
}

std::span<ReceivedDatagram> DatagramBatch::receive(int fd, uint16_t local_port, bool raw_v4) {
  received_.clear();
  for (size_t i = 0; i < kSlots; ++i) {
    pieces_[i] = {memory_.get() + i * kSlotOctets + kHeadroom, kSlotOctets - kHeadroom};
    msghdr& header = headers_[i].msg_hdr;
    header = {};
    header.msg_name = &names_[i];
    header.msg_namelen = sizeof names_[i];
    header.msg_iov = &pieces_[i];
    header.msg_iovlen = 1;
    header.msg_control = controls_[i].data();
    header.msg_controllen = controls_[i].size();
    headers_[i].msg_len = 0;
  }
  const int count = ::recvmmsg(fd, headers_.data(), kSlots, MSG_DONTWAIT, nullptr);
  for (int n = 0; n < count; ++n) {
    const auto i = static_cast<size_t>(n);
    const msghdr& header = headers_[i].msg_hdr;
    if ((header.msg_flags & MSG_TRUNC) != 0) continue;
    ReceivedDatagram datagram;
    datagram.remote = endpoint_of(names_[i]);
    datagram.local.port = local_port;
    datagram.local.addr = IpAddr::any(datagram.remote.addr.family());
    read_control(header, datagram);
    datagram.payload = {static_cast<uint8_t*>(pieces_[i].iov_base), headers_[i].msg_len};
    if (raw_v4) {
      datagram.outer_octets = ipv4_header_octets(datagram.payload);
      if (datagram.outer_octets == 0) continue;
      datagram.tos = datagram.payload[1];
    } else if (local_port == 0 && datagram.remote.addr.is_v6() && datagram.local.addr.is_v6()) {
      datagram.outer_octets = put_extension_headers(header, datagram);
    }
    if (local_port == 0) datagram.remote.port = 0;
    received_.push_back(datagram);
  }
  return received_;
}

namespace {

constexpr size_t kMostAtOnce = 64;

// What the kernel took of the first kMostAtOnce; negative: errno, and nothing was taken.
int send_some(int fd, std::span<const OutgoingDatagram> datagrams) {
  mmsghdr headers[kMostAtOnce];
  iovec pieces[kMostAtOnce];
  sockaddr_storage names[kMostAtOnce];
  ControlRoom controls[kMostAtOnce];
  const size_t count = std::min(kMostAtOnce, datagrams.size());
  for (size_t i = 0; i < count; ++i) {
    const OutgoingDatagram& datagram = datagrams[i];
    pieces[i] = {const_cast<uint8_t*>(datagram.payload.data()), datagram.payload.size()};
    msghdr& header = headers[i].msg_hdr;
    header = {};
    if (!datagram.connected) {
      header.msg_namelen = to_sockaddr(datagram.remote, datagram.interface_index, names[i]);
      header.msg_name = &names[i];
    }
    header.msg_iov = &pieces[i];
    header.msg_iovlen = 1;
    write_control(datagram, header, controls[i]);
    headers[i].msg_len = 0;
  }
  const int taken = ::sendmmsg(fd, headers, static_cast<unsigned>(count), MSG_DONTWAIT);
  return taken >= 0 ? taken : -errno;
}

// A train that the kernel will not cut (a path with a smaller MTU, a device without checksums): one by one.
size_t send_singly(int fd, const OutgoingDatagram& train, int* last_error) {
  size_t sent = 0;
  OutgoingDatagram one = train;
  one.segment_octets = 0;
  for (ByteView rest = train.payload; !rest.empty(); rest = rest.subspan(one.payload.size())) {
    one.payload = rest.first(std::min<size_t>(rest.size(), train.segment_octets));
    sent += send_batch(fd, {&one, 1}, last_error);
  }
  return sent;
}

}  // namespace

size_t datagrams_in(const OutgoingDatagram& datagram) {
  if (!is_train(datagram)) return 1;
  return (datagram.payload.size() + datagram.segment_octets - 1) / datagram.segment_octets;
}

size_t send_batch(int fd, std::span<const OutgoingDatagram> datagrams, int* last_error) {
  size_t sent = 0;
  if (last_error) *last_error = 0;
  bool told = false;  // a connected socket answers one send with what an ICMP message said of an earlier one
  while (!datagrams.empty()) {
    const int taken = send_some(fd, datagrams);
    if (taken == -EINTR) continue;
    if (taken > 0) {
      told = false;
      for (const auto& datagram : datagrams.first(static_cast<size_t>(taken))) sent += datagrams_in(datagram);
      datagrams = datagrams.subspan(static_cast<size_t>(taken));
      continue;
    }
    if (datagrams.front().connected && !told) {
      told = true;
      continue;
    }
    told = false;
    // The first one was refused: a train may still go in pieces, anything else is dropped, and the rest go on.
    const int error = -taken;
    if (is_train(datagrams.front()) && (error == EINVAL || error == EIO || error == EMSGSIZE)) {
      sent += send_singly(fd, datagrams.front(), last_error);
    } else if (last_error) {
      *last_error = error;
    }
    datagrams = datagrams.subspan(1);
  }
  return sent;
}

}  // namespace sallyport::runtime
