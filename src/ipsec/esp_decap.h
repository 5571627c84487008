// The inside of an opened ESP packet. RFC 4303 2.4 to 2.7 and 3.4.4: padding, next header, the inner packet's own
// length. Pure; any thread.
#pragma once
#include "base/ip_addr.h"
#include "ipsec/drops.h"

namespace sallyport::ipsec {

// Takes trailer, padding and traffic-flow padding off `plain`, so that exactly the inner IP packet is left.
// bad_padding, dummy_packet, not_ip, malformed_inner.
Verdict esp_decap(MutableBytes& plain, Family& inner_family);

// The parts of it, for other modes: trailer and padding (runt, bad_padding); what lies behind the end that an inner
// packet's header gives (malformed_inner, not_ip).
Verdict strip_esp_trailer(MutableBytes& plain, uint8_t& next_header);
Verdict cut_to_ip_length(MutableBytes& plain, Family family);

}  // namespace sallyport::ipsec
