// What comes from the sockets. A view with what they know about it.
#pragma once
#include "base/ip_addr.h"
#include "model/sa_spec.h"

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

}  // namespace sallyport::ipsec
