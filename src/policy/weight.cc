// Weights. The automatic algorithm is our own: the sum of how much each field narrows, in bits, then the number of
// fields asked, then a fixed order of fields. The range that a UINT8 names stands above all of it.
//   bits 59..44 narrowed bits, in quarters | 43..36 fields asked | 35..0 the fields, one bit each by their order of
//   importance
#include <algorithm>
#include <cmath>

#include "policy/filter.h"

namespace sallyport::policy {
namespace {

constexpr unsigned kQuarter = 4;

// Fields in the order in which they break ties; the rest share the last place.
constexpr Field kImportance[] = {Field::ALE_REMOTE_MACHINE_ID,
                                 Field::ALE_REMOTE_USER_ID,
                                 Field::REMOTE_ID,
                                 Field::ALE_USER_ID,
                                 Field::ALE_APP_ID,
                                 Field::IP_REMOTE_ADDRESS,
                                 Field::IP_DESTINATION_ADDRESS,
                                 Field::IP_LOCAL_ADDRESS,
                                 Field::IP_SOURCE_ADDRESS,
                                 Field::IP_LOCAL_PORT,
                                 Field::IP_REMOTE_PORT,
                                 Field::IP_PROTOCOL,
                                 Field::IP_LOCAL_ADDRESS_TYPE};
constexpr unsigned kTieBits = 36;

uint64_t tie_bit(Field field) {
  const auto* at = std::find(std::begin(kImportance), std::end(kImportance), field);
  return at == std::end(kImportance) ? 1 : uint64_t{1} << (kTieBits - 1 - static_cast<unsigned>(at - kImportance));
}

// Octets, text and identities say as much as an exact number of this width.
constexpr unsigned kOpaqueBits = 64;

// By how many quarter bits one condition narrows its field.
unsigned narrowed(DataType type, const Condition& condition) {
  const unsigned width = std::max(width_of(type), width_of(type) ? 0u : kOpaqueBits);
  const unsigned whole = width * kQuarter;
  switch (condition.match) {
    case MatchType::EQUAL:
      if (const auto* v4 = std::get_if<V4AddrMask>(&condition.value.held))
        return kQuarter * significant_bits({0, uint32_t(~v4->mask)}) > whole
                   ? 0
                   : whole - kQuarter * significant_bits({0, uint32_t(~v4->mask)});
      if (const auto* v6 = std::get_if<V6AddrMask>(&condition.value.held)) return v6->prefix_length * kQuarter;
      return whole;
    case MatchType::EQUAL_CASE_INSENSITIVE: return whole;
    case MatchType::RANGE: {
      const Range& range = std::get<Range>(condition.value.held);
      const auto low = numeric_key(range.low), high = numeric_key(range.high);
      if (!low || !high) return whole / 2;
      const U128 span = minus(*high, *low);  // zero: one value
      return whole - std::min(whole, kQuarter * significant_bits(span));
    }
    case MatchType::GREATER:
    case MatchType::LESS:
    case MatchType::GREATER_OR_EQUAL:
    case MatchType::LESS_OR_EQUAL: return kQuarter;
    case MatchType::FLAGS_ALL_SET:
    case MatchType::FLAGS_ANY_SET:
    case MatchType::FLAGS_NONE_SET: return kQuarter;
    case MatchType::PREFIX: return whole / 2;
    case MatchType::NOT_EQUAL:
    case MatchType::NOT_PREFIX: return 1;
  }
  return 0;
}

}  // namespace

uint64_t auto_weight(const LayerInfo& layer, const Conditions& conditions) {
  // Alternatives on one field together narrow as the widest of them.
  unsigned by_field[kFieldCount] = {};
  bool asked[kFieldCount] = {};
  for (const Condition& condition : conditions) {
    const auto f = static_cast<size_t>(condition.field);
    const unsigned quarters = narrowed(data_type(layer, condition.field), condition);
    by_field[f] = asked[f] ? std::min(by_field[f], quarters) : quarters;
    asked[f] = true;
  }
  uint64_t quarters = 0, count = 0, ties = 0;
  for (size_t f = 0; f < kFieldCount; ++f) {
    if (!asked[f]) continue;
    quarters += by_field[f];
    ++count;
    ties |= tie_bit(static_cast<Field>(f));
  }
  return std::min<uint64_t>(quarters, 0xffff) << 44 | std::min<uint64_t>(count, 0xff) << kTieBits | ties;
}

Outcome<uint64_t> effective_weight(const LayerInfo& layer, const Value& weight, const Conditions& conditions) {
  if (const auto* exact = weight.as<uint64_t>()) return *exact;
  if (weight.is_empty()) return auto_weight(layer, conditions);
  const auto* range = weight.as<uint8_t>();
  if (!range || *range > kWeightRangeMax) return refuse(Fwp::INVALID_WEIGHT);
  return uint64_t{*range} << kAutoWeightBits | auto_weight(layer, conditions);
}

}  // namespace sallyport::policy
