// Cutting TCP and UDP packets that are larger than their path, as a network device does for its host: TCP segmentation
// offload (RFC 9293 3.7.1's segments, RFC 3168 6.1.2 for CWR) and UDP segmentation. In the packet's own memory, so that
// a segment is never copied. Pure; one thread.
#pragma once
#include <array>

#include "base/packet_buf.h"
#include "wire/ip/packet_view.h"

namespace sallyport::wire::ip {

// Finishes a checksum that the host only began (Offload::checksum_wanted). bad_value: the field lies outside.
Result<> finish_checksum(MutableBytes packet, const Offload& offload);

class Splitter {
 public:
  // packet: whole, with a `view` of it. bad_value: not what its offload says (protocol, headers, segment of 0 octets).
  static Result<Splitter> create(MutableBytes packet, const PacketView& view, const Offload& offload);

  size_t count() const { return (payload_octets_ + segment_octets_ - 1) / segment_octets_; }
  size_t largest() const { return header_octets_ + std::min(segment_octets_, payload_octets_); }
  // The next piece with all its headers right; empty after the last. Its headers overwrite the end of the piece before,
  // which the caller must be done with; what lies behind it belongs to the next piece.
  MutableBytes next();

 private:
  Splitter() = default;
  void write_ip(MutableBytes piece);
  void write_transport(MutableBytes piece, bool last);

  static constexpr size_t kMostHeaders = 40 + 120 + 60;
  MutableBytes packet_;
  std::array<uint8_t, kMostHeaders> headers_{};
  IpAddr source_, destination_;
  Family family_ = Family::v4;
  uint8_t protocol_ = 0;
  size_t ip_octets_ = 0;
  size_t header_octets_ = 0;
  size_t payload_octets_ = 0;
  size_t segment_octets_ = 0;
  size_t done_ = 0;   // payload octets
  size_t index_ = 0;  // pieces
};

}  // namespace sallyport::wire::ip
