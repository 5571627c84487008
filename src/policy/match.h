// Conditions made ready for packets: numbers of every kind become one range test, descriptors are parsed once. Several
// tests on one field stand side by side, and one of them has to hold. Immutable; any thread.
#pragma once
#include "policy/condition.h"
#include "policy/field_values.h"

namespace sallyport::policy {

struct Test {
  enum class Kind : uint8_t {
    in_range,
    not_in_range,
    all_set,
    any_set,
    none_set,
    octets,
    descriptor,
    sid,
    empty,
    never
  };
  Field field = Field::FLAGS;
  Kind kind = Kind::never;
  MatchType match = MatchType::EQUAL;  // of octets
  DataType type = DataType::EMPTY;     // that the value must have
  U128 low, high;                      // a range, or flags in low
  std::shared_ptr<const Bytes> operand, operand_high;
  std::shared_ptr<const SecurityDescriptor> descriptor;

  bool holds(const FieldValue& value) const;
};

// Requires: check_conditions() accepted them. Sorted by field.
std::vector<Test> make_tests(const LayerInfo& layer, const Conditions& conditions);
// Every field that is asked has one test that holds.
bool all_hold(const std::vector<Test>& tests, const FieldValues& values);

}  // namespace sallyport::policy
