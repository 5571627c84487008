#include "wire/ip/ext_headers.h"

#include "wire/ip/checksum.h"

namespace sallyport::wire::ip {

namespace {

constexpr uint8_t kHopByHop = 0;
constexpr uint8_t kRouting = 43;
constexpr uint8_t kFragment = 44;
constexpr uint8_t kDestinationOptions = 60;
constexpr int kMaxExtensionHeaders = 16;  // P11: work bounded whatever the packet says

bool is_extension(uint8_t protocol) {
  return protocol == kHopByHop || protocol == kRouting || protocol == kFragment || protocol == kDestinationOptions;
}

Result<HeaderPlace> after_base(ByteView p) {
  if (p.empty()) return fail(Errc::truncated);
  const unsigned version = p[0] >> 4;
  if (version == 4) {
    if (p.size() < 20) return fail(Errc::truncated);
    const size_t header = (p[0] & 15u) * 4u;
    if (header < 20 || header > p.size()) return fail(Errc::bad_length);
    return HeaderPlace{header, 9, p[9]};
  }
  if (version != 6) return fail(Errc::bad_value, version);
  if (p.size() < 40) return fail(Errc::truncated);
  return HeaderPlace{40, 6, p[6]};
}

// The header behind the extension header at `place`.
Result<HeaderPlace> step(ByteView p, const HeaderPlace& place) {
  if (p.size() < place.at + 8) return fail(Errc::truncated);
  const size_t octets = place.protocol == kFragment ? 8 : (p[place.at + 1] + 1u) * 8u;
  if (p.size() < place.at + octets) return fail(Errc::truncated);
  return HeaderPlace{place.at + octets, place.at, p[place.at]};
}

}  // namespace

Result<HeaderPlace> transport_place(ByteView packet) {
  SP_TRY(HeaderPlace place, after_base(packet));
  if ((packet[0] >> 4) == 4) return place;
  HeaderPlace best = place;
  for (int i = 0; i < kMaxExtensionHeaders; ++i) {
    if (!is_extension(place.protocol)) return best;
    const bool for_the_end = place.protocol == kDestinationOptions;
    SP_TRY(place, step(packet, place));
    // RFC 4303 3.1.1: destination options stay behind unless a routing header shows that others read them as well.
    if (!for_the_end) best = place;
  }
  return fail(Errc::too_many, kMaxExtensionHeaders);
}

Result<HeaderPlace> find_header(ByteView packet, uint8_t protocol) {
  SP_TRY(HeaderPlace place, after_base(packet));
  for (int i = 0; i < kMaxExtensionHeaders; ++i) {
    if (place.protocol == protocol) return place;
    if ((packet[0] >> 4) == 4 || !is_extension(place.protocol)) return fail(Errc::not_found, place.protocol);
    SP_TRY(place, step(packet, place));
  }
  return fail(Errc::too_many, kMaxExtensionHeaders);
}

std::optional<HeaderPlace> fragment_header(ByteView packet) {
  if (packet.empty() || (packet[0] >> 4) != 6) return std::nullopt;
  const auto place = find_header(packet, kFragment);
  if (!place || packet.size() < place->at + 8) return std::nullopt;
  return *place;
}

void finish_ip_header(MutableBytes packet) {
  if ((packet[0] >> 4) == 6) {
    store_be16(packet.data() + 4, static_cast<uint16_t>(packet.size() - 40));
    return;
  }
  store_be16(packet.data() + 2, static_cast<uint16_t>(packet.size()));
  store_be16(packet.data() + 10, 0);
  store_be16(packet.data() + 10, checksum(packet.first((packet[0] & 15u) * 4u)));
}

}  // namespace sallyport::wire::ip
