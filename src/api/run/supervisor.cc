// See supervisor.h.  caller ── fork ── fork ── supervisor; trap; the listener goes over by a socket pair; exec.
#include "api/run/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "api/run/inherited.h"
#include "api/run/rights.h"
#include "api/run/socket_trap.h"
#include "api/sockets/call.h"

namespace sallyport::api::run {
namespace {

// A daemon that takes its time over one call does not hold up the others.
constexpr int kThreads = 4;

int receive_descriptor(int by) {
  char octet = 0;
  iovec content{&octet, 1};
  alignas(cmsghdr) char room[CMSG_SPACE(sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &content;
  message.msg_iovlen = 1;
  message.msg_control = room;
  message.msg_controllen = sizeof room;
  if (::recvmsg(by, &message, MSG_CMSG_CLOEXEC) != 1) return -1;
  const cmsghdr* head = CMSG_FIRSTHDR(&message);
  if (head == nullptr || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof(int))) return -1;
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(head), sizeof fd);
  return fd;
}

class Listener {
 public:
  Listener(int fd, const Wanted& wanted) : fd_(fd), wanted_(wanted) {
    seccomp_notif_sizes sizes{};
    (void)::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes);
    asked_octets_ = std::max<size_t>(sizes.seccomp_notif, sizeof(seccomp_notif));
    answer_octets_ = std::max<size_t>(sizes.seccomp_notif_resp, sizeof(seccomp_notif_resp));
  }

  // Until nobody runs under the trap any more.
  void serve() {
    std::vector<uint64_t> room(asked_octets_ / sizeof(uint64_t) + 1);
    while (next(room)) answer(*reinterpret_cast<const seccomp_notif*>(room.data()));
  }

 private:
  // One thread waits at a time: before Linux 6.11 whoever loses the race for a call sleeps past the last program's end.
  bool next(std::vector<uint64_t>& room) {
    const std::lock_guard<std::mutex> turn(turn_);
    for (;;) {
      pollfd waiting{fd_, POLLIN, 0};
      if (::poll(&waiting, 1, -1) < 0 && errno != EINTR) return false;
      if ((waiting.revents & POLLIN) != 0) {
        std::fill(room.begin(), room.end(), 0);
        if (::ioctl(fd_, SECCOMP_IOCTL_NOTIF_RECV, room.data()) == 0) return true;
      } else if ((waiting.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
        return false;
      }
    }
  }

  void answer(const seccomp_notif& asked) const {
    const auto word = [&](size_t i) { return static_cast<int>(static_cast<uint32_t>(asked.data.args[i])); };
    const int type = word(1);
    const int fd = secured_socket(wanted_, word(0), type | SOCK_CLOEXEC, word(2));
    if (fd < 0) return refuse(asked.id, fd);
    seccomp_notif_addfd give{};
    give.id = asked.id;
    give.flags = SECCOMP_ADDFD_FLAG_SEND;
    give.srcfd = static_cast<uint32_t>(fd);
    give.newfd_flags = (type & SOCK_CLOEXEC) != 0 ? O_CLOEXEC : 0;
    if (::ioctl(fd_, SECCOMP_IOCTL_NOTIF_ADDFD, &give) < 0) refuse(asked.id, -errno);  // EMFILE of the program's
    ::close(fd);
  }

  void refuse(uint64_t id, int negative_errno) const {
    std::vector<uint64_t> room(answer_octets_ / sizeof(uint64_t) + 1);
    auto& said = *reinterpret_cast<seccomp_notif_resp*>(room.data());
    said.id = id;
    said.error = negative_errno;
    (void)::ioctl(fd_, SECCOMP_IOCTL_NOTIF_SEND, &said);  // ENOENT: whoever asked is gone
  }

  std::mutex turn_;
  int fd_;
  const Wanted& wanted_;
  size_t asked_octets_, answer_octets_;
};

// Nothing of the program's is held open: a shell that waits for the end of a pipe would wait for us.
void let_go_of_everything_but(int fd) {
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int standard = 0; standard <= 2; ++standard) ::dup2(nothing, standard);
  if (fd > 3) (void)::syscall(SYS_close_range, 3, fd - 1, 0);
  (void)::syscall(SYS_close_range, fd + 1, ~0u, 0);
  (void)::chdir("/");
}

[[noreturn]] void supervise(const Wanted& wanted, int line) {
  ::prctl(PR_SET_NAME, "sallyport-run");
  // Not even SIGTERM: a service that is stopped gets it all at once, and may need sockets to end well.
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTSTP, SIGTERM}) ::signal(number, SIG_IGN);
  ::prctl(PR_SET_DUMPABLE, 0);  // no program of the same user takes a socket of ours before it is secured
  let_go_of_everything_but(line);
  const int fd = receive_descriptor(line);
  if (fd < 0 || ::send(line, "", 1, MSG_NOSIGNAL) != 1) ::_exit(1);
  ::close(line);
  Listener listener(fd, wanted);
  const auto serve = [&listener] {
    listener.serve();
    ::_exit(0);
  };
  try {
    for (int i = 0; i < kThreads - 1; ++i) std::thread(serve).detach();
  } catch (const std::system_error&) {  // the user has no more threads; fewer do as well
  }
  serve();
  ::_exit(1);
}

// A pair of ends, none of them in the place of a standard descriptor, which a caller may have closed.
bool line_of(int (&line)[2]) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return false;
  for (int i = 0; i < 2; ++i) line[i] = ::fcntl(pair[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int error = errno;
  for (const int end : pair) ::close(end);
  errno = error;
  return line[0] >= 0 && line[1] >= 0;
}

std::string failed(const char* what, int error) { return std::string(what) + ": " + std::strerror(error); }

}  // namespace

std::string begin(const Wanted& wanted) {
  if (const std::string found = inherited_socket(); !found.empty()) return found;
  const int probe = secured_socket(wanted, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0)
    return failed(probe == -ENETDOWN ? "no daemon secures sockets here" : "the daemon does not secure such a socket",
                  -probe);
  ::close(probe);
  int line[2];
  if (!line_of(line)) return failed("socketpair", errno);
  const pid_t between = ::fork();
  if (between < 0) return failed("fork", errno);
  if (between == 0) {
    ::setsid();
    const pid_t child = ::fork();
    if (child == 0) supervise(wanted, line[1]);
    ::_exit(child < 0 ? 1 : 0);
  }
  ::close(line[1]);
  int status = 0;
  while (::waitpid(between, &status, 0) < 0 && errno == EINTR) {
  }  // ECHILD: whoever started us has SIGCHLD ignored; the answer over the line tells as much
  if (status != 0) return "the process that makes sockets does not start";
  const int listener = set_trap();
  if (listener < 0)
    return failed(listener == -EBUSY ? "another supervisor watches this process" : "seccomp", -listener);
  char ready = 0;
  const bool taken = sockets::send_with(line[0], Bytes(1, 0), {listener}) == 0 && ::recv(line[0], &ready, 1, 0) == 1;
  ::close(listener);
  ::close(line[0]);
  return taken ? give_up_network_rights() : "the process that makes sockets has ended";
}

}  // namespace sallyport::api::run
