#include "ipsec/outer_header.h"

#include <algorithm>

#include "wire/ip/checksum.h"

namespace sallyport::ipsec {

namespace {
constexpr uint8_t kOuterTtl = 64;
void copy_to(ByteView from, MutableBytes to) { std::copy(from.begin(), from.end(), to.begin()); }
}  // namespace

bool outer_df_of(const SaOutbound& sa, bool inner_df, bool fits) {
  if (!fits) return false;
  switch (sa.df) {
    case model::PacketShape::Df::copy: return inner_df;
    case model::PacketShape::Df::set: return true;
    case model::PacketShape::Df::clear: return false;
  }
  return false;
}

void write_outer(const SaOutbound& sa, uint8_t protocol, uint8_t tos, bool dont_fragment, size_t payload,
                 MutableBytes header) {
  std::fill(header.begin(), header.end(), uint8_t{0});
  if (header.size() == 40) {
    store_be32(header.data(), (uint32_t{6} << 28) | (uint32_t{tos} << 20));
    store_be16(header.data() + 4, static_cast<uint16_t>(payload));
    header[6] = protocol;
    header[7] = kOuterTtl;
    copy_to(sa.local.addr.bytes(), header.subspan(8));
    copy_to(sa.remote.addr.bytes(), header.subspan(24));
    return;
  }
  header[0] = 0x45;
  header[1] = tos;
  store_be16(header.data() + 2, static_cast<uint16_t>(20 + payload));
  store_be16(header.data() + 4, identification_of(sa));
  if (dont_fragment) header[6] = 0x40;
  header[8] = kOuterTtl;
  header[9] = protocol;
  copy_to(sa.local.addr.bytes(), header.subspan(12));
  copy_to(sa.remote.addr.bytes(), header.subspan(16));
  store_be16(header.data() + 10, wire::ip::checksum(header));
}

}  // namespace sallyport::ipsec
