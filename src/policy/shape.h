// Shapes: which atoms a filter can be looked up by, and the keys under which it is then found. An exact number has one
// key; a range is covered by at most two aligned blocks; alternatives on one field have a key each. What has no such
// form is left to the tests. Pure.
#pragma once
#include "policy/filter_index.h"

namespace sallyport::policy {

using Shape = std::vector<uint16_t>;  // atoms, ascending

struct ShapeKeys {
  Shape shape;
  std::vector<uint64_t> keys;  // without repeats
};
ShapeKeys shape_keys(const std::vector<Test>& tests);

uint64_t atom_hash(uint16_t atom, const FieldValue& value);

}  // namespace sallyport::policy
