// What every packet that leaves by an SA goes through, whatever its protocol and mode: its sequence number, and the
// count of what was sent. RFC 4303 3.3.3, RFC 4302 3.3.2, RFC 4301 4.4.2.1. One thread: the shard's.
#pragma once
#include "ipsec/sad.h"

namespace sallyport::ipsec {

// Takes the next sequence number. sequence_cycled: none is left, the SA stops and that is reported; lifetime_expired.
Verdict take_sequence(Sad& sad, SaOutbound& sa, Outputs& out);
// After the packet was sealed. Reports lifetimes that are reached.
void count_sent(Sad& sad, TimePoint now, SaOutbound& sa, size_t octets, Outputs& out);

}  // namespace sallyport::ipsec
