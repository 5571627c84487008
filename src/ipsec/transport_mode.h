// The packet that transport mode carried, made whole again: its IP header, and transport checksums where a NAT has
// changed the addresses they count. RFC 4303 3.1.1, RFC 3948 3.1.2, RFC 7296 2.23.1. Pure; any thread.
#pragma once
#include "base/packet_buf.h"
#include "ipsec/drops.h"
#include "model/sa_spec.h"

namespace sallyport::ipsec {

// An IP header for a packet whose own the socket kept to itself: 20 or 40 octets put in front of `payload`.
void prepend_plain_header(const IpAddr& source, const IpAddr& destination, uint8_t protocol, uint8_t tos,
                          PacketBuf& payload);

// The same where there is room for the header in front of the payload in `packet`.
void write_plain_header(const IpAddr& source, const IpAddr& destination, uint8_t protocol, uint8_t tos,
                        MutableBytes packet);

// RFC 3948 3.1.2: the peer computed the transport checksum of `packet` with the addresses that `spec` calls original;
// it is brought to the addresses that the packet has. Nothing happens to protocols and packets that need none.
void repair_checksum(const model::SaSpec& spec, MutableBytes packet);

}  // namespace sallyport::ipsec
