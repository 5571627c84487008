// A tunnel without cryptography, the upper bound for one with it: inner packets go from a TUN device into UDP as they
// are.
//   forwarder plain|offload DEVICE LOCAL REMOTE PORT
// plain: one packet a system call, as the simplest tunnel. offload: IFF_VNET_HDR with TSO on the device, packets cut
// here and sent many at once by UDP_SEGMENT, received by UDP_GRO and joined again before they are written. IPv4
// outside. Both ends use PORT. One thread; ends with SIGTERM.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "bench/end_to_end/segments.h"

namespace sallyport::bench {
namespace {

// In front of every packet of a device with IFF_VNET_HDR (virtio 1.2, 5.1.6), in the machine's byte order. The kernel's
// own header cannot be read by a C++ compiler.
struct VnetHeader {
  uint8_t flags, gso_type;
  uint16_t hdr_len, gso_size, csum_start, csum_offset;
};
constexpr uint8_t kNeedsChecksum = 1, kGsoNone = 0, kGsoTcp4 = 1;

constexpr size_t kHeader = sizeof(VnetHeader);
constexpr size_t kLargest = 65536 + kHeader;
constexpr size_t kMostSegments = 64;  // the kernel's UDP_MAX_SEGMENTS of before 6.9
constexpr size_t kMostDatagram = 65000;
constexpr int kReadsPerTurn = 64;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

int open_tun(const char* name, bool offload) {
  const int fd = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) fail("forwarder: /dev/net/tun");
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | (offload ? IFF_VNET_HDR : 0));
  if (::ioctl(fd, TUNSETIFF, &request) != 0) fail("forwarder: TUNSETIFF");
  if (offload && ::ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) != 0) fail("forwarder: TUNSETOFFLOAD");
  return fd;
}

int open_udp(const char* local, const char* remote, uint16_t port, bool offload) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in mine{}, theirs{};
  mine.sin_family = theirs.sin_family = AF_INET;
  mine.sin_port = theirs.sin_port = htons(port);
  if (::inet_pton(AF_INET, local, &mine.sin_addr) != 1 || ::inet_pton(AF_INET, remote, &theirs.sin_addr) != 1) {
    std::fputs("forwarder: LOCAL and REMOTE are IPv4 addresses\n", stderr);
    std::exit(2);
  }
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&mine), sizeof mine) != 0 ||
      ::connect(fd, reinterpret_cast<sockaddr*>(&theirs), sizeof theirs) != 0)
    fail("forwarder: socket");
  const int room = 4 << 20, on = 1;
  (void)::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  (void)::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  if (offload && ::setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on) != 0) fail("forwarder: UDP_GRO");
  return fd;
}

void run_plain(int tun, int udp) {
  std::vector<uint8_t> packet(kLargest);
  pollfd wait[2] = {{tun, POLLIN, 0}, {udp, POLLIN, 0}};
  while (::poll(wait, 2, -1) > 0) {
    for (int i = 0; i < kReadsPerTurn && (wait[0].revents & POLLIN); ++i) {
      const ssize_t n = ::read(tun, packet.data(), packet.size());
      if (n <= 0) break;
      (void)::send(udp, packet.data(), static_cast<size_t>(n), 0);
    }
    for (int i = 0; i < kReadsPerTurn && (wait[1].revents & POLLIN); ++i) {
      const ssize_t n = ::recv(udp, packet.data(), packet.size(), MSG_DONTWAIT);
      if (n <= 0) break;
      (void)!::write(tun, packet.data(), static_cast<size_t>(n));
    }
  }
}

// Packets of one size, the last perhaps smaller, that leave in one system call.
class Outgoing {
 public:
  explicit Outgoing(int udp) : udp_(udp), octets_(kMostDatagram) {}

  // Room for the next packet; what does not fit with those before is sent first.
  uint8_t* take(size_t size) {
    if (count_ > 0 && (size > step_ || closed_ || count_ == kMostSegments || size_ + size > kMostDatagram)) flush();
    if (count_ == 0) step_ = size;
    closed_ = size < step_;
    uint8_t* out = octets_.data() + size_;
    size_ += size;
    ++count_;
    return out;
  }

