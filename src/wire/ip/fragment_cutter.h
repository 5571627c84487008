// An IP packet cut into fragments that fit a path. RFC 791 3.2, RFC 8200 4.5. An IPv4 packet may be a fragment already;
// DF is not looked at, that is the caller's affair. Pure; one thread.
#pragma once
#include "base/packet_buf.h"

namespace sallyport::wire::ip {

class FragmentCutter {
 public:
  // packet: whole; borrowed until the last next(). identification: of IPv6 fragments; IPv4 packets keep their own.
  FragmentCutter(ByteView packet, size_t mtu, uint32_t identification);
  // The next fragment into `piece`, which grows where it must. False: none is left, or the packet is malformed or its
  // headers leave no room for eight octets.
  bool next(PacketBuf& piece);

 private:
  void write_v4(MutableBytes out, bool more) const;
  void write_v6(MutableBytes out, bool more) const;

  ByteView packet_;
  size_t header_octets_ = 0;  // IPv6: in front of the fragment header
  size_t next_header_at_ = 0;
  uint8_t protocol_ = 0;  // of what follows the fragment header
  size_t most_ = 0;       // payload of one fragment; 0: cannot be cut
  size_t offset_ = 0;
  uint32_t identification_;
  bool v4_ = true;
};

}  // namespace sallyport::wire::ip
