// Values between the C interface and the engine: GUIDs, text, blobs, FWP_VALUE0, conditions, security descriptors.
// What a caller hands in is checked here for what only it can get wrong: missing pointers (NULL_POINTER), numbers
// outside enumerations (INVALID_ENUMERATOR), text that is none (ERROR_INVALID_PARAMETER). Any thread.
#pragma once
#include <sallyport/windows/fwpmtypes.h>

#include "api/windows/arena.h"
#include "policy/condition.h"
#include "policy/object.h"

namespace sallyport::api::windows {

using policy::Fwp;
using policy::Outcome;
using policy::refuse;

inline constexpr uint32_t kMostOctets = 1u << 20;    // of one blob
inline constexpr uint32_t kMostElements = 1u << 16;  // of one array

// An enumeration as the number it is.
template <class E>
uint32_t raw(E value) {
  return static_cast<uint32_t>(value);
}

// `count` elements have to be there: NULL_POINTER, and ERROR_INVALID_PARAMETER for more than any call carries.
Outcome<> check_array(const void* at, uint32_t count);

policy::Guid take(const GUID& guid);
std::optional<policy::Guid> take(const GUID* guid);
GUID give(const policy::Guid& guid);
GUID* give(Arena& arena, const std::optional<policy::Guid>& guid);

Outcome<std::string> take(const wchar_t* text);      // NULL: empty
wchar_t* give(Arena& arena, std::string_view text);  // empty: NULL
Outcome<Bytes> take(const FWP_BYTE_BLOB& blob);
FWP_BYTE_BLOB give(Arena& arena, ByteView octets);

Outcome<policy::DisplayData> take(const FWPM_DISPLAY_DATA0& display);
FWPM_DISPLAY_DATA0 give(Arena& arena, const policy::DisplayData& display);

Outcome<policy::Value> take(const FWP_VALUE0& value);
FWP_VALUE0 give(Arena& arena, const policy::Value& value);
Outcome<policy::ConditionValue> take(const FWP_CONDITION_VALUE0& value);
FWP_CONDITION_VALUE0 give(Arena& arena, const policy::ConditionValue& value);
Outcome<policy::Conditions> take(const FWPM_FILTER_CONDITION0* conditions, uint32_t count);
FWPM_FILTER_CONDITION0* give(Arena& arena, const policy::Conditions& conditions);

Outcome<Bytes> take_sid(const void* sid);
SID* give_sid(Arena& arena, ByteView binary);
// Absolute or self-relative; NULL: nothing, which means the container's.
Outcome<std::shared_ptr<const policy::SecurityDescriptor>> take_descriptor(const void* descriptor);

}  // namespace sallyport::api::windows
