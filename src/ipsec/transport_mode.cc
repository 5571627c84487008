#include "ipsec/transport_mode.h"

#include <algorithm>

#include "wire/ip/checksum.h"
#include "wire/ip/packet_view.h"

namespace sallyport::ipsec {

namespace {

constexpr uint8_t kTtl = 64;

void copy_to(ByteView from, MutableBytes to) { std::copy(from.begin(), from.end(), to.begin()); }

}  // namespace

void prepend_plain_header(const IpAddr& source, const IpAddr& destination, uint8_t protocol, uint8_t tos,
                          PacketBuf& payload) {
  (void)payload.prepend(source.is_v6() ? 40 : 20);
  write_plain_header(source, destination, protocol, tos, payload.bytes());
}

void write_plain_header(const IpAddr& source, const IpAddr& destination, uint8_t protocol, uint8_t tos,
                        MutableBytes packet) {
  if (source.is_v6()) {
    const MutableBytes header = packet.first(40);
    store_be32(header.data(), (uint32_t{6} << 28) | (uint32_t{tos} << 20));
    store_be16(&header[4], static_cast<uint16_t>(packet.size() - header.size()));
    header[6] = protocol;
    header[7] = kTtl;
    copy_to(source.bytes(), header.subspan(8));
    copy_to(destination.bytes(), header.subspan(24));
    return;
  }
  const MutableBytes header = packet.first(20);
  std::fill(header.begin(), header.end(), uint8_t{0});
  header[0] = 0x45;
  header[1] = tos;
  store_be16(&header[2], static_cast<uint16_t>(packet.size()));
  header[6] = 0x40;  // RFC 6864 4.1: with DF set the identification needs no value
  header[8] = kTtl;
  header[9] = protocol;
  copy_to(source.bytes(), header.subspan(12));
  copy_to(destination.bytes(), header.subspan(16));
  store_be16(&header[10], wire::ip::checksum(header));
}

void repair_checksum(const model::SaSpec& spec, MutableBytes packet) {
  if (!spec.original_source && !spec.original_destination) return;
  const auto view = wire::ip::PacketView::decode(packet);
  if (!view || view->fragment) return;
  const size_t at = wire::ip::checksum_place(view->flow.protocol);
  if (at == 0 || packet.size() < view->header_octets + at + 2) return;
  uint8_t* const field = packet.data() + view->header_octets + at;
  // RFC 768: zero says that there is no UDP checksum, and nothing to repair.
  const bool udp = view->flow.protocol == wire::ip::kUdp;
  if (udp && load_be16(field) == 0) return;
  uint16_t repaired = load_be16(field);
  const IpAddr& source = view->flow.source;
  const IpAddr& destination = view->flow.destination;
  if (spec.original_source && spec.original_source->family() == source.family()) {
    repaired = wire::ip::changed_checksum(repaired, spec.original_source->bytes(), source.bytes());
  }
  if (spec.original_destination && spec.original_destination->family() == destination.family()) {
    repaired = wire::ip::changed_checksum(repaired, spec.original_destination->bytes(), destination.bytes());
  }
  store_be16(field, udp && repaired == 0 ? uint16_t{0xFFFF} : repaired);
}

}  // namespace sallyport::ipsec
