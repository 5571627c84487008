// Where an IPsec header stands in an IP packet, and the headers in front of it. RFC 8200 4, RFC 4302 3.1.1, RFC 4303
// 3.1.1. Works on whole packets; never looks behind the place found. Pure; any thread.
#pragma once
#include <optional>

#include "base/ip_addr.h"

namespace sallyport::wire::ip {

struct HeaderPlace {
  size_t at = 0;              // offset of the header
  size_t next_header_at = 0;  // offset of the octet that names its protocol
  uint8_t protocol = 0;       // what that octet says
  bool operator==(const HeaderPlace&) const = default;
};

// Where transport mode puts its header: behind the IPv4 header and its options; behind hop-by-hop, routing and fragment
// headers of IPv6, and behind destination options only where a routing header follows them, because those are meant
// for the nodes on the way. truncated, bad_value, bad_length, too_many: as PacketView::decode().
Result<HeaderPlace> transport_place(ByteView packet);

// The first header of `protocol` behind the IP header and extension headers. not_found when another one stands there.
Result<HeaderPlace> find_header(ByteView packet, uint8_t protocol);

// The fragment header of an IPv6 packet, when it has one before any other upper protocol.
std::optional<HeaderPlace> fragment_header(ByteView packet);

// Corrects length fields and the IPv4 header checksum after a change. Requires: a complete IP header, packet.size() <=
// 65535 (IPv4) or 65575 (IPv6).
void finish_ip_header(MutableBytes packet);

}  // namespace sallyport::wire::ip
