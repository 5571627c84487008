// The Internet checksum.
#include "wire/ip/checksum.h"

namespace sallyport::wire::ip {

static uint64_t sum(ByteView bytes, uint64_t start = 0) {
  size_t i = 0;
  for (; i + 1 < bytes.size(); i += 2) start += load_be16(bytes.data() + i);
  if (i < bytes.size()) start += uint64_t{bytes[i]} << 8;
  return start;
}

static uint16_t fold(uint64_t total) {
  while ((total >> 16) != 0) total = (total & 0xFFFF) + (total >> 16);
  return static_cast<uint16_t>(~total);
}

uint16_t checksum(ByteView bytes) { return fold(sum(bytes)); }

uint16_t transport_checksum(const IpAddr& source, const IpAddr& destination, uint8_t protocol, ByteView segment) {
  return fold(sum(segment, sum(source.bytes(), sum(destination.bytes(), uint64_t{protocol} + segment.size()))));
}

}  // namespace sallyport::wire::ip
