// See dosp_report.h.
#include "daemon/dosp_report.h"

#include "policy/call.h"

namespace sallyport::daemon {

void send_dosp_report(runtime::DescriptorChannel& channel, uint8_t word, uint64_t token,
                      const std::optional<policy::DospReport>& report) {
  Writer body;
  body.u64(token);
  if (!report) return (void)channel.send(word, body.view());
  const auto file = runtime::memory_file(policy::call::write(*report));
  (void)channel.send(word, body.view(), file ? std::vector<int>{file->get()} : std::vector<int>());
}

std::optional<policy::DospReport> dosp_report_of(const runtime::ChannelMessage& message) {
  if (message.descriptors.empty()) return std::nullopt;
  const auto octets = runtime::read_memory_file(message.descriptors.front());
  if (!octets) return std::nullopt;
  auto report = policy::call::read<policy::DospReport>(*octets);
  return report ? std::optional(std::move(*report)) : std::nullopt;
}

}  // namespace sallyport::daemon
