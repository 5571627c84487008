// What tells the flows between two hosts apart, changed in a packet and in the packet that an error of ICMP quotes:
// TCP's and UDP's ports, the identifier of an ICMP query. Checksums that count them are mended, not computed anew, so
// that damage done before still shows: RFC 1624; RFC 792 and RFC 4443 for what is quoted; RFC 5508 for queries. Pure;
// any thread.
#pragma once
#include <optional>

#include "base/bytes.h"
#include "wire/ip/packet_view.h"

namespace sallyport::wire::ip {

enum class End : uint8_t { source, destination };

enum class IcmpKind : uint8_t { none, request, reply, error, other };
// Of an ICMP or ICMPv6 packet; none: another protocol.
IcmpKind icmp_kind(const PacketView& view);
// The identifier of an echo request or reply; nothing: it is none, or not all there.
std::optional<uint16_t> echo_identifier(ByteView packet, const PacketView& view);
// Mends its checksum. Requires: echo_identifier() found one.
void set_echo_identifier(MutableBytes packet, const PacketView& view, uint16_t identifier);

// Whether this is a whole TCP or UDP packet, with its checksum.
bool has_ports(ByteView packet, const PacketView& view);
// `view` follows. checksum_begun: a device is to finish the checksum, in which ports do not count yet. A UDP checksum
// of zero stays. Requires: has_ports()
void set_port(MutableBytes packet, PacketView& view, End end, uint16_t port, bool checksum_begun = false);

// The packet that an error quotes. flow.ports_known: TCP, UDP or an ICMP echo, not a later fragment; an echo's
// identifier is the port of the end that asked, the other one is 0.
struct Quoted {
  size_t header_at = 0;     // of the IP header in the error's packet
  size_t transport_at = 0;  // behind it
  bool icmp_reply = false;  // an echo reply: its identifier is the destination's port
  model::FlowKey flow;
};
// Nothing: no error, or not enough of the packet is quoted, or behind extension headers.
std::optional<Quoted> quoted_packet(ByteView packet, const PacketView& view);
// Writes addresses and ports of `flow` into the quotation, and mends the checksums in it and that of the error. What
// was cut off from the quotation stays away. Requires: what quoted_packet() found; flow is of the same family and
// protocol.
void set_quoted(MutableBytes packet, const PacketView& view, const Quoted& quoted, const model::FlowKey& flow);

}  // namespace sallyport::wire::ip
