// The key process and the helper (house §8): an agent that answers one worker's requests until its parent tells it to
// stop. Call in a fresh child that has one thread and nothing but its channel.
#pragma once
#include <string>

#include "daemon/wiring.h"
#include "runtime/descriptor_channel.h"

namespace sallyport::daemon {

[[noreturn]] void run_keys(runtime::DescriptorChannel parent, const Loaded& loaded, const std::string& path);
[[noreturn]] void run_helper(runtime::DescriptorChannel parent, const Loaded& loaded, const std::string& path);

}  // namespace sallyport::daemon
