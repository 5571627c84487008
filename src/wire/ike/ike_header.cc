// IKE header codec. RFC 7296 3.1.
//
//   octets  0..7   IKE SA Initiator's SPI
//           8..15  IKE SA Responder's SPI
//          16 next payload   17 major|minor   18 exchange type   19 flags: ..RVI... (R 0x20, V 0x10, I 0x08)
//          20..23  message ID
//          24..27  length of the whole message
#include "wire/ike/ike_header.h"

namespace sallyport::wire::ike {

namespace {
constexpr uint8_t kInitiator = 0x08;
constexpr uint8_t kVersion = 0x10;
constexpr uint8_t kResponse = 0x20;
}  // namespace

std::string_view to_string(ExchangeType type) {
#define SP_EXCHANGE(name, number, reference) \
  if (type == ExchangeType::name) return #name;
#include "proto/ikev2.def"
  return "unknown exchange";
}

std::string_view to_string(PayloadType type) {
  if (type == PayloadType::NONE) return "none";
#define SP_PAYLOAD(name, number, reference) \
  if (type == PayloadType::name) return #name;
#include "proto/ikev2.def"
  return "unknown payload";
}

Result<IkeHeader> parse_header(ByteView datagram) {
  Reader in(datagram);
  IkeHeader out;
  SP_TRY(out.spi_i, in.u64());
  SP_TRY(out.spi_r, in.u64());
  SP_TRY(const uint8_t next, in.u8());
  SP_TRY(const uint8_t version, in.u8());
  SP_TRY(const uint8_t exchange, in.u8());
  SP_TRY(const uint8_t flags, in.u8());
  SP_TRY(out.message_id, in.u32());
  SP_TRY(out.length, in.u32());
  out.next = static_cast<PayloadType>(next);
  out.major = version >> 4;
  out.minor = version & 0x0F;
  out.exchange = static_cast<ExchangeType>(exchange);
  out.initiator_flag = (flags & kInitiator) != 0;
  out.version_flag = (flags & kVersion) != 0;
  out.response_flag = (flags & kResponse) != 0;
  if (out.length != datagram.size()) return fail(Errc::bad_length, out.length);
  return out;
}

void write_header(const IkeHeader& header, Writer& out) {
  out.u64(header.spi_i);
  out.u64(header.spi_r);
  out.u8(static_cast<uint8_t>(header.next));
  out.u8(static_cast<uint8_t>((header.major << 4) | (header.minor & 0x0F)));
  out.u8(static_cast<uint8_t>(header.exchange));
  out.u8(static_cast<uint8_t>((header.initiator_flag ? kInitiator : 0) | (header.version_flag ? kVersion : 0) |
                              (header.response_flag ? kResponse : 0)));
  out.u32(header.message_id);
  out.u32(header.length);
}

}  // namespace sallyport::wire::ike
