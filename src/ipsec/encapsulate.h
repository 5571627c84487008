// One packet onto an SA of any kind: transport and tunnel mode, ESP and AH, nested SAs, traffic flow padding, and what
// has to be cut before or after. RFC 4301 5.1, 7, 8 and appendix E; RFC 4302 3.3; RFC 4303 3.3. The pipeline sends
// plain tunnel mode ESP packets that fit past this. Nothing is allocated once buffers have grown. One thread: the
// shard's.
#pragma once
#include "ipsec/shard.h"

namespace sallyport::ipsec {

// packet: whole, checksums complete; only read. index: its place in the batch, for Event::Acquire.
// A pass that adds nothing to `out` means that the packet is a fragment which waits for the others.
Verdict encapsulate(Shard& shard, TimePoint now, SaOutbound& sa, ByteView packet, size_t index, Outputs& out);

// A dummy packet (RFC 4303 2.6) on this SA. Requires: sa.protocol is ESP.
Verdict send_dummy(Sad& sad, TimePoint now, SaOutbound& sa, Outputs& out);

}  // namespace sallyport::ipsec
