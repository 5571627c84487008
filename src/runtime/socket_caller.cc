// See socket_caller.h.
#include "runtime/socket_caller.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/fd.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

namespace sallyport::runtime {
namespace {

constexpr size_t kMostGroups = 65536;  // NGROUPS_MAX

bool credentials_of(int connection, ucred& out) {
  socklen_t length = sizeof out;
  return ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &out, &length) == 0 && out.uid != static_cast<uid_t>(-1);
}

std::vector<uint32_t> groups_of(int connection, gid_t first) {
  std::vector<gid_t> more(64);
  socklen_t length = static_cast<socklen_t>(more.size() * sizeof(gid_t));
  int got = ::getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, more.data(), &length);
  if (got != 0 && length > more.size() * sizeof(gid_t) && length <= kMostGroups * sizeof(gid_t)) {
    more.resize(length / sizeof(gid_t));
    got = ::getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, more.data(), &length);
  }
  std::vector<uint32_t> out{first};
  if (got == 0) out.insert(out.end(), more.begin(), more.begin() + static_cast<ptrdiff_t>(length / sizeof(gid_t)));
  return out;
}

// The path of the file that runs, if it is that here too.
std::optional<std::string> executable_of(int process) {
  char path[PATH_MAX];
  const ssize_t length = ::readlinkat(process, "exe", path, sizeof path - 1);
  if (length <= 0 || path[0] != '/') return std::nullopt;
  path[length] = '\0';
  struct stat running {
  }, here{};
  if (::fstatat(process, "exe", &running, 0) != 0 || ::lstat(path, &here) != 0) return std::nullopt;
  if (running.st_dev != here.st_dev || running.st_ino != here.st_ino) return std::nullopt;
  return std::string(path, static_cast<size_t>(length));
}

// The line of version 2: "0::/path".
std::optional<std::string> cgroup_of(int process) {
  const Fd fd(::openat(process, "cgroup", O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  std::string text;
  char part[4096];
  for (ssize_t n; text.size() < 16 * sizeof part && (n = ::read(fd.get(), part, sizeof part)) > 0;)
    text.append(part, static_cast<size_t>(n));
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    if (end == std::string::npos) return std::nullopt;
    if (text.compare(at, 4, "0::/") == 0) return text.substr(at + 3, end - at - 3);
    at = end + 1;
  }
  return std::nullopt;
}

}  // namespace

stack::SocketCaller caller_at(int connection, bool process) {
  stack::SocketCaller out;
  out.uid = static_cast<uid_t>(-1);
  ucred who{};
  if (!credentials_of(connection, who)) return out;
  out.uid = who.uid;
  out.gids = groups_of(connection, who.gid);
  if (!process || who.pid <= 0) return out;
  int number = -1;
  socklen_t length = sizeof number;
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERPIDFD, &number, &length) != 0) return out;
  const Fd alive(number);
  const Fd folder(::open(("/proc/" + std::to_string(who.pid)).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return out;
  auto executable = executable_of(folder.get());
  auto cgroup = cgroup_of(folder.get());
  // Its number was its own all the while, for it has not been waited for even now.
  if (::syscall(SYS_pidfd_send_signal, alive.get(), 0, nullptr, 0) != 0 && errno != EPERM) return out;
  out.executable = std::move(executable);
  out.cgroup = std::move(cgroup);
  return out;
}

stack::CallerVerdict judge_connection(const std::vector<config::SocketCallerRule>& rules, int connection) {
  const stack::SocketCaller caller = caller_at(connection, stack::asks_for_process(rules));
  if (caller.uid == static_cast<uid_t>(-1))
    return {false, config::SocketCallerRule::Broker::none, "a call about sockets is refused: nobody is known to call",
            caller.uid};
  return stack::judge_caller(rules, caller);
}

}  // namespace sallyport::runtime
