// One payload into one ESP packet. RFC 4303 2 and 3.3: header, IV, payload with padding and next header, ICV; then
// the outer IP header where we build it. One thread.
#pragma once
#include "ipsec/sad.h"

namespace sallyport::ipsec {

// What an ESP packet carries, an inner packet or in transport mode what one holds behind its header, at the start of
// memory that goes on behind it: the trailer is written there while the packet is sealed, and what was there is put
// back. Requires: kTrailerRoom octets behind it.
struct EspPayload {
  MutableBytes room;
  size_t octets;
  uint8_t next_header;
  ByteView view() const { return room.first(octets); }
};
constexpr size_t kTrailerRoom = 2 + 255;

// Appends the ESP packet with number sa.sequence to `out`, source to destination in one pass; on a drop nothing was
// appended. Requires: `out` has room for esp_octets().
Verdict esp_encap(Sad& sad, const SaOutbound& sa, const EspPayload& payload, PacketBuf& out);

// The parts of an ESP packet, one behind the other.
struct EspLayout {
  MutableBytes header, iv, text, icv;
};
// Appends the ESP packet with number sa.sequence to `out`, all but sealed: its text is in its place, in clear.
// Requires: `out` has room for esp_octets().
EspLayout lay_out_esp(Sad& sad, const SaOutbound& sa, const EspPayload& payload, PacketBuf& out);

// Additional authenticated data of RFC 4106 5 and its kin: SPI, then the low half or the whole of the sequence number.
// Returns the octets written. Requires: aad.size() >= 12
size_t write_aad(model::Spi spi, uint64_t sequence, bool whole_sequence, MutableBytes aad);

// Appends the outer IP header of a native ESP packet of esp_octets. Returns its length.
size_t append_outer_header(const SaOutbound& sa, uint8_t tos, bool dont_fragment, size_t esp_octets, PacketBuf& out);

}  // namespace sallyport::ipsec
