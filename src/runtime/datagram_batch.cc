// See datagram_batch.h.
#include "runtime/datagram_batch.h"

#include <errno.h>
#include <string.h>

#include <algorithm>

namespace sallyport::runtime {
namespace {

// Fills local address and interface from the packet-info control message.
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
    }
  }
}

struct alignas(cmsghdr) ControlRoom {
  uint8_t bytes[CMSG_SPACE(sizeof(in6_pktinfo))];
};

bool is_link_local(const IpAddr& address) {
  const ByteView b = address.bytes();
  return address.is_v6() && b[0] == 0xfe && (b[1] & 0xc0) == 0x80;
}

// Asks for the source address of one outgoing datagram.
void write_control(const OutgoingDatagram& datagram, msghdr& header, ControlRoom& room) {
  if (datagram.local.addr.is_any() || datagram.local.addr.family() != datagram.remote.addr.family()) return;
  std::memset(&room, 0, sizeof room);
  header.msg_control = room.bytes;
  header.msg_controllen = sizeof room.bytes;
  cmsghdr* c = CMSG_FIRSTHDR(&header);
  if (datagram.remote.addr.is_v4()) {
    in_pktinfo wanted{};
    std::memcpy(&wanted.ipi_spec_dst, datagram.local.addr.bytes().data(), 4);
    c->cmsg_level = IPPROTO_IP;
    c->cmsg_type = IP_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof wanted);
    std::memcpy(CMSG_DATA(c), &wanted, sizeof wanted);
    header.msg_controllen = CMSG_SPACE(sizeof wanted);
  } else {
    in6_pktinfo wanted{};
    std::memcpy(&wanted.ipi6_addr, datagram.local.addr.bytes().data(), 16);
    if (is_link_local(datagram.remote.addr)) wanted.ipi6_ifindex = datagram.interface_index;
    c->cmsg_level = IPPROTO_IPV6;
    c->cmsg_type = IPV6_PKTINFO;
    c->cmsg_len = CMSG_LEN(sizeof wanted);
    std::memcpy(CMSG_DATA(c), &wanted, sizeof wanted);
    header.msg_controllen = CMSG_SPACE(sizeof wanted);
  }
}

// The payload of a raw IPv4 read, or empty when the header lies.
MutableBytes strip_ipv4(MutableBytes packet) {
  if (packet.size() < 20 || (packet[0] >> 4) != 4) return {};
  const size_t header = size_t{packet[0] & 0x0fu} * 4;
  if (header < 20 || header > packet.size()) return {};
  return packet.subspan(header);
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
    if (raw_v4) datagram.payload = strip_ipv4(datagram.payload);
    if (local_port == 0) datagram.remote.port = 0;
    received_.push_back(datagram);
  }
  return received_;
}

size_t send_batch(int fd, std::span<const OutgoingDatagram> datagrams, int* last_error) {
  constexpr size_t kMost = 64;
  mmsghdr headers[kMost];
  iovec pieces[kMost];
  sockaddr_storage names[kMost];
  ControlRoom controls[kMost];
  size_t sent = 0;
  if (last_error) *last_error = 0;
  while (!datagrams.empty()) {
    const size_t count = std::min(kMost, datagrams.size());
    for (size_t i = 0; i < count; ++i) {
      const OutgoingDatagram& datagram = datagrams[i];
      pieces[i] = {const_cast<uint8_t*>(datagram.payload.data()), datagram.payload.size()};
      msghdr& header = headers[i].msg_hdr;
      header = {};
      header.msg_namelen = to_sockaddr(datagram.remote, datagram.interface_index, names[i]);
      header.msg_name = &names[i];
      header.msg_iov = &pieces[i];
      header.msg_iovlen = 1;
      write_control(datagram, header, controls[i]);
      headers[i].msg_len = 0;
    }
    const int taken = ::sendmmsg(fd, headers, static_cast<unsigned>(count), MSG_DONTWAIT);
    if (taken < 0) {
      if (errno == EINTR) continue;
      if (last_error) *last_error = errno;
    }
    const size_t done = taken > 0 ? static_cast<size_t>(taken) : 0;
    sent += done;
    // The first one the kernel refused is dropped; the rest go on.
    datagrams = datagrams.subspan(std::min(datagrams.size(), taken > 0 ? done : size_t{1}));
  }
  return sent;
}

}  // namespace sallyport::runtime