  void flush() {
    if (count_ == 0) return;
    iovec piece{octets_.data(), size_};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    alignas(cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))] = {};
    if (count_ > 1) {
      header.msg_control = control;
      header.msg_controllen = sizeof control;
      cmsghdr* c = CMSG_FIRSTHDR(&header);
      c->cmsg_level = IPPROTO_UDP;
      c->cmsg_type = UDP_SEGMENT;
      c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
      const auto step = static_cast<uint16_t>(step_);
      std::memcpy(CMSG_DATA(c), &step, sizeof step);
    }
    (void)::sendmsg(udp_, &header, 0);
    count_ = size_ = 0;
  }

 private:
  int udp_;
  std::vector<uint8_t> octets_;
  size_t size_ = 0, count_ = 0, step_ = 0;
  bool closed_ = false;
};

void send_inner(Room read, Outgoing& out) {
  VnetHeader header;
  std::memcpy(&header, read.data(), kHeader);
  const Room packet = read.subspan(kHeader);
  if (header.gso_type != kGsoNone) {
    return cut(packet, header.gso_size, [&](size_t size) { return out.take(size); });
  }
  if (header.flags & kNeedsChecksum && size_t{header.csum_start} + header.csum_offset + 2 <= packet.size()) {
    // The pseudo header's sum is in the field already.
    const uint16_t sum = fold(sum_of(packet.subspan(header.csum_start)));
    store_sum(packet.data() + header.csum_start + header.csum_offset, static_cast<uint16_t>(~sum));
  }
  std::memcpy(out.take(packet.size()), packet.data(), packet.size());
}

void write_joined(int tun, Joiner& joiner) {
  if (joiner.empty()) return;
  VnetHeader header{};
  if (joiner.count() > 1) {
    header.flags = kNeedsChecksum;
    header.gso_type = kGsoTcp4;
    header.hdr_len = static_cast<uint16_t>(joiner.headers());
    header.gso_size = static_cast<uint16_t>(joiner.mss());
    header.csum_start = 20;
    header.csum_offset = 16;
  }
  const View packet = joiner.take();
  iovec pieces[2] = {{&header, kHeader}, {const_cast<uint8_t*>(packet.data()), packet.size()}};
  (void)!::writev(tun, pieces, 2);
}

// Size of the packets in what was received at once; `whole` where it is one.
size_t step_of(msghdr& header, size_t whole) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO) continue;
    int step = 0;
    std::memcpy(&step, CMSG_DATA(c), sizeof step);
    if (step > 0) return static_cast<size_t>(step);
  }
  return whole;
}

bool receive_outer(int udp, int tun, Room room, Joiner& joiner) {
  iovec piece{room.data(), room.size()};
  msghdr header{};
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))];
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  const ssize_t n = ::recvmsg(udp, &header, MSG_DONTWAIT);
  if (n <= 0) return false;
  const View all = room.first(static_cast<size_t>(n));
  const size_t step = step_of(header, all.size());
  for (size_t at = 0; at < all.size(); at += step) {
    const View packet = all.subspan(at, std::min(step, all.size() - at));
    if (joiner.add(packet)) continue;
    write_joined(tun, joiner);
    (void)joiner.add(packet);
  }
  return true;
}

void run_offload(int tun, int udp) {
  std::vector<uint8_t> room(kLargest);
  Outgoing out(udp);
  Joiner joiner;
  pollfd wait[2] = {{tun, POLLIN, 0}, {udp, POLLIN, 0}};
  while (::poll(wait, 2, -1) > 0) {
    for (int i = 0; i < kReadsPerTurn && (wait[0].revents & POLLIN); ++i) {
      const ssize_t n = ::read(tun, room.data(), room.size());
      if (n <= static_cast<ssize_t>(kHeader)) break;
      send_inner(Room(room).first(static_cast<size_t>(n)), out);
    }
    out.flush();
    for (int i = 0; i < kReadsPerTurn && (wait[1].revents & POLLIN); ++i) {
      if (!receive_outer(udp, tun, room, joiner)) break;
    }
    write_joined(tun, joiner);
  }
}

}  // namespace
}  // namespace sallyport::bench

int main(int argc, char** argv) {
  using namespace sallyport::bench;
  const std::string mode = argc > 1 ? argv[1] : "";
  if (argc != 6 || (mode != "plain" && mode != "offload")) {
    std::fputs("usage: forwarder plain|offload DEVICE LOCAL REMOTE PORT\n", stderr);
    return 2;
  }
  const bool offload = mode == "offload";
  const int tun = open_tun(argv[2], offload);
  const int udp = open_udp(argv[3], argv[4], static_cast<uint16_t>(std::atoi(argv[5])), offload);
  if (offload) {
    run_offload(tun, udp);
  } else {
    run_plain(tun, udp);
  }
  return 1;
}
