// Conditions of filters: what a field is compared with and how (FWPM_FILTER_CONDITION0). Conditions on different fields
// all have to hold, of several on one field any. Values; any thread.
#pragma once
#include <vector>

#include "policy/layer.h"

namespace sallyport::policy {

enum class MatchType : uint32_t {
  EQUAL = 0,
  GREATER = 1,
  LESS = 2,
  GREATER_OR_EQUAL = 3,
  LESS_OR_EQUAL = 4,
  RANGE = 5,
  FLAGS_ALL_SET = 6,
  FLAGS_ANY_SET = 7,
  FLAGS_NONE_SET = 8,
  EQUAL_CASE_INSENSITIVE = 9,
  NOT_EQUAL = 10,
  PREFIX = 11,
  NOT_PREFIX = 12,
};
inline constexpr uint32_t kMatchTypeCount = 13;
std::string_view to_string(MatchType match);

// FWP_ACTRL_MATCH_FILTER: the right that a security descriptor in a condition has to grant to the party's token.
inline constexpr uint32_t kActrlMatchFilter = 0x1;

struct Condition {
  Field field = Field::FLAGS;
  MatchType match = MatchType::EQUAL;
  ConditionValue value;
  std::string to_string() const;
  bool operator==(const Condition&) const = default;
};
using Conditions = std::vector<Condition>;

// Refuses what could never be evaluated: CONDITION_NOT_FOUND (field not at this layer), INVALID_ENUMERATOR,
// TYPE_MISMATCH, MATCH_TYPE_MISMATCH, INVALID_RANGE, INVALID_NET_MASK, INVALID_SECURITY_DESCR. In a template
// (`for_enumeration`) an identity may also be compared with a SID.
Outcome<> check_condition(const LayerInfo& layer, const Condition& condition, bool for_enumeration = false);
// Each of them; the refusal's index says which. Several on one field are alternatives, so DUPLICATE_CONDITION never
// comes.
Outcome<> check_conditions(const LayerInfo& layer, const Conditions& conditions, bool for_enumeration = false);

}  // namespace sallyport::policy
