#include "ipsec/ah_apply.h"

#include <algorithm>

#include "crypto/integ.h"
#include "wire/esp_ah/ah.h"

namespace sallyport::ipsec {

size_t ah_header_octets(const SaOutbound& sa, Family outer) {
  return wire::ah_octets(size_t{sa.iv_octets} + sa.icv_octets, outer);
}

Verdict apply_ah(const SaOutbound& sa, size_t at, uint8_t next_header, MutableBytes packet) {
  if (at > kMostMutedOctets) return Drop::no_room;
  uint8_t muted[kMostMutedOctets];
  std::copy_n(packet.begin(), at, muted);
  if (!wire::mute_headers({muted, at})) return Drop::malformed_inner;
  const Family outer = (packet[0] >> 4) == 4 ? Family::v4 : Family::v6;
  const MutableBytes header = packet.subspan(at, ah_header_octets(sa, outer));
  wire::write_ah(header, next_header, sa.spi, static_cast<uint32_t>(sa.sequence));

  // RFC 4543 4: the IV stands in front of the ICV, in a field that is zero while the ICV is made.
  uint8_t iv[8];
  store_be64(iv, sa.sequence);
  uint8_t high[4];
  store_be32(high, static_cast<uint32_t>(sa.sequence >> 32));
  // RFC 4302 3.3.3.2.2: the high half of the ESN comes behind the payload.
  const ByteView covered[] = {{muted, at}, packet.subspan(at), sa.esn ? ByteView(high) : ByteView()};
  uint8_t icv[64];
  if (!sa.integ->compute(ByteView(iv).first(sa.iv_octets), covered, {icv, sa.icv_octets})) return Drop::seal_refused;
  std::copy_n(iv, sa.iv_octets, header.begin() + wire::kAhFixedOctets);
  std::copy_n(icv, sa.icv_octets, header.begin() + static_cast<std::ptrdiff_t>(wire::kAhFixedOctets + sa.iv_octets));
  return Verdict::pass();
}

}  // namespace sallyport::ipsec
