// The inside of an opened ESP packet. RFC 4303 2.4 to 2.7 and 3.4.4: padding, next header, the inner packet's own
// length. Pure; any thread.
#pragma once
#include "base/ip_addr.h"
#include "ipsec/drops.h"

namespace sallyport::ipsec {

// Takes trailer, padding and traffic-flow padding off `plain`, so that exactly the inner IP packet is left.
// bad_padding, dummy_packet, not_ip, malformed_inner.
Verdict esp_decap(MutableBytes& plain, Family& inner_family);

}  // namespace sallyport::ipsec
