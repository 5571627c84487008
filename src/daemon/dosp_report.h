// What the parent has read of IPsec DoS protection, on its way to the worker: a memory file, since state entries are
// many. Any thread.
#pragma once
#include <optional>

#include "policy/dosp.h"
#include "runtime/descriptor_channel.h"

namespace sallyport::daemon {

// A message of that word whose body begins with the token.
void send_dosp_report(runtime::DescriptorChannel& channel, uint8_t word, uint64_t token,
                      const std::optional<policy::DospReport>& report);
// Nothing: there was none, or it is damaged.
std::optional<policy::DospReport> dosp_report_of(const runtime::ChannelMessage& message);

}  // namespace sallyport::daemon
