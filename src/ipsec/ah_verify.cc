#include "ipsec/ah_verify.h"

#include <algorithm>

#include "crypto/integ.h"
#include "ipsec/ah_apply.h"

namespace sallyport::ipsec {

Verdict parse_ah_of(const SaInbound& sa, ByteView packet, size_t at, wire::AhHeader& header) {
  const auto parsed = wire::parse_ah(packet.subspan(at));
  if (!parsed) return Drop::malformed_ah;
  header = *parsed;
  const size_t field = size_t{sa.iv_octets} + sa.icv_octets;
  const bool v4 = (packet[0] >> 4) == 4;
  // RFC 4302 2.6: as much padding as alignment asks for. Linux aligns to 64 bits with IPv4 as well, which is let pass:
  // the padding is covered by the ICV.
  const bool aligned = header.octets == wire::ah_octets(field, Family::v6) ||
                       (v4 && header.octets == wire::ah_octets(field, Family::v4));
  return aligned ? Verdict::pass() : Verdict(Drop::malformed_ah);
}

bool verify_ah(const SaInbound& sa, ByteView packet, size_t at, const wire::AhHeader& header, uint64_t sequence) {
  if (at > kMostMutedOctets) return false;
  uint8_t muted[kMostMutedOctets];
  std::copy_n(packet.begin(), at, muted);
  if (!wire::mute_headers({muted, at})) return false;
  const size_t field = size_t{sa.iv_octets} + sa.icv_octets;
  uint8_t fixed[wire::kAhFixedOctets + 64] = {};
  std::copy_n(packet.begin() + static_cast<std::ptrdiff_t>(at), wire::kAhFixedOctets, fixed);
  uint8_t high[4];
  store_be32(high, static_cast<uint32_t>(sequence >> 32));
  const ByteView covered[] = {{muted, at},
                              {fixed, wire::kAhFixedOctets + field},
                              header.icv.subspan(field),
                              packet.subspan(at + header.octets),
                              sa.esn ? ByteView(high) : ByteView()};
  return sa.record->integ_in->verify(header.icv.first(sa.iv_octets), covered,
                                     header.icv.subspan(sa.iv_octets, sa.icv_octets));
}

}  // namespace sallyport::ipsec
