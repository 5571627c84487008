// The Internet checksum. RFC 1071; pseudo-headers of RFC 9293 3.1 and RFC 8200 8.1. Pure; any thread.
#pragma once
#include "base/ip_addr.h"

namespace sallyport::wire::ip {

uint16_t checksum(ByteView bytes);
// Over pseudo-header and segment; the checksum field inside the segment must be zero, or the result 0 says that it was
// right. UDP sends 0 as 0xFFFF; that is its writer's affair.
uint16_t transport_checksum(const IpAddr& source, const IpAddr& destination, uint8_t protocol, ByteView segment);
// What stands in the checksum field of a packet whose checksum a device is to finish: the sum of the pseudo-header,
// `octets` being the segment's length, not inverted.
uint16_t pseudo_header_sum(const IpAddr& source, const IpAddr& destination, uint8_t protocol, size_t octets);

// Where a transport header keeps a checksum that counts the addresses; 0: the protocol has none.
size_t checksum_place(uint8_t protocol);
// RFC 1624 3: the checksum of octets of which `before` has become `after`, as many as before. Requires: they begin at
// an even offset of what is summed, and are even in number.
uint16_t changed_checksum(uint16_t checksum, ByteView before, ByteView after);

}  // namespace sallyport::wire::ip
