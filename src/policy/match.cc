// From conditions to tests, and the tests. A field without a value satisfies only "equal to EMPTY": what is not known
// cannot be what a condition asks for, nor its opposite.
#include "policy/match.h"

#include <algorithm>

namespace sallyport::policy {
namespace {

struct NumberRange {
  U128 low, high;
  bool never = false;
};

// The numbers that a comparison lets pass. NOT_EQUAL gives what it refuses.
NumberRange number_range(MatchType match, U128 v, U128 top) {
  switch (match) {
    case MatchType::GREATER: return {plus_one(v), top, v == top};
    case MatchType::GREATER_OR_EQUAL: return {v, top};
    case MatchType::LESS: return {{}, minus_one(v), v == U128{}};
    case MatchType::LESS_OR_EQUAL: return {{}, v};
    case MatchType::EQUAL:
    case MatchType::NOT_EQUAL:
    case MatchType::RANGE:
    case MatchType::FLAGS_ALL_SET:
    case MatchType::FLAGS_ANY_SET:
    case MatchType::FLAGS_NONE_SET:
    case MatchType::EQUAL_CASE_INSENSITIVE:
    case MatchType::PREFIX:
    case MatchType::NOT_PREFIX: return {v, v};
  }
  return {v, v};
}

Test::Kind flags_kind(MatchType match) {
  if (match == MatchType::FLAGS_ALL_SET) return Test::Kind::all_set;
  return match == MatchType::FLAGS_ANY_SET ? Test::Kind::any_set : Test::Kind::none_set;
}

void set_range(Test& test, MatchType match, const NumberRange& range) {
  test.kind = range.never                     ? Test::Kind::never
              : match == MatchType::NOT_EQUAL ? Test::Kind::not_in_range
                                              : Test::Kind::in_range;
  test.low = range.low;
  test.high = range.high;
}

std::shared_ptr<const Bytes> keep(ByteView octets) { return std::make_shared<const Bytes>(to_bytes(octets)); }

void set_single(Test& test, const Value& value) {
  const bool flags = test.match >= MatchType::FLAGS_ALL_SET && test.match <= MatchType::FLAGS_NONE_SET;
  if (value.is_empty()) {
    test.kind = Test::Kind::empty;
  } else if (const auto number = numeric_key(value)) {
    if (flags) {
      test.kind = flags_kind(test.match);
      test.low = *number;
    } else {
      set_range(test, test.match, number_range(test.match, *number, low_bits(width_of(test.type))));
    }
  } else if (const auto* descriptor = value.as<DescriptorValue>()) {
    test.kind = Test::Kind::descriptor;
    test.descriptor = std::make_shared<const SecurityDescriptor>(*parse_descriptor(descriptor->bytes));
  } else if (const auto octets = octets_of(value)) {
    test.kind = test.type == DataType::TOKEN_ACCESS_INFORMATION ? Test::Kind::sid : Test::Kind::octets;
    test.operand = keep(*octets);
  }
}

Test make_test(const LayerInfo& layer, const Condition& condition) {
  Test test;
  test.field = condition.field;
  test.match = condition.match;
  test.type = data_type(layer, condition.field);
  if (const auto* value = std::get_if<Value>(&condition.value.held)) {
    set_single(test, *value);
  } else if (const auto* v4 = std::get_if<V4AddrMask>(&condition.value.held)) {
    set_range(test, test.match, {{0, v4->addr & v4->mask}, {0, v4->addr | ~v4->mask}});
  } else if (const auto* v6 = std::get_if<V6AddrMask>(&condition.value.held)) {
    const U128 host = low_bits(128u - v6->prefix_length);
    set_range(test, test.match, {u128(v6->addr) & ~host, u128(v6->addr) | host});
  } else {
    const Range& range = std::get<Range>(condition.value.held);
    if (const auto low = numeric_key(range.low)) {
      set_range(test, test.match, {*low, *numeric_key(range.high)});
    } else {
      test.kind = Test::Kind::octets;
      test.operand = keep(*octets_of(range.low));
      test.operand_high = keep(*octets_of(range.high));
    }
  }
  return test;
}

char lower(uint8_t c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); }

bool equal_ignoring_case(ByteView a, ByteView b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](uint8_t x, uint8_t y) { return lower(x) == lower(y); });
}

// The documents say of PREFIX that it tests the end of the string; we keep to them.
bool ends_with(ByteView value, ByteView end) {
  return value.size() >= end.size() && equal(value.last(end.size()), end);
}

bool octets_hold(const Test& test, ByteView value) {
  const ByteView operand = *test.operand;
  switch (test.match) {
    case MatchType::EQUAL: return equal(value, operand);
    case MatchType::NOT_EQUAL: return !equal(value, operand);
    case MatchType::GREATER: return compare(value, operand) > 0;
    case MatchType::GREATER_OR_EQUAL: return compare(value, operand) >= 0;
    case MatchType::LESS: return compare(value, operand) < 0;
    case MatchType::LESS_OR_EQUAL: return compare(value, operand) <= 0;
    case MatchType::RANGE: return compare(value, operand) >= 0 && compare(value, *test.operand_high) <= 0;
    case MatchType::EQUAL_CASE_INSENSITIVE: return equal_ignoring_case(value, operand);
    case MatchType::PREFIX: return ends_with(value, operand);
    case MatchType::NOT_PREFIX: return !ends_with(value, operand);
    case MatchType::FLAGS_ALL_SET:
    case MatchType::FLAGS_ANY_SET:
    case MatchType::FLAGS_NONE_SET: return false;
  }
  return false;
}

bool has_sid(const Token& token, const Bytes& binary) {
  return std::any_of(token.sids.begin(), token.sids.end(),
                     [&](const Token::Entry& entry) { return write_sid(entry.sid) == binary; });
}

}  // namespace

bool Test::holds(const FieldValue& value) const {
  if (kind == Kind::empty) return value.type == DataType::EMPTY;
  if (value.type != type) return false;
  switch (kind) {
    case Kind::in_range: return low <= value.number && value.number <= high;
    case Kind::not_in_range: return value.number < low || high < value.number;
    case Kind::all_set: return (value.number & low) == low;
    case Kind::any_set: return !((value.number & low) == U128{});
    case Kind::none_set: return (value.number & low) == U128{};
    case Kind::octets: return octets_hold(*this, value.octets);
    case Kind::descriptor: return value.token && access_granted(*descriptor, *value.token, kActrlMatchFilter);
    case Kind::sid: return value.token && has_sid(*value.token, *operand);
    case Kind::empty:
    case Kind::never: return false;
  }
  return false;
}

std::vector<Test> make_tests(const LayerInfo& layer, const Conditions& conditions) {
  std::vector<Test> out;
  out.reserve(conditions.size());
  for (const Condition& condition : conditions) out.push_back(make_test(layer, condition));
  std::stable_sort(out.begin(), out.end(), [](const Test& a, const Test& b) { return a.field < b.field; });
  return out;
}

bool all_hold(const std::vector<Test>& tests, const FieldValues& values) {
  for (size_t i = 0; i < tests.size();) {
    const Field field = tests[i].field;
    const FieldValue& value = values.get(field);
    bool held = false;
    for (; i < tests.size() && tests[i].field == field; ++i) held = held || tests[i].holds(value);
    if (!held) return false;
  }
  return true;
}

}  // namespace sallyport::policy
