// The outer IP header of tunnel mode: addresses of the SA, TOS and DF by its options. RFC 4301 5.1.2 and 8.1, RFC 6040
// 4.1, RFC 6864. Pure; any thread.
#pragma once
#include "ipsec/sa_outbound.h"

namespace sallyport::ipsec {

// DSCP and ECN of the outer header over an inner packet with this octet.
inline uint8_t outer_tos_of(const SaOutbound& sa, uint8_t inner) {
  return static_cast<uint8_t>((inner & sa.tos_keep) | sa.tos_set);
}
// DF of the outer header; inner_df is true for inner IPv6 packets. `fits`: the outer packet does not exceed the path
// MTU; one that does and is sent all the same has to be fragmented.
bool outer_df_of(const SaOutbound& sa, bool inner_df, bool fits);

// Requires: header.size() is 20 or 40 as sa.local's family wants; payload fits the length field.
void write_outer(const SaOutbound& sa, uint8_t protocol, uint8_t tos, bool dont_fragment, size_t payload,
                 MutableBytes header);

// The IPv6 fragment identification for this packet of an SA. RFC 8200 4.5: not that of another packet sent recently, so
// two SAs that count from one do not begin at the same place.
constexpr uint32_t fragment_identification_of(const SaOutbound& sa) {
  return static_cast<uint32_t>(sa.sequence) + sa.spi * 0x9E3779B1u;
}
// The same for IPv4. Never 0, which a kernel that finishes raw headers would replace: AH covers the field.
constexpr uint16_t identification_of(const SaOutbound& sa) {
  const auto low = static_cast<uint16_t>(sa.sequence + (sa.spi * 0x9E3779B1u >> 16));
  return low != 0 ? low : uint16_t{0xFFFF};
}

}  // namespace sallyport::ipsec
