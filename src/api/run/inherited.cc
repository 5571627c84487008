// See inherited.h.
#include "api/run/inherited.h"

#include <dirent.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "api/run/socket_trap.h"

namespace sallyport::api::run {
namespace {

// What is wrong with the descriptor; nullptr: nothing.
const char* objection(int fd) {
  int family = 0;
  socklen_t length = sizeof family;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length) == 0)
    return is_free_family(family) ? nullptr : "a socket that is not secured";
  char target[32]{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  if (::readlink(link.c_str(), target, sizeof target - 1) < 0) return nullptr;
  return std::string_view(target) == "anon_inode:[io_uring]" ? "a ring of io_uring" : nullptr;
}

}  // namespace

std::string inherited_socket() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr)
    return std::string("which sockets the program would have is not known: /proc/self/fd: ") + std::strerror(errno);
  std::string found;
  while (const dirent* entry = ::readdir(folder)) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] == '.' || fd == ::dirfd(folder)) continue;
    if (const char* what = objection(fd); what != nullptr) {
      found = "descriptor " + std::to_string(fd) + " is " + what + ", and the program would have it";
      break;
    }
  }
  ::closedir(folder);
  return found;
}

}  // namespace sallyport::api::run
