// One packet off an SA of any kind: transport and tunnel mode, ESP and AH, nested SAs, inner fragments put together.
// RFC 4301 5.2, 7 and appendix E; RFC 4302 3.4; RFC 4303 3.4; RFC 3948 3.1.2. The pipeline takes plain tunnel mode ESP
// past this. One thread: the shard's.
#pragma once
#include "ipsec/inbound.h"

namespace sallyport::ipsec {

// packet: as in Incoming, one packet. A pass that adds nothing to `out` means that a fragment waits for the others.
Verdict decapsulate(Shard& shard, TimePoint now, SaInbound& sa, const Incoming& from, ByteView packet, Outputs& out);

}  // namespace sallyport::ipsec
