// The Internet checksum.
#include "wire/ip/checksum.h"

#include <cstring>

#include "wire/ip/packet_view.h"

namespace sallyport::wire::ip {

namespace {

constexpr uint8_t kDccp = 33;
constexpr uint8_t kUdpLite = 136;

// RFC 1071 2: the sum may be built in wider words and in the machine's own octet order; folding brings it back. Four
// independent sums, so that the processor (or the compiler's vectors) can work on all of them at once.
uint64_t native_sum(const uint8_t* at, size_t octets) {
  uint64_t sums[4] = {};
  for (; octets >= 32; at += 32, octets -= 32) {
    uint32_t words[8];
    std::memcpy(words, at, sizeof words);
    for (size_t i = 0; i < 4; ++i) sums[i] += uint64_t{words[i]} + words[i + 4];
  }
  uint64_t total = 0;
  for (; octets >= 4; at += 4, octets -= 4) {
    uint32_t word = 0;
    std::memcpy(&word, at, sizeof word);
    total += word;
  }
  if (octets > 0) {
    uint32_t word = 0;  // RFC 1071 4.1: an odd octet counts as if a zero followed
    std::memcpy(&word, at, octets);
    total += word;
  }
  for (const uint64_t sum : sums) total += (sum & 0xFFFFFFFFu) + (sum >> 32);
  return total;
}

uint64_t fold_once(uint64_t total) {
  while ((total >> 16) != 0) total = (total & 0xFFFF) + (total >> 16);
  return total;
}

uint64_t sum(ByteView bytes) {
  const uint64_t folded = fold_once(native_sum(bytes.data(), bytes.size()));
  const auto native = static_cast<uint16_t>(folded);
  return load_be16(reinterpret_cast<const uint8_t*>(&native));
}

uint16_t finish(uint64_t total) { return static_cast<uint16_t>(~fold_once(total)); }

uint64_t pseudo_header(const IpAddr& source, const IpAddr& destination, uint8_t protocol, size_t octets) {
  return sum(source.bytes()) + sum(destination.bytes()) + uint64_t{protocol} + octets;
}

}  // namespace

size_t checksum_place(uint8_t protocol) {
  switch (protocol) {
    case kTcp: return 16;
    case kUdp:
    case kUdpLite:
    case kDccp: return 6;
    case kIcmpv6: return 2;
    default: return 0;
  }
}

// HC' = ~(~HC + ~m + m'), for all 16-bit words.
uint16_t changed_checksum(uint16_t checksum, ByteView before, ByteView after) {
  uint64_t total = static_cast<uint16_t>(~checksum);
  for (size_t i = 0; i + 1 < before.size() && i + 1 < after.size(); i += 2) {
    total += static_cast<uint16_t>(~load_be16(&before[i]));
    total += load_be16(&after[i]);
  }
  return finish(total);
}

uint16_t checksum(ByteView bytes) { return finish(sum(bytes)); }

uint16_t transport_checksum(const IpAddr& source, const IpAddr& destination, uint8_t protocol, ByteView segment) {
  return finish(sum(segment) + pseudo_header(source, destination, protocol, segment.size()));
}

uint16_t pseudo_header_sum(const IpAddr& source, const IpAddr& destination, uint8_t protocol, size_t octets) {
  return static_cast<uint16_t>(fold_once(pseudo_header(source, destination, protocol, octets)));
}

}  // namespace sallyport::wire::ip
