// One inner packet into one ESP packet. RFC 4303 2 and 3.3: header, IV, payload with padding and next header, ICV; then
// the outer IP header where we build it. One thread.
#pragma once
#include "ipsec/sad.h"

namespace sallyport::ipsec {

// Seals `inner` (the trailer goes into its tailroom and is taken away again) as number sa.sequence into `out`, source
// to destination. tos: DSCP and ECN of the outer header. Requires: inner.tailroom() >= kTrailerRoom.
Verdict esp_encap(Sad& sad, const SaOutbound& sa, PacketBuf& inner, Family inner_family, Outgoing& out);
constexpr size_t kTrailerRoom = 2 + 255;

// Additional authenticated data of RFC 4106 5 and its kin: SPI, then the low half or the whole of the sequence number.
// Returns the octets written. Requires: aad.size() >= 12
size_t write_aad(model::Spi spi, uint64_t sequence, bool whole_sequence, MutableBytes aad);

// Puts the outer IP header before the ESP packet in `out` (tunnel mode, native ESP), as out.tos and out.dont_fragment
// say.
Verdict write_outer_header(const SaOutbound& sa, Outgoing& out);

}  // namespace sallyport::ipsec
