// Reads tests/vectors/*.vec: line 1 names the source; then cases of "key = value" lines, apart by empty lines. Values
// are hexadecimal or names. Unit tests run in the root of the repository.
#pragma once
#include <fstream>
#include <limits>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace sallyport::test {

using VectorCase = std::map<std::string, std::string>;

inline std::vector<VectorCase> read_vectors(const std::string& name) {
  std::ifstream in("tests/vectors/" + name);
  std::vector<VectorCase> out;
  VectorCase one;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() && !one.empty()) out.push_back(std::exchange(one, {}));
    const size_t equals = line.find(" =");
    if (line.empty() || line[0] == '#' || equals == std::string::npos) continue;
    one[line.substr(0, equals)] = line.size() > equals + 3 ? line.substr(equals + 3) : std::string();
  }
  if (!one.empty()) out.push_back(one);
  return out;
}

inline Bytes hex(std::string_view text) { return from_hex(text).value(); }

// The member of a registry enumeration that is spelled so; the greatest value where there is none.
template <class Id>
Id registry_id(std::string_view name) {
  for (uint32_t number = 0; number < 256; ++number) {
    const Id id = static_cast<Id>(number);
    if (to_string(id) == name) return id;
  }
  return static_cast<Id>(std::numeric_limits<std::underlying_type_t<Id>>::max());
}

}  // namespace sallyport::test
