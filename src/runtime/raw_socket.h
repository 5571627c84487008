// Raw sockets for what UDP does not carry: ESP and AH by their own protocol numbers, packets that keep the IP header we
// made, and ICMP errors about our packets. While one for a protocol is open the kernel does not answer "protocol
// unreachable". The kernel puts outer fragments together before any of these sees them. RFC 4302 2, RFC 4303 2.
#pragma once
#include "runtime/udp_socket.h"

namespace sallyport::runtime {

enum class RawUse : uint8_t {
  esp,          // protocol 50: the kernel writes the IP header of what is sent
  ah,           // protocol 51, received only
  whole,        // sent only, whole IP packets: header, fragments and extension headers leave as they are
  icmp_errors,  // received only: those that tell of a smaller path and quote ESP, AH or UDP
};

// All want CAP_NET_RAW: permission without it. IPv6: io with EAFNOSUPPORT where there is none. IPv4 reads carry the IP
// header; IPv6 reads do not,
// but tell of extension headers.
Result<Fd> open_raw_socket(RawUse use, Family family, const SocketOptions& options);
std::string explain_raw(RawUse use, const Error& error);

}  // namespace sallyport::runtime
