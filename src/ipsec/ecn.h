// Explicit congestion notification and DSCP through the tunnel. RFC 6040 4.1 (normal mode) and 4.2, RFC 4301 5.1.2.
// Pure; any thread.
#pragma once
#include "base/bytes.h"
#include "base/ip_addr.h"
#include "ipsec/drops.h"

namespace sallyport::ipsec {

// TOS or traffic class octet of a whole IP packet. Requires: the packet has its complete fixed header.
uint8_t read_tos(ByteView packet, Family family);
// Brings congestion seen outside into the inner header. Drop::ecn_ce_on_not_ect where RFC 6040 4.2 demands it.
Verdict merge_ecn(MutableBytes packet, Family family, uint8_t outer);

}  // namespace sallyport::ipsec
