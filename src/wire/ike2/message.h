// A whole IKEv2 message: header, payload chain, limits. RFC 7296 3.1, 3.2; limits P4 to P6 of our robustness list.
// Values.
#pragma once
#include <vector>

#include "wire/ike2/payloads.h"

namespace sallyport::wire::ike2 {

using ike::ExchangeType;
using ike::IkeHeader;

struct Message {
  IkeHeader header;
  std::vector<Payload> payloads;
  bool operator==(const Message&) const = default;
};

template <class T>
const T* find(const std::vector<Payload>& payloads) {
  for (const Payload& p : payloads) {
    if (const T* found = std::get_if<T>(&p)) return found;
  }
  return nullptr;
}
template <class T>
std::vector<const T*> find_all(const std::vector<Payload>& payloads) {
  std::vector<const T*> out;
  for (const Payload& p : payloads) {
    if (const T* found = std::get_if<T>(&p)) out.push_back(found);
  }
  return out;
}
const NotifyPayload* find_notify(const std::vector<Payload>& payloads, NotifyType type);
const IdPayload* find_id(const std::vector<Payload>& payloads, bool initiator);
const TsPayload* find_ts(const std::vector<Payload>& payloads, bool initiator);

// The clear part of a datagram; SK and SKF stay sealed. Whole input consumed or an error:
// critical_payload (detail: type) for an unknown critical one, too_many past the limits, unexpected_payload for a
// second one of a kind that may stand only once, version (detail: the major one) for a major version but 2. RFC
// 7296 2.5: the critical bit of known payloads is ignored.
Result<Message> parse_message(ByteView datagram);

// What was inside SK or SKF.
Result<std::vector<Payload>> parse_payloads(PayloadType first, ByteView inner);

struct PayloadChain {
  PayloadType first = PayloadType::NONE;
  Bytes bytes;
};
// Requires: no payload body is longer than 65 531 octets, no SPI than 255, no list than its count field holds.
PayloadChain write_payloads(const std::vector<Payload>& payloads);
Bytes write_message(const Message& message);  // next payload and length are filled in

}  // namespace sallyport::wire::ike2
