// The way in, in packet order: SPI -> SA -> replay check -> verify and open -> replay advance -> strip -> selectors ->
// ECN. RFC 4301 5.2, RFC 4303 3.4. One thread: the shard's.
#pragma once
#include <span>

#include "ipsec/shard.h"

namespace sallyport::ipsec {

// Opened packets are appended to `out` with Way::inner, in buffers of their own (robustness D4); `in` is only read.
// Where the output's shape says so, segments that follow each other in one flow are joined to one packet.
void inbound(Shard& shard, TimePoint now, std::span<const Incoming> in, Outputs& out);

// Whole IP packets that came from outside in the clear: delivered where policy says BYPASS, else dropped and named.
void inbound_clear(Shard& shard, TimePoint now, std::span<PacketBuf> in, Outputs& out);

}  // namespace sallyport::ipsec
