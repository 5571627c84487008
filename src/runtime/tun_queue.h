// Reading and writing one queue of a TUN device, packet by packet as the kernel wants it, in batches as the data plane
// wants it. With virtio-net headers (IFF_VNET_HDR) packets arrive uncut and leave joined: base/packet_buf.h's Offload
// is what such a header says. One thread.
#pragma once
#include <span>

#include "base/packet_buf.h"

namespace sallyport::runtime {

class TunQueue {
 public:
  // The descriptor stays its owner's. vnet_header: it was opened with IFF_VNET_HDR.
  TunQueue(int fd, bool vnet_header) : fd_(fd), vnet_header_(vnet_header) {}

  int fd() const { return fd_; }
  // Fills packets from the front until none waits, all are used or `octets` have been read. Returns how many.
  size_t read(std::span<PacketBuf> into, size_t octets);
  // False: the device took it not (it is down, or the packet is none). Its offload goes along.
  bool write(const PacketBuf& packet);

 private:
  bool read_one(PacketBuf& into);

  int fd_;
  bool vnet_header_;
};

}  // namespace sallyport::runtime
