// Reverse path filtering of IPv4 (ip-sysctl rp_filter), which drops packets whose answer would leave by another
// interface, as it does when routes by mark and port lead apart. linux-only; the privileged process.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace sallyport::runtime {

// Interfaces, but for loopback, that drop such packets now (strict, 1); empty where it cannot be known.
std::vector<std::string> strict_path_interfaces();

// Sets the interface to loose (2): any route back will do, also one by the packet's mark (src_valid_mark), which is the
// way back of captured flows. By rtnetlink, since /proc/sys may be read-only.
Result<> loosen_path_filter(uint32_t interface_index);

}  // namespace sallyport::runtime
