// The rules of conditions: which match type suits which type of field, and which values suit which field.
#include "policy/condition.h"

#include <bit>
#include <optional>

#include "policy/app_id.h"
#include "policy/sid.h"

namespace sallyport::policy {
namespace {

constexpr std::string_view kMatchNames[] = {
    "EQUAL",     "GREATER",       "LESS",          "GREATER_OR_EQUAL", "LESS_OR_EQUAL",
    "RANGE",     "FLAGS_ALL_SET", "FLAGS_ANY_SET", "FLAGS_NONE_SET",   "EQUAL_CASE_INSENSITIVE",
    "NOT_EQUAL", "PREFIX",        "NOT_PREFIX"};

// Kinds of field types that match types distinguish.
enum Kind : uint8_t { kUnsigned = 1, kSigned = 2, kArray = 4, kBlob = 8, kText = 16, kOther = 32 };
constexpr uint8_t kAny = 0xff;
constexpr uint8_t kOrdered = kUnsigned | kSigned | kArray | kBlob | kText;

// In the order of MatchType.
constexpr uint8_t kSuits[kMatchTypeCount] = {kAny,     kOrdered,      kOrdered,     kOrdered,  kOrdered,
                                             kOrdered, kUnsigned,     kUnsigned,    kUnsigned, kText,
                                             kOrdered, kBlob | kText, kBlob | kText};

uint8_t kind(DataType type) {
  if (type >= DataType::UINT8 && type <= DataType::UINT64) return kUnsigned;
  if (type >= DataType::INT8 && type <= DataType::INT64) return kSigned;
  if (type == DataType::BYTE_ARRAY16) return kArray;
  if (type == DataType::BYTE_BLOB) return kBlob;
  return type == DataType::UNICODE_STRING ? kText : kOther;
}

Outcome<> check_single(DataType field_type, const Value& value, MatchType match, bool for_enumeration) {
  // A field without a value is EMPTY, and EQUAL can ask for that.
  if (value.is_empty()) return match == MatchType::EQUAL ? Outcome<>{} : Outcome<>(refuse(Fwp::MATCH_TYPE_MISMATCH));
  if (field_type == DataType::TOKEN_ACCESS_INFORMATION) {
    if (const auto* descriptor = value.as<DescriptorValue>()) {
      if (match != MatchType::EQUAL) return refuse(Fwp::MATCH_TYPE_MISMATCH);
      SP_CHECK(parse_descriptor(descriptor->bytes));
      return {};
    }
    return for_enumeration && value.as<SidValue>() ? Outcome<>{} : Outcome<>(refuse(Fwp::TYPE_MISMATCH));
  }
  if (value.type() != field_type) return refuse(Fwp::TYPE_MISMATCH);
  if (const auto* sid = value.as<SidValue>(); sid && !parse_sid(sid->bytes)) return refuse(Fwp::INVALID_PARAMETER);
  return {};
}

Outcome<> check_range(DataType field_type, const Range& range) {
  if (range.low.type() != field_type || range.high.type() != field_type) return refuse(Fwp::TYPE_MISMATCH);
  const auto low = numeric_key(range.low), high = numeric_key(range.high);
  const auto low_octets = octets_of(range.low), high_octets = octets_of(range.high);
  if (!low != !high || (!low && !(low_octets && high_octets))) return refuse(Fwp::TYPE_MISMATCH);
  const bool ordered = low ? *low <= *high : compare(*low_octets, *high_octets) <= 0;
  return ordered ? Outcome<>{} : Outcome<>(refuse(Fwp::INVALID_RANGE));
}

bool is_prefix(uint32_t mask) { return (mask | (mask - 1)) == 0xffffffffu || mask == 0; }

Outcome<> check_mask(DataType field_type, const ConditionValue& value) {
  if (const auto* v4 = std::get_if<V4AddrMask>(&value.held)) {
    if (field_type != DataType::UINT32) return refuse(Fwp::TYPE_MISMATCH);
    return is_prefix(v4->mask) ? Outcome<>{} : Outcome<>(refuse(Fwp::INVALID_NET_MASK));
  }
  if (field_type != DataType::BYTE_ARRAY16) return refuse(Fwp::TYPE_MISMATCH);
  return std::get<V6AddrMask>(value.held).prefix_length <= 128 ? Outcome<>{} : Outcome<>(refuse(Fwp::INVALID_NET_MASK));
}

// "user 1000, group 100": where it lets accounts of this host match and says nothing else.
std::optional<std::string> accounts_in(const SecurityDescriptor& descriptor) {
  constexpr uint64_t kUnix = 22;
  if (!descriptor.dacl || descriptor.dacl->empty() || descriptor.owner || descriptor.group) return std::nullopt;
  std::string out;
  for (const Ace& ace : *descriptor.dacl) {
    const auto& parts = ace.sid.parts;
    const bool account = ace.sid.authority == kUnix && parts.size() == 2 && (parts[0] == 1 || parts[0] == 2);
    if (!account || ace.kind != Ace::Kind::allow || ace.mask != kActrlMatchFilter) return std::nullopt;
    out += (out.empty() ? "" : ", ") + std::string(parts[0] == 1 ? "user " : "group ") + std::to_string(parts[1]);
  }
  return out;
}

}  // namespace

std::string_view to_string(MatchType match) {
  const auto n = static_cast<uint32_t>(match);
  return n < kMatchTypeCount ? kMatchNames[n] : "unknown";
}

// A program by its path; a descriptor by whom it lets match, or in SDDL.
std::string Condition::to_string() const {
  const Value* single = std::get_if<Value>(&value.held);
  std::optional<std::string> text;
  if (field == Field::ALE_APP_ID || field == Field::ALE_ORIGINAL_APP_ID) {
    const auto* blob = single != nullptr ? single->as<Blob>() : nullptr;
    text = blob != nullptr ? path_of_app_id(blob->bytes) : std::nullopt;
  } else if (const auto* descriptor = single != nullptr ? single->as<DescriptorValue>() : nullptr) {
    if (const auto parsed = parse_descriptor(descriptor->bytes)) text = accounts_in(*parsed).value_or(to_sddl(*parsed));
  }
  return std::string(policy::to_string(field)) + " " + std::string(policy::to_string(match)) + " " +
         text.value_or(value.to_string());
}

Outcome<> check_condition(const LayerInfo& layer, const Condition& condition, bool for_enumeration) {
  if (static_cast<size_t>(condition.field) >= kFieldCount || !has_field(layer, condition.field))
    return refuse(Fwp::CONDITION_NOT_FOUND);
  if (static_cast<uint32_t>(condition.match) >= kMatchTypeCount) return refuse(Fwp::INVALID_ENUMERATOR);
  const DataType field_type = data_type(layer, condition.field);
  if (!(kSuits[static_cast<uint32_t>(condition.match)] & kind(field_type))) return refuse(Fwp::MATCH_TYPE_MISMATCH);
  const bool range = std::holds_alternative<Range>(condition.value.held);
  // RANGE takes a range, and nothing else does; an address with a mask can only be equal, or not.
  if (range != (condition.match == MatchType::RANGE)) return refuse(Fwp::TYPE_MISMATCH);
  if (range) return check_range(field_type, std::get<Range>(condition.value.held));
  if (const Value* value = std::get_if<Value>(&condition.value.held))
    return check_single(field_type, *value, condition.match, for_enumeration);
  if (condition.match != MatchType::EQUAL && condition.match != MatchType::NOT_EQUAL)
    return refuse(Fwp::MATCH_TYPE_MISMATCH);
  // A mask belongs to addresses alone, though other fields are UINT32 too.
  if (info(condition.field).type != FieldType::IP_ADDRESS) return refuse(Fwp::TYPE_MISMATCH);
  return check_mask(field_type, condition.value);
}

Outcome<> check_conditions(const LayerInfo& layer, const Conditions& conditions, bool for_enumeration) {
  for (size_t i = 0; i < conditions.size(); ++i) {
    if (auto checked = check_condition(layer, conditions[i], for_enumeration); !checked)
      return refuse(checked.error().code, i);
  }
  return {};
}

}  // namespace sallyport::policy
