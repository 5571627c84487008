// Under which key references to an object are counted: GUIDs are unique for each kind of object only, so a provider and
// a sublayer may have the same. Keys of different kinds fall apart by mixing. Pure.
#pragma once
#include "policy/object.h"

namespace sallyport::policy {

inline Guid reference_key(ObjectKind kind, const Guid& key) {
  const uint64_t high = load_be64(key.octets.data()), low = load_be64(key.octets.data() + 8);
  const uint64_t tag = uint64_t{1} + static_cast<uint64_t>(kind);
  Guid out;
  store_be64(out.octets.data(), mix64(high ^ mix64(low + tag)));
  store_be64(out.octets.data() + 8, mix64(low ^ mix64(high + (tag << 32))));
  return out;
}

}  // namespace sallyport::policy
