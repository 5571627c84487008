// The way out, in packet order: inner packet -> SPD -> SAD -> sequence number and lifetime -> ESP -> outer header.
// RFC 4301 5.1, RFC 4303 3.3. One thread: the shard's.
#pragma once
#include <span>

#include "ipsec/shard.h"

namespace sallyport::ipsec {

// Whole inner IP packets in, `out` appended to. A packet whose offload leaves cutting or checksum to a device is cut
// and finished here, in its own memory. A packet that gets no SA stays as it was: after Event::Acquire the caller takes
// in[packet_index] and offers it again later. A packet without kTrailerRoom behind it is copied first.
void outbound(Shard& shard, TimePoint now, std::span<PacketBuf> in, Outputs& out);

}  // namespace sallyport::ipsec
