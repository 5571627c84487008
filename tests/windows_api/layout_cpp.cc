// The layout that C++20 gives the structures, and numbers that header and engine have in common.
#include <fwpmu.h>
#include <nldef.h>
#include <windows.h>

#include "policy/filter.h"
#include "policy/fwp_error.h"

#define SIZE(type, octets) static_assert(sizeof(type) == (octets), #type);
#define OFFSET(type, member, octets) static_assert(offsetof(type, member) == (octets), #type "." #member);
#include "layout.h"

namespace policy = sallyport::policy;

// One table of errors: proto/wfp.def.
#define SP_FWP_ERROR(name, number, meaning) static_assert(FWP_E_##name == static_cast<DWORD>(policy::Fwp::name), #name);
#include "proto/wfp.def"
static_assert(ERROR_ACCESS_DENIED == static_cast<DWORD>(policy::Fwp::ACCESS_DENIED));
static_assert(ERROR_NOT_SUPPORTED == static_cast<DWORD>(policy::Fwp::NOT_SUPPORTED));
static_assert(ERROR_INVALID_PARAMETER == static_cast<DWORD>(policy::Fwp::WIN32_INVALID_PARAMETER));
static_assert(ERROR_INVALID_SECURITY_DESCR == static_cast<DWORD>(policy::Fwp::INVALID_SECURITY_DESCR));
static_assert(ERROR_NO_SYSTEM_RESOURCES == static_cast<DWORD>(policy::Fwp::NO_SYSTEM_RESOURCES));

static_assert(FWP_ACTION_BLOCK == static_cast<UINT32>(policy::ActionType::BLOCK));
static_assert(FWP_ACTION_PERMIT == static_cast<UINT32>(policy::ActionType::PERMIT));
static_assert(FWP_ACTION_CALLOUT_TERMINATING == static_cast<UINT32>(policy::ActionType::CALLOUT_TERMINATING));
static_assert(FWP_ACTION_CALLOUT_INSPECTION == static_cast<UINT32>(policy::ActionType::CALLOUT_INSPECTION));
static_assert(FWP_ACTION_CALLOUT_UNKNOWN == static_cast<UINT32>(policy::ActionType::CALLOUT_UNKNOWN));
