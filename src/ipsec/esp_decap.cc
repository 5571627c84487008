#include "ipsec/esp_decap.h"

namespace sallyport::ipsec {

namespace {
constexpr uint8_t kIpv4 = 4;
constexpr uint8_t kIpv6 = 41;
constexpr uint8_t kNoNextHeader = 59;
}  // namespace

// RFC 4303 2.7: octets past the end that the inner header gives are traffic-flow padding, and no error.
Verdict cut_to_ip_length(MutableBytes& plain, Family family) {
  const ByteView packet = plain;
  const size_t header = family == Family::v4 ? 20 : 40;
  if (packet.size() < header) return Drop::malformed_inner;
  if ((packet[0] >> 4) != (family == Family::v4 ? 4 : 6)) return Drop::not_ip;
  const size_t length = family == Family::v4 ? load_be16(packet.data() + 2) : size_t{40} + load_be16(packet.data() + 4);
  if (length < header || length > packet.size()) return Drop::malformed_inner;
  plain = plain.first(length);
  return Verdict::pass();
}

Verdict strip_esp_trailer(MutableBytes& plain, uint8_t& next_header) {
  const ByteView octets = plain;
  if (octets.size() < 2) return Drop::runt;
  next_header = octets[octets.size() - 1];
  const size_t pad = octets[octets.size() - 2];
  if (pad + 2 > octets.size()) return Drop::bad_padding;
  // RFC 4303 2.4: the receiver should inspect the padding, which counts 1, 2, 3 …
  const ByteView padding = octets.subspan(octets.size() - 2 - pad, pad);
  uint8_t wrong = 0;
  for (size_t i = 0; i < pad; ++i) wrong = static_cast<uint8_t>(wrong | (padding[i] ^ static_cast<uint8_t>(i + 1)));
  if (wrong != 0) return Drop::bad_padding;
  plain = plain.first(octets.size() - pad - 2);
  return Verdict::pass();
}

Verdict esp_decap(MutableBytes& plain, Family& inner_family) {
  uint8_t next_header = 0;
  if (const Verdict v = strip_esp_trailer(plain, next_header); !v.passed()) return v;
  // RFC 4303 2.6: next header 59 marks a dummy packet, dropped without a complaint.
  if (next_header == kNoNextHeader) return Drop::dummy_packet;
  if (next_header != kIpv4 && next_header != kIpv6) return Drop::not_ip;
  inner_family = next_header == kIpv4 ? Family::v4 : Family::v6;
  return cut_to_ip_length(plain, inner_family);
}

}  // namespace sallyport::ipsec
