// What the functions about SAs share besides calls.h. Any thread.
#pragma once
#include <sallyport/windows/fwpmu.h>

#include "api/windows/calls.h"
#include "api/windows/sas.h"

namespace sallyport::api::windows {

using policy::call::SaFunction;

constexpr Function of(SaFunction function) { return static_cast<Function>(function); }

inline policy::call::Protected protected_database(policy::Database which) {
  return {policy::call::kProtectDatabase + static_cast<uint32_t>(which), {}};
}

// One entry by its number.
template <class Each, class C>
DWORD get_by_id(HANDLE engine, SaFunction function, uint64_t id, C** out) {
  if (!out) return FWP_E_NULL_POINTER;
  *out = nullptr;
  const auto found = ask<Each>(engine, of(function), id);
  if (found) deliver(*found, out);
  return code(found);
}

template <class Wanted>
DWORD create_sa_enumeration(HANDLE engine, SaFunction function, Outcome<std::optional<Wanted>> wanted, HANDLE* out) {
  if (!out) return FWP_E_NULL_POINTER;
  *out = nullptr;
  if (!wanted) return code(wanted);
  const auto handle = ask<uint64_t>(engine, of(function), std::move(*wanted));
  if (handle) *out = reinterpret_cast<HANDLE>(static_cast<uintptr_t>(*handle));
  return code(handle);
}

// nullptr is everything.
template <class Wanted, class Template>
Outcome<std::optional<Wanted>> optional_template(const Template* from, Outcome<Wanted> (*take_it)(const Template&)) {
  Outcome<std::optional<Wanted>> out;
  if (!from) return out;
  SP_TRY(Wanted taken, take_it(*from));
  out->emplace(std::move(taken));
  return out;
}

}  // namespace sallyport::api::windows
