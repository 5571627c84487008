// The Authentication Header put into a packet, and its ICV. RFC 4302 3.3, RFC 4543 4. Pure; one thread.
#pragma once
#include "ipsec/sad.h"

namespace sallyport::ipsec {

constexpr size_t kMostMutedOctets = 512;  // of IP header and extension headers that AH looks at

// Octets of the header over an outer header of that family.
size_t ah_header_octets(const SaOutbound& sa, Family outer);

// `packet` is complete but for the header's contents, which stand at `at` over ah_header_octets() octets; the IP header
// in front says AH and its length field counts everything. Fills the header in as number sa.sequence.
// malformed_inner: headers in front that cannot be parsed or foretold; no_room: more than kMostMutedOctets of them.
Verdict apply_ah(const SaOutbound& sa, size_t at, uint8_t next_header, MutableBytes packet);

}  // namespace sallyport::ipsec
