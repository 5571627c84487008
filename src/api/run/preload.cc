// The light variant of `sallyport run`: loaded before a program's own libraries, in place of its socket(). Static
// programs and system calls past the C library go by it. Settings come by the environment, so that children have them.
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/run/preload.h"

namespace {

namespace run = sallyport::api::run;

run::Wanted wanted_of_environment() {
  const auto text = [](const char* name) {
    const char* found = ::secure_getenv(name);
    return std::string(found == nullptr ? "" : found);
  };
  run::Wanted out;
  out.flags = static_cast<uint32_t>(std::strtoul(text(run::kFlagsVariable).c_str(), nullptr, 16));
  const std::string policy = text(run::kPolicyVariable);
  for (size_t i = 0; i < out.policy.size() && policy.size() == 2 * out.policy.size(); ++i)
    out.policy[i] = static_cast<uint8_t>(std::strtoul(policy.substr(2 * i, 2).c_str(), nullptr, 16));
  out.peer = text(run::kPeerVariable);
  return out;
}

}  // namespace

// By this the command knows the library.
extern "C" __attribute__((visibility("default"))) const char sallyport_preload = 1;

extern "C" __attribute__((visibility("default"))) int socket(int domain, int type, int protocol) noexcept {
  if (domain != AF_INET && domain != AF_INET6) return static_cast<int>(::syscall(SYS_socket, domain, type, protocol));
  const int fd = run::secured_socket(wanted_of_environment(), domain, type, protocol);
  if (fd >= 0) return fd;
  errno = -fd;
  return -1;
}
