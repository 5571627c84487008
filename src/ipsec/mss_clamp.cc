#include "ipsec/mss_clamp.h"

namespace sallyport::ipsec {

namespace {

constexpr size_t kTcpHeader = 20;
constexpr uint8_t kSyn = 2;
constexpr uint8_t kEndOfOptions = 0;
constexpr uint8_t kNoOperation = 1;
constexpr uint8_t kMss = 2;

uint32_t fold(uint32_t sum) {
  while ((sum >> 16) != 0) sum = (sum & 0xFFFF) + (sum >> 16);
  return sum;
}

// RFC 1624 3, for a word that need not lie on an even octet of the segment.
void adjust_checksum(MutableBytes tcp, size_t at, uint16_t before, uint16_t after) {
  const auto turned = [&](uint16_t word) {
    return at % 2 == 0 ? word : static_cast<uint16_t>((word << 8) | (word >> 8));
  };
  uint32_t sum = static_cast<uint16_t>(~load_be16(&tcp[16]));
  sum += static_cast<uint16_t>(~turned(before));
  sum += turned(after);
  store_be16(&tcp[16], static_cast<uint16_t>(~fold(sum)));
}

}  // namespace

bool clamp_mss(MutableBytes packet, const wire::ip::PacketView& view, uint16_t mtu, bool checksum_begun) {
  if (view.flow.protocol != wire::ip::kTcp || view.fragment) return false;
  const MutableBytes tcp = packet.subspan(view.header_octets);
  if (tcp.size() < kTcpHeader || (tcp[13] & kSyn) == 0) return false;
  const size_t header = (tcp[12] >> 4) * 4u;
  const size_t around = (view.family == Family::v4 ? 20u : 40u) + kTcpHeader;
  if (header < kTcpHeader || header > tcp.size() || mtu <= around) return false;
  const auto most = static_cast<uint16_t>(mtu - around);
  size_t at = kTcpHeader;
  while (at < header && tcp[at] != kEndOfOptions) {
    if (tcp[at] == kNoOperation) {
      ++at;
      continue;
    }
    const size_t octets = at + 1 < header ? tcp[at + 1] : 0;
    if (octets < 2 || at + octets > header) return false;
    if (tcp[at] == kMss && octets == 4) {
      const uint16_t told = load_be16(&tcp[at + 2]);
      if (told <= most) return false;
      store_be16(&tcp[at + 2], most);
      if (!checksum_begun) adjust_checksum(tcp, at + 2, told, most);
      return true;
    }
    at += octets;
  }
  return false;
}

}  // namespace sallyport::ipsec
