// Which payloads a message must and may hold. RFC 7296 1.2 to 1.4; the exchange files hold the tables.
// Payload kinds that no rule names are skipped, as an unknown one without the critical bit is (RFC 7296 2.5).
// Pure functions.
#pragma once
#include <span>
#include <vector>

#include "base/result.h"
#include "wire/ike2/message.h"

namespace sallyport::ike {

struct PayloadRule {
  wire::ike::PayloadType type;
  uint8_t min;
  uint8_t max;
};

// missing_payload or unexpected_payload; detail: the payload type.
Result<> check_payloads(std::span<const PayloadRule> rules, const std::vector<wire::ike2::Payload>& payloads);

// First error notify among the payloads, if any.
const wire::ike2::NotifyPayload* error_notify(const std::vector<wire::ike2::Payload>& payloads);

// The notify that answers an error inside an exchange, where the standard has one.
std::optional<wire::ike2::NotifyType> notify_for(Errc code);

}  // namespace sallyport::ike
