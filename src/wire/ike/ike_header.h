// The IKE header and the registries all IKE versions share it with. RFC 7296 3.1. Values; any thread.
#pragma once
#include <string_view>

#include "base/bytes.h"
#include "model/ids.h"

namespace sallyport::wire::ike {

enum class ExchangeType : uint8_t {
#define SP_EXCHANGE(name, number, reference) name = number,
#include "proto/ikev2.def"
};
enum class PayloadType : uint8_t {
  NONE = 0,
#define SP_PAYLOAD(name, number, reference) name = number,
#include "proto/ikev2.def"
};

std::string_view to_string(ExchangeType type);
std::string_view to_string(PayloadType type);

inline constexpr size_t kHeaderOctets = 28;
inline constexpr size_t kLengthOffset = 24;

struct IkeHeader {
  model::IkeSpi spi_i = 0;
  model::IkeSpi spi_r = 0;
  PayloadType next = PayloadType::NONE;
  uint8_t major = 2;
  uint8_t minor = 0;
  ExchangeType exchange = ExchangeType::INFORMATIONAL;
  bool initiator_flag = false;  // sent by the original initiator of the IKE SA
  bool version_flag = false;    // the sender could speak a higher version
  bool response_flag = false;
  model::MessageId message_id = 0;
  uint32_t length = 0;
  bool operator==(const IkeHeader&) const = default;
};

// Lengths only, no opinion on version or exchange. truncated: shorter than a header. bad_length: the length field is
// not the datagram's (P2).
Result<IkeHeader> parse_header(ByteView datagram);
void write_header(const IkeHeader& header, Writer& out);

}  // namespace sallyport::wire::ike
