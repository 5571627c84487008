// Texts and addresses between our values and protobuf's strings. Pure.
#pragma once
#include <string>
#include <string_view>

#include "base/ip_addr.h"

namespace sallyport::ctl {

// protobuf refuses a string that is not UTF-8: each octet that does not belong to a valid sequence becomes '?'.
std::string utf8(std::string_view text);

}  // namespace sallyport::ctl
