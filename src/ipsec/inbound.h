// The way in, in packet order: SPI -> SA -> replay check -> verify and open -> replay advance -> strip -> selectors ->
// ECN. RFC 4301 5.2, RFC 4303 3.4. One thread: the shard's.
#pragma once
#include <span>

#include "ipsec/shard.h"

namespace sallyport::ipsec {

// One ESP or AH packet; or a train of ESP packets without outer headers (UDP_GRO), each of segment_octets
// but for the last, which may be shorter.
struct Incoming {
  // Outer IP header and extension headers may stand in front of a packet, outer_octets of them; AH over IPv4 needs
  // them, and transport mode keeps what they say where they are there.
  ByteView packet;
  size_t segment_octets = 0;  // 0: one packet
  uint16_t outer_octets = 0;
  model::Protocol protocol = model::Protocol::ESP;
  IpEndpoint from;
  IpEndpoint to;
  uint8_t tos = 0;   // of the outer header, for ECN; 0 when not known
  bool udp = false;  // came UDP-encapsulated
};

// Opened packets are appended to `out` with Way::inner, in buffers of their own (robustness D4); `in` is only read.
// Where the output's shape says so, segments that follow each other in one flow are joined to one packet.
void inbound(Shard& shard, TimePoint now, std::span<const Incoming> in, Outputs& out);

// Whole IP packets that came from outside in the clear: delivered where policy says BYPASS, else dropped and named.
void inbound_clear(Shard& shard, TimePoint now, std::span<PacketBuf> in, Outputs& out);

}  // namespace sallyport::ipsec
