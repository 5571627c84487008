// Payload presence, and the one map from an error to its notify. RFC 7296 2.21, 3.10.1.
#include "ike/exchange_rules.h"

#include <algorithm>

namespace sallyport::ike {

using namespace wire::ike2;

Result<> check_payloads(std::span<const PayloadRule> rules, const std::vector<Payload>& payloads) {
  for (const PayloadRule& rule : rules) {
    const auto count =
        std::count_if(payloads.begin(), payloads.end(), [&](const Payload& p) { return type_of(p) == rule.type; });
    if (count < rule.min) return fail(Errc::missing_payload, static_cast<uint32_t>(rule.type));
    if (count > rule.max) return fail(Errc::unexpected_payload, static_cast<uint32_t>(rule.type));
  }
  return {};
}

const NotifyPayload* error_notify(const std::vector<Payload>& payloads) {
  for (const Payload& p : payloads) {
    const auto* notify = std::get_if<NotifyPayload>(&p);
    if (notify && is_error(notify->type)) return notify;
  }
  return nullptr;
}

std::optional<NotifyType> notify_for(Errc code) {
  switch (code) {
    case Errc::authentication_failed:
    case Errc::bad_certificate: return NotifyType::AUTHENTICATION_FAILED;
    case Errc::critical_payload: return NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD;
    case Errc::no_proposal_chosen:
    case Errc::unsupported:
    case Errc::algorithm_refused: return NotifyType::NO_PROPOSAL_CHOSEN;
    case Errc::ts_unacceptable: return NotifyType::TS_UNACCEPTABLE;
    case Errc::version: return NotifyType::INVALID_MAJOR_VERSION;
    case Errc::bad_length:
    case Errc::bad_public_value:
    case Errc::bad_value:
    case Errc::missing_payload:
    case Errc::too_many:
    case Errc::trailing_bytes:
    case Errc::truncated:
    case Errc::unexpected_payload: return NotifyType::INVALID_SYNTAX;
    case Errc::bad_config:
    case Errc::bad_key:
    case Errc::bad_tag:
    case Errc::conflict:
    case Errc::io:
    case Errc::limit:
    case Errc::not_found:
    case Errc::permission:
    case Errc::state:
    case Errc::timeout: return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace sallyport::ike
