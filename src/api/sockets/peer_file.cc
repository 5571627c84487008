// A file by the daemon's broker: what a program without the right to change its rights has instead of impersonation.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "api/sockets/call.h"

namespace sallyport::api::sockets {
namespace {

// As a path from this process's root. Not every folder has one.
int absolute(const char* path, std::string& out) {
  if (path == nullptr) return EFAULT;
  if (path[0] == '\0') return ENOENT;
  if (path[0] != '/') {
    char here[PATH_MAX];
    if (::getcwd(here, sizeof here) == nullptr) return errno;
    if (here[0] != '/') return ENOENT;
    out = std::string(here) + "/";
  }
  out += path;
  return out.size() > policy::socket_call::kMostPathOctets ? ENAMETOOLONG : 0;
}

}  // namespace

int open_as_peer(int fd, const std::optional<policy::socket_call::Peer>& peer, const char* path, int flags,
                 unsigned mode, int& file) {
  policy::socket_call::Request request;
  request.function = policy::socket_call::Function::open;
  request.peer = peer;
  if (const int error = absolute(path, request.file.path); error != 0) return error;
  request.file.flags = static_cast<uint32_t>(flags & ~(O_LARGEFILE | O_NOCTTY | O_CLOEXEC));
  request.file.mode = (flags & O_CREAT) != 0 ? mode : 0;
  const int root = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return errno;
  policy::socket_call::Answer answer;
  const int error = call_for_file(fd, root, request, answer, file);
  ::close(root);
  return error;
}

}  // namespace sallyport::api::sockets
