// The maximum segment size that a TCP SYN announces, lowered to what fits through the SA. RFC 9293 3.7.1, RFC 6691.
// Pure; any thread.
#pragma once
#include "base/bytes.h"
#include "wire/ip/packet_view.h"

namespace sallyport::ipsec {

// mtu: the largest inner packet. checksum_begun: a device is to finish the TCP checksum, which then is left alone.
// True: the packet was changed.
bool clamp_mss(MutableBytes packet, const wire::ip::PacketView& view, uint16_t mtu, bool checksum_begun = false);

}  // namespace sallyport::ipsec
