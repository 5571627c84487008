// Refusals of the filter engine: the documented FWP_E_* codes and the few system codes that its calls return, as
// values. Outcome works with SP_TRY and SP_CHECK. Pure; any thread.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace sallyport::policy {

// The number a caller of the C API sees.
enum class Fwp : uint32_t {
#define SP_FWP_ERROR(name, number, meaning) name = 0x80320000u + number,
#include "proto/wfp.def"
  ACCESS_DENIED = 5,
  NOT_SUPPORTED = 50,
  WIN32_INVALID_PARAMETER = 87,
  INVALID_SECURITY_DESCR = 1338,
  NO_SYSTEM_RESOURCES = 1450,  // a limit of ours
};

std::string_view to_string(Fwp code);  // "FWP_E_IN_USE", "ERROR_ACCESS_DENIED"
std::string_view describe(Fwp code);
inline uint32_t number(Fwp code) { return static_cast<uint32_t>(code); }

struct Refusal {
  Fwp code;
  uint32_t index = 0;  // which of several: the condition, the method, the proposal
  bool operator==(const Refusal&) const = default;
};

template <class T = void>
class [[nodiscard]] Outcome : public tl::expected<T, Refusal> {
 public:
  using tl::expected<T, Refusal>::expected;
};

inline tl::unexpected<Refusal> refuse(Fwp code, size_t index = 0) {
  return tl::unexpected<Refusal>(Refusal{code, static_cast<uint32_t>(index)});
}

}  // namespace sallyport::policy
