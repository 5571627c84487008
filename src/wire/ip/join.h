// Joining TCP segments and UDP datagrams that follow each other in one flow, as generic receive offload does: the
// reverse of split.h, and only what that would cut into the same packets again. Pure; one thread.
#pragma once
#include <array>

#include "base/packet_buf.h"
#include "wire/ip/packet_view.h"

namespace sallyport::wire::ip {

// The packet being joined to. It knows no memory: the caller lays the payloads behind each other.
class Joiner {
 public:
  static constexpr size_t kMostHeaders = 100;  // IPv6 and TCP with all its options
  static constexpr size_t kMostOctets = 65535;

  // Starts anew with this packet. Afterwards open() says whether anything can be joined to it at all.
  void begin(ByteView packet, const PacketView& view);
  bool open() const { return open_; }
  void close() { open_ = false; }
  size_t header_octets() const { return header_octets_; }
  size_t count() const { return count_; }

  // Verifies the transport checksum of the first packet, once, before a second one: joined checksums are written anew,
  // which must not hide damage done before the tunnel. Requires: open(); `joined` is the packet begun so far.
  bool confirm(ByteView joined);
  // Whether this packet, whose transport checksum is verified too, continues what was begun. Requires: confirm()
  bool follows(ByteView packet, const PacketView& view) const;
  // It has been laid behind the others. Requires: follows() said so.
  void add(ByteView packet);
  // Sets lengths, checksums and offload of what was joined; a packet that stayed alone is left as it is.
  void finish(PacketBuf& joined);

 private:
  bool same_headers(ByteView packet) const;

  std::array<uint8_t, kMostHeaders> headers_{};
  IpAddr source_, destination_;
  bool open_ = false;
  bool v4_ = false;
  bool tcp_ = false;
  bool pushed_ = false;
  bool confirmed_ = false;
  size_t ip_octets_ = 0;
  size_t header_octets_ = 0;
  size_t segment_octets_ = 0;
  size_t octets_ = 0;
  size_t count_ = 0;
  uint32_t next_sequence_ = 0;
};

}  // namespace sallyport::wire::ip
