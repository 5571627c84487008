// See child_process.h.
#include "daemon/child_process.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>

namespace sallyport::daemon {

using runtime::ChannelMessage;
using runtime::DescriptorChannel;
using runtime::Fd;

void leave(const char* who, const std::string& sentence) {
  std::fprintf(stderr, "sallyportd %s: %s\n", who, sentence.c_str());
  ::_exit(1);
}

DescriptorChannel keep_only(DescriptorChannel channel) {
  const int to = 3;
  const int from = channel.release().release();
  if (from != to) (void)::dup2(from, to);
  (void)::close_range(to + 1, ~0u, 0);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(number, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  return DescriptorChannel(Fd(to));
}

std::optional<Loaded> loaded_of(const ChannelMessage& message, const std::string& path,
                                std::shared_ptr<runtime::BundledFiles>& files) {
  if (message.descriptors.empty()) return std::nullopt;
  auto bytes = runtime::read_memory_file(message.descriptors.front());
  if (!bytes) return std::nullopt;
  auto bundle = runtime::FileBundle::parse(*bytes);
  if (!bundle) return std::nullopt;
  files = std::make_shared<runtime::BundledFiles>(std::move(*bundle));
  Loaded out = load_all(*files, path);
  if (!out.problems.empty()) return std::nullopt;
  return out;
}

}  // namespace sallyport::daemon
