// Who is at the other end of a Unix socket, and that nobody passes as another who had its number before.
#include "runtime/socket_caller.h"

#include <doctest/doctest.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "runtime/fd.h"

using namespace sallyport;
using namespace sallyport::runtime;

namespace {

struct Listening {
  sockaddr_un name{};
  socklen_t length = 0;
  Fd fd{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
  Listening() {
    name.sun_family = AF_UNIX;  // by the kernel's choice, without a file
    length = sizeof name.sun_family;
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), length) == 0);
    length = sizeof name;
    REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &length) == 0);
    REQUIRE(::listen(fd.get(), 4) == 0);
  }
  Fd connect() const {
    Fd out(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (::connect(out.get(), reinterpret_cast<const sockaddr*>(&name), length) != 0) out.reset();
    return out;
  }
  Fd accept() const { return Fd(::accept4(fd.get(), nullptr, nullptr, SOCK_CLOEXEC)); }
};

bool known_by_descriptor(int connection) {
  int number = -1;
  socklen_t length = sizeof number;
  if (::getsockopt(connection, SOL_SOCKET, 77 /* SO_PEERPIDFD */, &number, &length) != 0) return false;
  ::close(number);
  return true;
}

}  // namespace

TEST_SUITE("runtime/socket_caller") {
  TEST_CASE("user, groups and program are the kernel's word") {
    const Listening listening;
    const Fd calling = listening.connect(), called = listening.accept();
    REQUIRE(called);
    const auto who = caller_at(called.get(), true);
    CHECK(who.uid == ::geteuid());
    REQUIRE_FALSE(who.gids.empty());
    CHECK(who.gids.front() == ::getegid());
    gid_t own[1024];
    const int count = ::getgroups(1024, own);
    CHECK(std::all_of(own, own + std::max(count, 0),
                      [&](gid_t gid) { return std::find(who.gids.begin(), who.gids.end(), gid) != who.gids.end(); }));
    CHECK_FALSE(caller_at(called.get(), false).executable);
    if (!known_by_descriptor(called.get())) return;  // before Linux 6.5 nobody's program is known
    CHECK(who.executable == std::filesystem::read_symlink("/proc/self/exe").string());
  }

  TEST_CASE("a process that has ended is not known by what has its number, and its user still is") {
    const Listening listening;
    const pid_t pid = ::fork();
    if (pid == 0) {
      const Fd calling = listening.connect();
      if (::fork() == 0) {  // keeps the connection, and so might a stranger
        (void)::usleep(500000);
        ::_exit(0);
      }
      ::_exit(calling ? 0 : 1);
    }
    const Fd called = listening.accept();
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    REQUIRE(status == 0);
    const auto who = caller_at(called.get(), true);
    CHECK(who.uid == ::geteuid());
    CHECK_FALSE(who.executable);
    CHECK_FALSE(who.cgroup);
  }

  TEST_CASE("what is no connection is nobody's, and is refused") {
    config::SocketCallerRule all;
    all.allow = true;
    const Fd unconnected(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    CHECK_FALSE(judge_connection({all}, unconnected.get()).allowed);
    CHECK_FALSE(judge_connection({all}, -1).allowed);
    const Listening listening;
    const Fd calling = listening.connect(), called = listening.accept();
    CHECK(judge_connection({all}, called.get()).allowed);
  }
}
