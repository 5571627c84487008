// Rows of the exchange files: in this state, this message, those payloads: do that. House §8. RFC 7296 1.2 to 1.5.
// No row: the message is refused. Pure.
#pragma once
#include <span>

#include "ike/exchange_rules.h"
#include "ike/v2/ike_sa.h"

namespace sallyport::ike::v2 {

enum class Role : uint8_t { initiator, responder };  // of the exchange

struct Row {
  IkeState from;
  Role role;
  std::span<const PayloadRule> payloads;
  void (*apply)(IkeSa&, TimePoint, const wire::ike2::Message&);
  IkeState to;  // where the story ends when all goes well
  std::string_view story;
};

// Takes the first row for the state and role. Errc::state: none. missing_payload, unexpected_payload: its rules are
// broken, nothing was applied.
Result<> take_row(std::span<const Row> rows, Role role, IkeSa& sa, TimePoint now, const wire::ike2::Message& message);

}  // namespace sallyport::ike::v2
