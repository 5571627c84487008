// Traffic selector narrowing. RFC 7296 2.9. Pure functions.
#pragma once
#include "model/selector.h"

namespace sallyport::ike::v2 {

// What both sides allow: our policy cut down to what the peer asks for. Empty: nothing in common.
// The peer's first selector, which may be the packet that started it all, comes first where our policy has room for it.
model::Selectors narrow(const model::Selectors& policy, const model::Selectors& asked);

}  // namespace sallyport::ike::v2
