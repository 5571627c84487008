// Names and texts of refusals.
#include "policy/fwp_error.h"

#include <iterator>

namespace sallyport::policy {
namespace {

struct Row {
  Fwp code;
  std::string_view name, text;
};
constexpr Row kRows[] = {
#define SP_FWP_ERROR(name, number, meaning) {Fwp::name, "FWP_E_" #name, meaning},
#include "proto/wfp.def"
    {Fwp::ACCESS_DENIED, "ERROR_ACCESS_DENIED", "the caller may not do that"},
    {Fwp::NOT_SUPPORTED, "ERROR_NOT_SUPPORTED", "not supported here"},
    {Fwp::WIN32_INVALID_PARAMETER, "ERROR_INVALID_PARAMETER", "a parameter is wrong"},
    {Fwp::INVALID_SECURITY_DESCR, "ERROR_INVALID_SECURITY_DESCR", "not a self-relative security descriptor"},
    {Fwp::NO_SYSTEM_RESOURCES, "ERROR_NO_SYSTEM_RESOURCES", "a limit of this daemon is reached"},
};

const Row* row(Fwp code) {
  for (const Row& each : kRows)
    if (each.code == code) return &each;
  return nullptr;
}

}  // namespace

std::string_view to_string(Fwp code) {
  const Row* found = row(code);
  return found ? found->name : "unknown";
}

std::string_view describe(Fwp code) {
  const Row* found = row(code);
  return found ? found->text : "unknown";
}

}  // namespace sallyport::policy
