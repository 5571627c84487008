#include "ipsec/ecn.h"

namespace sallyport::ipsec {

namespace {

enum Ecn : uint8_t { not_ect = 0, ect1 = 1, ect0 = 2, ce = 3 };

void write_tos(MutableBytes packet, Family family, uint8_t tos) {
  if (family == Family::v6) {
    packet[0] = static_cast<uint8_t>((packet[0] & 0xF0) | (tos >> 4));
    packet[1] = static_cast<uint8_t>((packet[1] & 0x0F) | (tos << 4));
    return;
  }
  // RFC 1624 3: the header checksum changes by the difference of the word that version, length and TOS share.
  const uint16_t before = load_be16(packet.data());
  packet[1] = tos;
  const uint16_t after = load_be16(packet.data());
  uint32_t sum = static_cast<uint16_t>(~load_be16(packet.data() + 10));
  sum += static_cast<uint16_t>(~before);
  sum += after;
  sum = (sum & 0xFFFF) + (sum >> 16);
  sum = (sum & 0xFFFF) + (sum >> 16);
  store_be16(packet.data() + 10, static_cast<uint16_t>(~sum));
}

}  // namespace

uint8_t read_tos(ByteView packet, Family family) {
  if (family == Family::v4) return packet[1];
  return static_cast<uint8_t>(load_be16(packet.data()) >> 4);
}

Verdict merge_ecn(MutableBytes packet, Family family, uint8_t outer) {
  const uint8_t inner = read_tos(packet, family);
  const uint8_t inside = inner & 3;
  const uint8_t outside = outer & 3;
  // RFC 6040 4.2: an inner transport that knows no ECN learns of congestion by losing the packet.
  if (inside == not_ect) return outside == ce ? Verdict(Drop::ecn_ce_on_not_ect) : Verdict::pass();
  // The more severe mark survives: CE over ECT(1) over ECT(0).
  uint8_t merged = inside;
  if (outside == ce) merged = ce;
  if (outside == ect1 && inside == ect0) merged = ect1;
  if (merged != inside) write_tos(packet, family, static_cast<uint8_t>((inner & 0xFC) | merged));
  return Verdict::pass();
}

}  // namespace sallyport::ipsec
