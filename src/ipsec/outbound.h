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

// One packet that another shard has judged (HandOver::by): it leaves by that SA of this shard. Where that is gone it is
// handed back to its judge, or on to where the SA's successor is, and stays as it was; a few times, then it is dropped.
void outbound_judged(Shard& shard, TimePoint now, PacketBuf& packet, const SendBy& by, Outputs& out);

}  // namespace sallyport::ipsec
