// Whole IP packets from outside, as a raw or packet socket gives them: outer fragments put together, ESP and AH opened,
// ICMP errors about our packets heard. RFC 4301 5.2 step 1, RFC 4303 3.4.1. One thread: the shard's.
#pragma once
#include "ipsec/inbound.h"

namespace sallyport::ipsec {

// Opened packets are appended to `out`. not_ipsec: neither ESP nor AH nor such an error.
void inbound_outer(Shard& shard, TimePoint now, std::span<const ByteView> in, Outputs& out);

}  // namespace sallyport::ipsec
