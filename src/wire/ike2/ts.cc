// Traffic Selector payload. RFC 7296 3.13.
//
//   payload:  0 number of selectors   1..3 zero   then selectors
//   selector: 0 type (7 IPv4 range, 8 IPv6 range)   1 protocol   2..3 length   4..5 first port   6..7 last port
//             8.. first address, last address
#include "wire/ike2/payloads.h"

namespace sallyport::wire::ike2 {

namespace {
constexpr size_t kMaxSelectors = 32;  // P4
constexpr uint8_t kIpv4Range = 7;
constexpr uint8_t kIpv6Range = 8;

Result<model::Selector> parse_range(uint8_t protocol, ByteView body, size_t address_octets) {
  Reader in(body);
  model::Selector out;
  out.protocol = protocol;
  SP_TRY(out.port_first, in.u16());
  SP_TRY(out.port_last, in.u16());
  SP_TRY(const ByteView first, in.view(address_octets));
  SP_TRY(const ByteView last, in.view(address_octets));
  SP_CHECK(in.expect_end());
  SP_TRY(out.first, IpAddr::from_bytes(first));
  SP_TRY(out.last, IpAddr::from_bytes(last));
  if (!out.valid()) return fail(Errc::bad_value);
  return out;
}
}  // namespace

// RFC 7296 2.9: selectors of a type we do not know are left out; a payload of none but those is a mismatch for its
// reader to see.
Result<model::Selectors> parse_ts(ByteView body) {
  Reader in(body);
  SP_TRY(const uint8_t count, in.u8());
  SP_CHECK(in.skip(3));
  if (count == 0) return fail(Errc::bad_value);
  if (count > kMaxSelectors) return fail(Errc::too_many, count);
  model::Selectors out;
  for (size_t i = 0; i < count; ++i) {
    SP_TRY(const uint8_t type, in.u8());
    SP_TRY(const uint8_t protocol, in.u8());
    SP_TRY(const uint16_t length, in.u16());
    if (length < 8) return fail(Errc::bad_length, length);
    SP_TRY(const ByteView rest, in.view(length - 4u));
    if (type != kIpv4Range && type != kIpv6Range) continue;
    SP_TRY(const model::Selector selector, parse_range(protocol, rest, type == kIpv4Range ? 4 : 16));
    out.push_back(selector);
  }
  SP_CHECK(in.expect_end());
  return out;
}

void write_ts(const model::Selectors& selectors, Writer& out) {
  out.u8(static_cast<uint8_t>(selectors.size()));
  out.zeros(3);
  for (const model::Selector& s : selectors) {
    const bool v4 = s.family() == Family::v4;
    out.u8(v4 ? kIpv4Range : kIpv6Range);
    out.u8(s.protocol);
    out.u16(v4 ? 16 : 40);
    out.u16(s.port_first);
    out.u16(s.port_last);
    out.bytes(s.first.bytes());
    out.bytes(s.last.bytes());
  }
}

}  // namespace sallyport::wire::ike2
