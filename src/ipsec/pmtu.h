// What fits through: sizes of ESP packets, and the ICMP answer to inner packets that do not. RFC 4301 8.2, RFC 1191 4,
// RFC 4443 3.2. Pure; one thread.
#pragma once
#include "base/packet_buf.h"
#include "base/time.h"
#include "ipsec/sa_outbound.h"

namespace sallyport::ipsec {

// Octets of the ESP packet (without outer IP and UDP headers) that carries `inner` octets.
size_t esp_octets(const SaOutbound& sa, size_t inner);
// Outer IP header and, with UDP encapsulation, the UDP header.
size_t outer_octets(const SaOutbound& sa);
// Largest inner packet whose outer packet is at most path_mtu, whatever the SA's protocol and mode. Transport mode: of
// packets without IP options or extension headers.
uint16_t inner_mtu(const SaOutbound& sa, uint16_t path_mtu);

// Sets the path MTU of an SA and what follows from it.
void set_sa_path_mtu(SaOutbound& sa, uint16_t path_mtu);

// Writes the ICMP "fragmentation needed" or ICMPv6 "packet too big" that tells the sender of `packet` about `mtu`. It
// comes from the packet's destination, which is as good a router as any on a point-to-point link. False when RFC
// 1122 3.2.2 or RFC 4443 2.4 forbid an answer: to ICMP errors, later fragments, multicast, unspecified sources.
bool write_too_big(ByteView packet, uint16_t mtu, PacketBuf& answer);

// At most 100 answers a second (RFC 4443 2.4 f asks for a limit).
class TooBigLimit {
 public:
  bool take(TimePoint now);

 private:
  static constexpr unsigned kPerSecond = 100;
  TimePoint since_{};
  unsigned taken_ = 0;
};

}  // namespace sallyport::ipsec
