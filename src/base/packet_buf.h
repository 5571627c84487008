// One packet in memory of its own: headroom in front for headers to come, tailroom behind for trailers, and what a
// device said about it (offload). Move-only, so nobody else ever sees the octets being worked on (robustness D4). Pure;
// one thread at a time.
#pragma once
#include <memory>

#include "base/bytes.h"

namespace sallyport {

// What a device promises about a packet or asks for, in the terms of a virtio-net header. stack/offload acts on it;
// the protocol rooms only carry it along.
struct Offload {
  enum class Segments : uint8_t { none, tcp4, tcp6, udp };
  Segments segments = Segments::none;
  uint16_t segment_octets = 0;   // payload of one segment; 0: not segmented
  uint16_t header_octets = 0;    // headers that every segment repeats
  bool checksum_wanted = false;  // the transport checksum is only begun: finish it before the packet leaves
  bool checksum_good = false;    // the device has verified the transport checksum
  uint16_t checksum_start = 0;   // offset of the first octet summed
  uint16_t checksum_offset = 0;  // offset of the field, from checksum_start
  bool operator==(const Offload&) const = default;
};

class PacketBuf {
 public:
  static constexpr size_t kHeadroom = 128;        // outer IPv6, UDP, ESP, IV and a device header fit
  static constexpr size_t kTailroom = 320;        // 255 octets of padding, the ESP trailer and the longest ICV fit
  static constexpr size_t kDefaultOctets = 2048;  // of packet, between the two

  PacketBuf() = default;  // owns nothing; capacity 0
  explicit PacketBuf(size_t packet_octets, size_t headroom = kHeadroom, size_t tailroom = kTailroom);
  static PacketBuf copy_of(ByteView packet, const Offload& offload = {});
  PacketBuf(const PacketBuf&) = delete;
  PacketBuf& operator=(const PacketBuf&) = delete;
  PacketBuf(PacketBuf&& other) noexcept;
  PacketBuf& operator=(PacketBuf&& other) noexcept;
  ~PacketBuf() = default;

  MutableBytes bytes() { return {store_.get() + start_, size_}; }
  ByteView view() const { return {store_.get() + start_, size_}; }
  uint8_t* data() { return store_.get() + start_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  size_t headroom() const { return start_; }
  size_t tailroom() const { return capacity_ - start_ - size_; }
  size_t capacity() const { return capacity_; }

  // Empties the packet and places it behind `headroom` octets. Keeps the memory. Requires: headroom <= capacity().
  void reset(size_t headroom = kHeadroom);
  // Empties the packet and sees to room for packet_octets between default headroom and tailroom; allocates only to
  // grow.
  void reserve(size_t packet_octets);
  // Makes `n` octets part of the packet at its front or back and returns them, contents unspecified.
  MutableBytes prepend(size_t n);  // Requires: n <= headroom()
  MutableBytes append(size_t n);   // Requires: n <= tailroom()
  void trim_front(size_t n);       // Requires: n <= size()
  void trim_back(size_t n);        // Requires: n <= size()
  void assign(ByteView packet);    // copies; grows where needed

  Offload offload;

 private:
  std::unique_ptr<uint8_t[]> store_;
  size_t capacity_ = 0;
  size_t start_ = 0;
  size_t size_ = 0;
};

}  // namespace sallyport
