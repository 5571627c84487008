#include "wire/ip/fragment_cutter.h"

#include <algorithm>

#include "wire/ip/ext_headers.h"

namespace sallyport::wire::ip {

namespace {

constexpr uint8_t kFragment = 44;
constexpr uint8_t kNoOperation = 1;

// RFC 791 3.1: options without the copied flag are in the first fragment alone. Their places keep the header's length.
void blank_uncopied_options(MutableBytes header) {
  size_t at = 20;
  while (at < header.size() && header[at] != 0) {
    if (header[at] == kNoOperation) {
      ++at;
      continue;
    }
    const size_t octets = at + 1 < header.size() ? header[at + 1] : 0;
    if (octets < 2 || at + octets > header.size()) return;
    if ((header[at] & 0x80) == 0) {
      const MutableBytes option = header.subspan(at, octets);
      std::fill(option.begin(), option.end(), kNoOperation);
    }
    at += octets;
  }
}

}  // namespace

FragmentCutter::FragmentCutter(ByteView packet, size_t mtu, uint32_t identification)
    : packet_(packet), identification_(identification) {
  const auto place = transport_place(packet);
  if (!place) return;
  v4_ = (packet[0] >> 4) == 4;
  header_octets_ = place->at;
  next_header_at_ = place->next_header_at;
  protocol_ = place->protocol;
  const size_t around = header_octets_ + (v4_ ? 0 : 8);
  if (mtu < around + 8) return;
  most_ = (mtu - around) / 8 * 8;
}

bool FragmentCutter::next(PacketBuf& piece) {
  if (most_ == 0 || header_octets_ + offset_ >= packet_.size()) return false;
  const size_t left = packet_.size() - header_octets_ - offset_;
  const size_t taken = std::min(left, most_);
  const size_t around = header_octets_ + (v4_ ? 0 : 8);
  piece.reserve(around + taken);
  const MutableBytes out = piece.append(around + taken);
  std::copy_n(packet_.begin(), header_octets_, out.begin());
  std::copy_n(packet_.begin() + static_cast<std::ptrdiff_t>(header_octets_ + offset_), taken,
              out.begin() + static_cast<std::ptrdiff_t>(around));
  const bool more = taken < left;
  if (v4_) {
    write_v4(out, more);
  } else {
    write_v6(out, more);
  }
  finish_ip_header(out);
  offset_ += taken;
  return true;
}

void FragmentCutter::write_v4(MutableBytes out, bool more) const {
  // The packet may be a fragment itself; its own offset and more-fragments flag carry on.
  const uint16_t was = load_be16(packet_.data() + 6);
  const bool flag = more || (was & 0x2000) != 0;
  store_be16(out.data() + 6, static_cast<uint16_t>((flag ? 0x2000 : 0) | ((was & 0x1FFF) + offset_ / 8)));
  if (offset_ != 0) blank_uncopied_options(out.first(header_octets_));
}

void FragmentCutter::write_v6(MutableBytes out, bool more) const {
  out[next_header_at_] = kFragment;
  const MutableBytes header = out.subspan(header_octets_, 8);
  header[0] = protocol_;
  header[1] = 0;
  store_be16(&header[2], static_cast<uint16_t>(offset_ | (more ? 1 : 0)));
  store_be32(&header[4], identification_);
}

}  // namespace sallyport::wire::ip
