// How the preloaded library is told what its sockets are to be.
#pragma once
#include "api/run/secured.h"

namespace sallyport::api::run {

inline constexpr const char* kFlagsVariable = "SALLYPORT_RUN_FLAGS";    // hexadecimal
inline constexpr const char* kPolicyVariable = "SALLYPORT_RUN_POLICY";  // 32 hexadecimal digits, or nothing
inline constexpr const char* kPeerVariable = "SALLYPORT_RUN_PEER";

}  // namespace sallyport::api::run
