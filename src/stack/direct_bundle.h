// What a direct SA's bundle holds besides its first SA: AH around ESP, as an SA of its own between the two hosts
// (nested, RFC 4301 appendix E), whose packets are those of the ESP SA alone. Pure.
#pragma once
#include "policy/sa_context.h"
#include "stack/messages.h"

namespace sallyport::stack {

// One SA, or ESP and then AH. ZERO_LENGTH_ARRAY, INVALID_FLAGS, WIN32_INVALID_PARAMETER (more than two),
// INVALID_TRANSFORM_COMBINATION; NOT_SUPPORTED for two of one SPI: the data plane tells SAs apart by their SPI alone.
policy::Outcome<> check_bundle(const policy::SaBundle& bundle);

// The second one's part: its number among SAs is the first's with this bit.
inline constexpr model::ChildId kAroundBit = model::ChildId{1} << 62;

// The AH SA around `inside`, without its outbound half. INVALID_AUTH_TRANSFORM, WIN32_INVALID_PARAMETER (length of the
// key). UDP encapsulation is INVALID_TRANSFORM_COMBINATION: RFC 3948 1 has no AH in it.
policy::Outcome<InstallSa> sa_around(const model::SaSpec& inside, const policy::SaMaterial& ah);

}  // namespace sallyport::stack
