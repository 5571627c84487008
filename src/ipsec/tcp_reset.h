// The end of a TCP connection of this host whose protection is not what it began with (RFC 5660): its own TCP is told,
// as if by the peer, which is told nothing. Pure.
#pragma once
#include <optional>

#include "ipsec/drops.h"
#include "wire/ip/packet_view.h"

namespace sallyport::ipsec {

// In answer to a packet that leaves: the acknowledgment in it is the number that its sender believes. Nothing: it is no
// whole TCP segment with an acknowledgment, or a reset.
std::optional<Bytes> reset_for_sender(ByteView packet, const wire::ip::PacketView& view);
// In place of a packet that came. Its receiver believes it, or asks by a segment that has the right number. Nothing: as
// above, with or without acknowledgment.
std::optional<Bytes> reset_in_place_of(ByteView packet, const wire::ip::PacketView& view);
// The same, where that is what the verdict calls for: Drop::latch_broken.
std::optional<Bytes> broken_off(const Verdict& verdict, ByteView packet, const wire::ip::PacketView& view);

}  // namespace sallyport::ipsec
