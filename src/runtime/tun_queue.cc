// See tun_queue.h.
#include "runtime/tun_queue.h"

#include <sys/uio.h>
#include <unistd.h>

#include <array>

namespace sallyport::runtime {
namespace {

constexpr size_t kLargest = 65535;

// Virtio 1.2, 5.1.6: the header and its numbers (the kernel's own header file is no C++).
struct VnetHeader {
  uint8_t flags = 0;
  uint8_t gso_type = 0;
  uint16_t hdr_len = 0;
  uint16_t gso_size = 0;
  uint16_t csum_start = 0;
  uint16_t csum_offset = 0;
};
static_assert(sizeof(VnetHeader) == 10);
constexpr uint8_t kNeedsChecksum = 1;
constexpr uint8_t kDataValid = 2;
constexpr uint8_t kNoSegments = 0;
constexpr uint8_t kTcpv4 = 1;
constexpr uint8_t kTcpv6 = 4;
constexpr uint8_t kUdp = 5;
constexpr uint8_t kEcnBit = 0x80;

Offload::Segments segments_of(uint8_t gso_type) {
  switch (gso_type & ~kEcnBit) {
    case kTcpv4: return Offload::Segments::tcp4;
    case kTcpv6: return Offload::Segments::tcp6;
    case kUdp: return Offload::Segments::udp;
    default: return Offload::Segments::none;
  }
}

uint8_t gso_type_of(Offload::Segments segments) {
  switch (segments) {
    case Offload::Segments::tcp4: return kTcpv4;
    case Offload::Segments::tcp6: return kTcpv6;
    case Offload::Segments::udp: return kUdp;
    case Offload::Segments::none: break;
  }
  return kNoSegments;
}

// The header is in the machine's own order: the device was not asked for another (TUNSETVNETLE, TUNSETVNETBE).
Offload from_header(const VnetHeader& header) {
  Offload out;
  out.segments = segments_of(header.gso_type);
  if (out.segments != Offload::Segments::none) {
    out.segment_octets = header.gso_size;
    out.header_octets = header.hdr_len;
  }
  out.checksum_wanted = (header.flags & kNeedsChecksum) != 0;
  out.checksum_good = (header.flags & kDataValid) != 0;
  if (out.checksum_wanted) {
    out.checksum_start = header.csum_start;
    out.checksum_offset = header.csum_offset;
  }
  return out;
}

VnetHeader to_header(const Offload& offload) {
  VnetHeader out;
  out.gso_type = gso_type_of(offload.segments);
  if (offload.segments != Offload::Segments::none) {
    out.gso_size = offload.segment_octets;
    out.hdr_len = offload.header_octets;
  }
  if (offload.checksum_wanted) {
    out.flags = kNeedsChecksum;
    out.csum_start = offload.checksum_start;
    out.csum_offset = offload.checksum_offset;
  }
  return out;
}

}  // namespace

bool TunQueue::read_one(PacketBuf& into) {
  into.reserve(kLargest);
  const MutableBytes room = into.append(kLargest);
  VnetHeader header;
  const size_t before = vnet_header_ ? sizeof header : 0;
  const std::array<iovec, 2> pieces{iovec{&header, before}, iovec{room.data(), room.size()}};
  const ssize_t n = before != 0 ? ::readv(fd_, pieces.data(), 2) : ::read(fd_, room.data(), room.size());
  if (n <= 0 || static_cast<size_t>(n) < before) return false;
  into.trim_back(room.size() - (static_cast<size_t>(n) - before));
  if (before != 0) into.offload = from_header(header);
  return true;
}

size_t TunQueue::read(std::span<PacketBuf> into, size_t octets) {
  size_t count = 0;
  size_t taken = 0;
  while (count < into.size() && taken < octets && read_one(into[count])) taken += into[count++].size();
  return count;
}

bool TunQueue::write(const PacketBuf& packet) {
  VnetHeader header = to_header(packet.offload);
  const ByteView octets = packet.view();
  const size_t before = vnet_header_ ? sizeof header : 0;
  const std::array<iovec, 2> pieces{iovec{&header, before}, iovec{const_cast<uint8_t*>(octets.data()), octets.size()}};
  const ssize_t n = before != 0 ? ::writev(fd_, pieces.data(), 2) : ::write(fd_, octets.data(), octets.size());
  return n == static_cast<ssize_t>(before + octets.size());
}

}  // namespace sallyport::runtime
