// One ESP packet in memory of its own, whatever its mode: header, IV, payload, padding and trailer, ICV. RFC 4303 2,
// RFC 8750. The payload is put in its place first and sealed there. Pure; one thread.
#pragma once
#include "ipsec/sad.h"

namespace sallyport::ipsec {

// Octets of the ESP packet around a payload of that many.
size_t esp_packet_octets(const SaOutbound& sa, size_t payload);
// Where the payload belongs inside it.
inline size_t esp_payload_at(const SaOutbound& sa) { return 8u + sa.iv_octets; }

// Writes all but the payload and seals as number sa.sequence. Requires: esp.size() == esp_packet_octets(sa, payload).
// False: the cryptographic library refused.
bool seal_esp(Sad& sad, const SaOutbound& sa, size_t payload, uint8_t next_header, MutableBytes esp);

// runt, unaligned: no packet of this SA has such a size.
Verdict check_esp_shape(const SaInbound& sa, size_t esp_octets);
// Octets of plain text with padding and trailer. Requires: check_esp_shape() passed.
inline size_t esp_cipher_octets(const SaInbound& sa, size_t esp) { return esp - 8u - sa.iv_octets - sa.icv_octets; }
// False: not authentic, and nothing of `plain` may be used. Requires: plain.size() == esp_cipher_octets().
bool open_esp(const SaInbound& sa, ByteView esp, uint64_t sequence, MutableBytes plain);

}  // namespace sallyport::ipsec
