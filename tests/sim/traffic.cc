// UDP packets whose payload is mark, number, noise.
#include "sim/traffic.h"

#include <algorithm>

#include "wire/ip/build.h"

namespace sallyport::sim {

namespace {
constexpr std::string_view kMark = "sallyport-inner";
constexpr size_t kHeaders = 28;  // IPv4 and UDP

IpAddr inner(bool east, unsigned lan) { return IpAddr::v4((east ? 0x0a010001 : 0x0a020001) + (lan << 8)); }
}  // namespace

Bytes Traffic::payload(uint64_t number, size_t octets) {
  Bytes out(std::max(octets, kMark.size() + 8));
  for (uint8_t& octet : out) octet = static_cast<uint8_t>(dice_.next());
  std::copy(kMark.begin(), kMark.end(), out.begin());
  store_be64(out.data() + kMark.size(), number);
  return out;
}

Bytes Traffic::make(bool from_east, unsigned lan, size_t octets) {
  const uint64_t number = sent_.size();
  Bytes packet = wire::ip::udp_packet({inner(from_east, lan), static_cast<uint16_t>(1024 + number % 1000)},
                                      {inner(!from_east, lan), 9}, payload(number, octets));
  sent_.push_back({from_east, false, false, packet});
  return packet;
}

Bytes Traffic::make_foreign(bool from_east) {
  const uint64_t number = sent_.size();
  Bytes packet = wire::ip::udp_packet({inner(from_east, 0), 53}, {IpAddr::v4(0x0a090909), 53}, payload(number, 64));
  sent_.push_back({from_east, true, false, packet});
  return packet;
}

std::string Traffic::judge(bool at_east, ByteView packet) {
  if (packet.size() < kHeaders + kMark.size() + 8) return "a packet nobody sent came out of the tunnel";
  const uint64_t number = load_be64(packet.data() + kHeaders + kMark.size());
  if (number >= sent_.size()) return "a packet nobody sent came out of the tunnel";
  Sent& sent = sent_[number];
  const std::string name = "inner packet " + std::to_string(number);
  if (sent.foreign) return name + " was delivered though no policy covers it";
  if (sent.from_east == at_east) return name + " came back to its sender";
  if (!equal(sent.packet, packet)) return name + " was altered";
  if (sent.arrived) return name + " was delivered twice";
  sent.arrived = true;
  ++delivered_[at_east ? 1 : 0];
  return {};
}

bool Traffic::shows(ByteView wire) {
  const ByteView mark = as_bytes(kMark);
  return std::search(wire.begin(), wire.end(), mark.begin(), mark.end()) != wire.end();
}

}  // namespace sallyport::sim
