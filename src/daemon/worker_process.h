// The worker (house §8): it alone reads what strangers send, with no rights but its descriptors. Call in a fresh child
// that has one thread and nothing but its channel, whose first message brings the descriptors.
#pragma once
#include <string>

#include "daemon/wiring.h"
#include "runtime/descriptor_channel.h"

namespace sallyport::daemon {

[[noreturn]] void run_worker(runtime::DescriptorChannel parent, const Loaded& loaded, const std::string& path,
                             runtime::ReportFacts facts);

}  // namespace sallyport::daemon
