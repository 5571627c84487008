// Filters: conditions, an action, a weight (FWPM_FILTER0). Values.
#pragma once
#include "policy/condition.h"
#include "policy/object.h"

namespace sallyport::policy {

using FilterId = uint64_t;  // never used twice, 0: none

// FWP_ACTION_*; filters have one of the five that effective() knows.
enum class ActionType : uint32_t {
  BLOCK = 0x1001,
  PERMIT = 0x1002,
  CALLOUT_TERMINATING = 0x5003,
  CALLOUT_INSPECTION = 0x6004,
  CALLOUT_UNKNOWN = 0x4005,
  CONTINUE = 0x2006,
  NONE = 0x7,
  NONE_NO_MATCH = 0x8,
  BITMAP_INDEX_SET = 0x9,
};
std::string_view to_string(ActionType type);
inline constexpr uint32_t kActionTerminating = 0x1000;
inline constexpr uint32_t kActionCallout = 0x4000;
inline bool is_callout(ActionType type) { return static_cast<uint32_t>(type) & kActionCallout; }

struct Action {
  ActionType type = ActionType::BLOCK;
  Guid callout;  // of the callout types; otherwise the filter type, carried only
  bool operator==(const Action&) const = default;
};

struct Filter {
  static constexpr uint32_t kPersistent = 0x1;
  static constexpr uint32_t kBootTime = 0x2;
  static constexpr uint32_t kHasProviderContext = 0x4;
  static constexpr uint32_t kClearActionRight = 0x8;
  static constexpr uint32_t kPermitIfCalloutUnregistered = 0x10;
  static constexpr uint32_t kDisabled = 0x20;  // output only
  static constexpr uint32_t kIndexed = 0x40;
  static constexpr uint32_t kNoAcquireInitiate = 0x800;
  static constexpr uint32_t kKnownFlags = 0xfff;

  ObjectHead head;
  Layer layer = Layer::IPSEC_V4;
  Guid sublayer;  // zero when added: UNIVERSAL
  Value weight;   // EMPTY, UINT8 0..15 or UINT64
  Conditions conditions;
  Action action;
  uint64_t raw_context = 0;  // while kHasProviderContext is not set
  Guid provider_context;     // while it is
  // Of this program's own filters alone, neither stored nor told: a terminating callout that leaves flows which are not
  // its own to the filters below it.
  bool may_pass_on = false;
  // Set by the engine.
  FilterId id = 0;
  uint64_t effective_weight = 0;

  bool has_provider_context() const { return head.flags & kHasProviderContext; }
  bool operator==(const Filter&) const = default;
};

// The weight that counts. INVALID_WEIGHT for other types and for a UINT8 above 15. The automatic one lies in [0, 2^60):
// filters that cover less of the traffic come first. It depends on the conditions alone.
inline constexpr unsigned kAutoWeightBits = 60;
inline constexpr uint8_t kWeightRangeMax = 15;
inline constexpr uint8_t kWeightRangeIpsec = 0x0;
inline constexpr uint8_t kWeightRangeIkeExemptions = 0xc;
Outcome<uint64_t> effective_weight(const LayerInfo& layer, const Value& weight, const Conditions& conditions);
uint64_t auto_weight(const LayerInfo& layer, const Conditions& conditions);

}  // namespace sallyport::policy
