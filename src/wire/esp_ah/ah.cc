#include "wire/esp_ah/ah.h"

#include <algorithm>

namespace sallyport::wire {

namespace {

constexpr uint8_t kHopByHop = 0;
constexpr uint8_t kRouting = 43;
constexpr uint8_t kDestinationOptions = 60;

// RFC 4302 A1: these IPv4 options arrive as they were sent; every other one is zeroed, known or not.
bool immutable_v4(uint8_t option) {
  switch (option) {
    case 0:    // end of options
    case 1:    // no operation
    case 130:  // security
    case 133:  // extended security
    case 134:  // commercial security
    case 148:  // router alert
    case 149:  // sender directed multi-destination delivery
      return true;
    default: return false;
  }
}

void zero(MutableBytes octets) { std::fill(octets.begin(), octets.end(), uint8_t{0}); }

// RFC 4302 3.3.3.1.1: with a source route still to be followed the packet arrives at the last address of the route.
void predict_destination_v4(MutableBytes option, MutableBytes destination) {
  const size_t pointer = option[2];
  if (option.size() < 7 || (option.size() - 3) % 4 != 0 || pointer < 4 || pointer > option.size()) return;
  const MutableBytes last = option.last(4);
  std::copy(last.begin(), last.end(), destination.begin());
}

Result<> mute_options_v4(MutableBytes header) {
  size_t at = 20;
  while (at < header.size()) {
    const uint8_t type = header[at];
    if (type == 0) return {};  // what follows the end of the list is padding and immutable
    if (type == 1) {
      ++at;
      continue;
    }
    if (at + 2 > header.size()) return fail(Errc::truncated);
    const size_t octets = header[at + 1];
    if (octets < 2 || at + octets > header.size()) return fail(Errc::bad_length, type);
    const MutableBytes option = header.subspan(at, octets);
    if ((type == 131 || type == 137) && octets >= 3) predict_destination_v4(option, header.subspan(16, 4));
    if (!immutable_v4(type)) zero(option);
    at += octets;
  }
  return {};
}

Result<> mute_v4(MutableBytes header) {
  if (header.size() < 20 || header.size() != (header[0] & 15u) * 4u) return fail(Errc::bad_length);
  header[1] = 0;               // DSCP and ECN
  zero(header.subspan(6, 3));  // flags, fragment offset, TTL
  zero(header.subspan(10, 2));
  return mute_options_v4(header);
}

// RFC 4302 3.3.3.1.2.2: the third bit of an option's type says that its data may change on the way.
Result<> mute_options_v6(MutableBytes options) {
  size_t at = 0;
  while (at < options.size()) {
    if (options[at] == 0) {  // Pad1
      ++at;
      continue;
    }
    if (at + 2 > options.size()) return fail(Errc::truncated);
    const size_t octets = options[at + 1];
    if (at + 2 + octets > options.size()) return fail(Errc::bad_length, options[at]);
    if ((options[at] & 0x20) != 0) zero(options.subspan(at + 2, octets));
    at += 2 + octets;
  }
  return {};
}

// RFC 4302 A2: a routing header goes into the ICV as the receiver gets it. Types 0 and 2 exchange the destination with
// the addresses one after the other; of other types only those that are at their end can be foretold.
Result<> predict_route(MutableBytes routing, MutableBytes destination) {
  const uint8_t type = routing[2];
  const size_t left = routing[3];
  if (left == 0) return {};
  const size_t addresses = (routing.size() - 8) / 16;
  if ((type != 0 && type != 2) || left > addresses) return fail(Errc::unsupported, type);
  for (size_t i = addresses - left; i < addresses; ++i) {
    const MutableBytes next = routing.subspan(8 + 16 * i, 16);
    std::swap_ranges(next.begin(), next.end(), destination.begin());
  }
  routing[3] = 0;
  return {};
}

Result<> mute_v6(MutableBytes headers) {
  if (headers.size() < 40) return fail(Errc::truncated);
  headers[0] = 0x60;
  zero(headers.subspan(1, 3));  // traffic class, flow label
  headers[7] = 0;               // hop limit
  uint8_t protocol = headers[6];
  size_t at = 40;
  while (at < headers.size()) {
    if (headers.size() < at + 8) return fail(Errc::truncated);
    const size_t octets = (headers[at + 1] + 1u) * 8u;
    if (headers.size() < at + octets) return fail(Errc::truncated);
    const MutableBytes header = headers.subspan(at, octets);
    if (protocol == kRouting) {
      SP_CHECK(predict_route(header, headers.subspan(24, 16)));
    } else if (protocol == kHopByHop || protocol == kDestinationOptions) {
      SP_CHECK(mute_options_v6(header.subspan(2)));
    } else {
      return fail(Errc::unsupported, protocol);
    }
    protocol = header[0];
    at += octets;
  }
  return {};
}

}  // namespace

Result<AhHeader> parse_ah(ByteView packet) {
  if (packet.size() < kAhFixedOctets) return fail(Errc::truncated);
  AhHeader out;
  out.next_header = packet[0];
  // RFC 4302 2.2: the length counts 32-bit words less two.
  out.octets = (packet[1] + 2u) * 4u;
  if (out.octets < kAhFixedOctets) return fail(Errc::bad_length, packet[1]);
  if (out.octets > packet.size()) return fail(Errc::truncated);
  out.spi = load_be32(&packet[4]);
  out.sequence = load_be32(&packet[8]);
  out.icv = packet.subspan(kAhFixedOctets, out.octets - kAhFixedOctets);
  return out;
}

void write_ah(MutableBytes to, uint8_t next_header, uint32_t spi, uint32_t sequence) {
  to[0] = next_header;
  to[1] = static_cast<uint8_t>(to.size() / 4 - 2);
  to[2] = 0;
  to[3] = 0;
  store_be32(&to[4], spi);
  store_be32(&to[8], sequence);
  zero(to.subspan(kAhFixedOctets));
}

Result<> mute_headers(MutableBytes headers) {
  if (headers.empty()) return fail(Errc::truncated);
  switch (headers[0] >> 4) {
    case 4: return mute_v4(headers);
    case 6: return mute_v6(headers);
    default: return fail(Errc::bad_value, headers[0] >> 4);
  }
}

}  // namespace sallyport::wire
