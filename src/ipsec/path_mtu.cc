#include "ipsec/path_mtu.h"

#include <algorithm>

#include "wire/ip/checksum.h"
#include "wire/ip/ext_headers.h"
#include "wire/ip/packet_view.h"

namespace sallyport::ipsec {

namespace {

constexpr size_t kIcmpHeader = 8;
constexpr size_t kSmallestV4 = 576;
constexpr size_t kSmallestV6 = 1280;  // RFC 8201 4: less is not believed
// Packets that may have been sent since the one that an error quotes.
constexpr uint32_t kMostOnTheWay = 1u << 20;

// RFC 1191 7.1: links that were common, for routers that do not tell their MTU.
constexpr uint16_t kPlateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 576};

struct Quoted {
  IpAddr local;
  IpAddr remote;
  model::Protocol protocol = model::Protocol::ESP;
  bool udp = false;
  model::Spi spi = 0;
  uint32_t sequence = 0;
  size_t octets = 0;  // its whole length
};

// The SPI and sequence number; nothing when the quotation ends too early.
bool read_ipsec(ByteView at, uint8_t protocol, Quoted& out) {
  if (protocol == 17) {
    if (at.size() < 8) return false;
    at = at.subspan(8);
    out.udp = true;
  }
  const size_t skip = protocol == 51 ? 4 : 0;
  if (protocol == 51) out.protocol = model::Protocol::AH;
  if (at.size() < skip + 8) return false;
  out.spi = load_be32(&at[skip]);
  out.sequence = load_be32(&at[skip + 4]);
  return out.spi >= 256;
}

// A quotation is cut, so its length field does not fit it and PacketView will not have it.
std::optional<Quoted> read_quoted(ByteView quoted) {
  Quoted out;
  if (quoted.size() < 20) return std::nullopt;
  if ((quoted[0] >> 4) == 4) {
    const size_t header = (quoted[0] & 15u) * 4u;
    if (header < 20 || quoted.size() < header) return std::nullopt;
    out.local = IpAddr::v4(quoted.subspan(12, 4));
    out.remote = IpAddr::v4(quoted.subspan(16, 4));
    out.octets = load_be16(&quoted[2]);
    return read_ipsec(quoted.subspan(header), quoted[9], out) ? std::optional(out) : std::nullopt;
  }
  if ((quoted[0] >> 4) != 6 || quoted.size() < 40) return std::nullopt;
  out.local = IpAddr::v6(quoted.subspan(8, 16));
  out.remote = IpAddr::v6(quoted.subspan(24, 16));
  out.octets = size_t{40} + load_be16(&quoted[4]);
  for (const uint8_t protocol : {uint8_t{50}, uint8_t{51}, uint8_t{17}}) {
    const auto place = wire::ip::find_header(quoted, protocol);
    if (place && place->at <= quoted.size() && read_ipsec(quoted.subspan(place->at), protocol, out)) return out;
  }
  return std::nullopt;
}

size_t plateau_below(size_t octets) {
  for (const uint16_t plateau : kPlateaus) {
    if (plateau < octets) return plateau;
  }
  return kSmallestV4;
}

// The MTU that the error tells; 0: it is none about size. Bounded from below.
size_t told_mtu(ByteView message, bool v4, const Quoted& quoted) {
  if (v4) {
    if (message[0] != 3 || message[1] != 4) return 0;
    const size_t mtu = load_be16(&message[6]);
    return std::max(mtu != 0 ? mtu : plateau_below(quoted.octets), kSmallestV4);
  }
  if (message[0] != 2) return 0;
  const uint32_t mtu = load_be32(&message[4]);
  return std::max<size_t>(std::min<uint32_t>(mtu, 65535), kSmallestV6);
}

}  // namespace

Verdict learn_path_mtu(Shard& shard, TimePoint now, ByteView icmp) {
  const auto view = wire::ip::PacketView::decode(icmp);
  const bool v4 = view && view->family == Family::v4;
  if (!view || view->fragment || view->flow.protocol != (v4 ? wire::ip::kIcmp : wire::ip::kIcmpv6)) {
    return Drop::icmp_not_ours;
  }
  const ByteView message = icmp.subspan(view->header_octets);
  if (message.size() < kIcmpHeader) return Drop::icmp_not_ours;
  const uint16_t sum =
      v4 ? wire::ip::checksum(message)
         : wire::ip::transport_checksum(view->flow.source, view->flow.destination, wire::ip::kIcmpv6, message);
  const auto quoted = read_quoted(message.subspan(kIcmpHeader));
  if (sum != 0 || !quoted) return Drop::icmp_not_ours;
  const size_t mtu = told_mtu(message, v4, *quoted);
  SaOutbound* sa = shard.sad.find_outbound(quoted->spi, quoted->protocol);
  // Every shard is told of every error: of those about no SA at all the first one counts.
  if (sa == nullptr && (shard.sad.number() != 0 || shard.sad.sends_elsewhere(quoted->spi, quoted->protocol))) {
    return Verdict::pass();
  }
  if (mtu == 0 || sa == nullptr) return Drop::icmp_not_ours;
  if (quoted->udp ? !sa->udp_encap : sa->udp_encap && !sa->native_too) return Drop::icmp_not_ours;
  if (sa->local.addr != quoted->local || sa->remote.addr != quoted->remote) return Drop::icmp_not_ours;
  // Who has not seen our packets does not know their numbers.
  if (static_cast<uint32_t>(sa->sequence) - quoted->sequence > kMostOnTheWay || quoted->sequence == 0) {
    return Drop::icmp_not_ours;
  }
  if (mtu >= sa->path_mtu) return Drop::icmp_no_news;
  shard.sad.learn_path_mtu(now, *sa, static_cast<uint16_t>(mtu));
  return Verdict::pass();
}

}  // namespace sallyport::ipsec
