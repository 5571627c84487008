#include "ipsec/pmtu.h"

#include <algorithm>

#include "wire/esp_ah/ah.h"
#include "wire/ip/checksum.h"

namespace sallyport::ipsec {

namespace {

constexpr size_t kEspHeader = 8;
constexpr uint8_t kIcmp = 1;
constexpr uint8_t kIcmpv6 = 58;
constexpr uint8_t kTtl = 64;

void copy_to(ByteView from, MutableBytes to) { std::copy(from.begin(), from.end(), to.begin()); }

bool zero(ByteView octets) {
  return std::all_of(octets.begin(), octets.end(), [](uint8_t octet) { return octet == 0; });
}

// RFC 1122 3.2.2: no ICMP error about an ICMP error, a later fragment, or one that is not for a single host.
bool may_answer_v4(ByteView packet, size_t header) {
  if ((load_be16(packet.data() + 6) & 0x1FFF) != 0) return false;
  if (zero(packet.subspan(12, 4)) || packet[16] >= 224) return false;
  if (packet[9] != kIcmp || packet.size() <= header) return packet[9] != kIcmp;
  const uint8_t type = packet[header];
  return type == 0 || type == 8 || (type >= 13 && type <= 18);  // queries and their replies
}

// RFC 4443 2.4 e. Packet too big is the one error that goes out about multicast too, but a tunnel has no use for that.
bool may_answer_v6(ByteView packet) {
  if (zero(packet.subspan(8, 16)) || packet[8] == 0xFF || packet[24] == 0xFF) return false;
  return packet[6] != kIcmpv6 || packet.size() < 41 || packet[40] >= 128;  // types below 128 are errors
}

bool write_needs_fragmentation(ByteView packet, uint16_t mtu, PacketBuf& answer) {
  const size_t header = size_t{packet[0]} % 16 * 4;
  if (header < 20 || packet.size() < header || !may_answer_v4(packet, header)) return false;
  // RFC 1812 4.3.2.3: as much of the packet as 576 octets hold.
  const ByteView quoted = packet.first(std::min<size_t>(packet.size(), 576 - 20 - 8));
  answer.reserve(576);
  const MutableBytes out = answer.append(20 + 8 + quoted.size());
  std::fill(out.begin(), out.begin() + 28, uint8_t{0});
  out[0] = 0x45;
  store_be16(out.data() + 2, static_cast<uint16_t>(out.size()));
  out[8] = kTtl;
  out[9] = kIcmp;
  copy_to(packet.subspan(16, 4), out.subspan(12));
  copy_to(packet.subspan(12, 4), out.subspan(16));
  store_be16(out.data() + 10, wire::ip::checksum(out.first(20)));
  out[20] = 3;  // RFC 1191 4: destination unreachable, fragmentation needed and DF set, MTU of the next hop
  out[21] = 4;
  store_be16(out.data() + 26, mtu);
  copy_to(quoted, out.subspan(28));
  store_be16(out.data() + 22, wire::ip::checksum(out.subspan(20)));
  return true;
}

bool write_packet_too_big(ByteView packet, uint16_t mtu, PacketBuf& answer) {
  if (packet.size() < 40 || !may_answer_v6(packet)) return false;
  // RFC 4443 3.2: as much as the smallest MTU of IPv6 holds.
  const ByteView quoted = packet.first(std::min<size_t>(packet.size(), 1280 - 40 - 8));
  answer.reserve(1280);
  const MutableBytes out = answer.append(40 + 8 + quoted.size());
  std::fill(out.begin(), out.begin() + 48, uint8_t{0});
  out[0] = 0x60;
  store_be16(out.data() + 4, static_cast<uint16_t>(out.size() - 40));
  out[6] = kIcmpv6;
  out[7] = kTtl;
  copy_to(packet.subspan(24, 16), out.subspan(8));
  copy_to(packet.subspan(8, 16), out.subspan(24));
  out[40] = 2;
  store_be32(out.data() + 44, mtu);
  copy_to(quoted, out.subspan(48));
  const IpAddr source = IpAddr::v6(ByteView(out.subspan(8, 16)));
  const IpAddr destination = IpAddr::v6(ByteView(out.subspan(24, 16)));
  store_be16(out.data() + 42, wire::ip::transport_checksum(source, destination, kIcmpv6, out.subspan(40)));
  return true;
}

}  // namespace

size_t esp_octets(const SaOutbound& sa, size_t inner) {
  const size_t block = sa.block_octets;
  return kEspHeader + sa.iv_octets + (inner + 2 + block - 1) / block * block + sa.icv_octets;
}

size_t outer_octets(const SaOutbound& sa) {
  return (sa.local.addr.is_v4() ? size_t{20} : size_t{40}) + (sa.udp_encap ? size_t{8} : size_t{0});
}

uint16_t inner_mtu(const SaOutbound& sa, uint16_t path_mtu) {
  // Transport mode keeps the inner packet's own header in place of the outer one.
  const size_t own = sa.mode == model::Mode::transport ? (sa.local.addr.is_v4() ? 20u : 40u) : 0u;
  if (sa.protocol == model::Protocol::AH) {
    const size_t ah = outer_octets(sa) + wire::ah_octets(size_t{sa.iv_octets} + sa.icv_octets, sa.local.addr.family());
    return path_mtu <= ah ? uint16_t{0} : static_cast<uint16_t>(path_mtu - ah + own);
  }
  const size_t around = outer_octets(sa) + kEspHeader + sa.iv_octets + sa.icv_octets;
  if (path_mtu <= around + sa.block_octets) return 0;
  const size_t cipher = (path_mtu - around) / sa.block_octets * sa.block_octets;
  return static_cast<uint16_t>(cipher - 2 + own);
}

void set_sa_path_mtu(SaOutbound& sa, uint16_t path_mtu) {
  sa.path_mtu = path_mtu;
  sa.inner_mtu = inner_mtu(sa, path_mtu);
}

bool write_too_big(ByteView packet, uint16_t mtu, PacketBuf& answer) {
  if (packet.size() < 20) return false;
  return (packet[0] >> 4) == 4 ? write_needs_fragmentation(packet, mtu, answer)
                               : write_packet_too_big(packet, mtu, answer);
}

bool TooBigLimit::take(TimePoint now) {
  if (now - since_ >= seconds(1)) {
    since_ = now;
    taken_ = 0;
  }
  return taken_++ < kPerSecond;
}

}  // namespace sallyport::ipsec
