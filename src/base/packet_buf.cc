#include "base/packet_buf.h"

#include <cassert>
#include <utility>

namespace sallyport {

PacketBuf::PacketBuf(size_t packet_octets, size_t headroom, size_t tailroom)
    : store_(new uint8_t[headroom + packet_octets + tailroom]),
      capacity_(headroom + packet_octets + tailroom),
      start_(headroom) {}

PacketBuf PacketBuf::copy_of(ByteView packet, const Offload& offload) {
  PacketBuf out(packet.size());
  out.assign(packet);
  out.offload = offload;
  return out;
}

PacketBuf::PacketBuf(PacketBuf&& other) noexcept
    : offload(std::exchange(other.offload, {})),
      store_(std::move(other.store_)),
      capacity_(std::exchange(other.capacity_, 0)),
      start_(std::exchange(other.start_, 0)),
      size_(std::exchange(other.size_, 0)) {}

PacketBuf& PacketBuf::operator=(PacketBuf&& other) noexcept {
  if (this == &other) return *this;
  offload = std::exchange(other.offload, {});
  store_ = std::move(other.store_);
  capacity_ = std::exchange(other.capacity_, 0);
  start_ = std::exchange(other.start_, 0);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

void PacketBuf::reset(size_t headroom) {
  assert(headroom <= capacity_);
  start_ = headroom;
  size_ = 0;
  offload = {};
}

void PacketBuf::reserve(size_t packet_octets) {
  const size_t needed = kHeadroom + packet_octets + kTailroom;
  if (capacity_ < needed) {
    store_.reset(new uint8_t[needed]);
    capacity_ = needed;
  }
  reset(kHeadroom);
}

MutableBytes PacketBuf::prepend(size_t n) {
  assert(n <= headroom());
  start_ -= n;
  size_ += n;
  return bytes().first(n);
}

MutableBytes PacketBuf::append(size_t n) {
  assert(n <= tailroom());
  size_ += n;
  return bytes().last(n);
}

void PacketBuf::trim_front(size_t n) {
  assert(n <= size_);
  start_ += n;
  size_ -= n;
}

void PacketBuf::trim_back(size_t n) {
  assert(n <= size_);
  size_ -= n;
}

void PacketBuf::assign(ByteView packet) {
  reserve(packet.size());
  const MutableBytes to = append(packet.size());
  if (!packet.empty()) std::memcpy(to.data(), packet.data(), packet.size());
}

}  // namespace sallyport
