// Robustness T1: a child under each filter does its work, and dies by SIGSYS of what it must not do.
#include "daemon/syscall_filter.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include "daemon/sandbox.h"

using namespace sallyport;
using namespace sallyport::daemon;

namespace {

// The daemon forks before it has threads; here those of other test cases must leave a child no arenas of their own.
[[maybe_unused]] const int kOneArena = ::mallopt(M_ARENA_MAX, 1);

// How a child ended that did `work` under the filter: its exit code, or minus the signal.
int ending_of(FilterFor process, const std::function<int()>& work) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    const rlimit none{0, 0};
    (void)::setrlimit(RLIMIT_CORE, &none);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !forbid_system_calls(process)) ::_exit(99);
    ::_exit(work());
  }
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int open_passwd() {
  const int fd = ::open("/etc/passwd", O_RDONLY | O_CLOEXEC);
  char octet = 0;
  return fd >= 0 && ::read(fd, &octet, 1) == 1 ? 7 : 8;
}
int run_program() { return ::execl("/bin/true", "true", nullptr); }
int make_socket() { return ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0 ? 7 : 8; }
int create_file() { return ::open("/tmp/sallyport-must-not-be", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0 ? 7 : 8; }
int make_code() {
  return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}
int trace_parent() { return static_cast<int>(::syscall(SYS_ptrace, 16, ::getppid(), 0, 0)); }
int make_ring() { return static_cast<int>(::syscall(425 /* io_uring_setup */, 4, nullptr)); }
int new_namespace() { return static_cast<int>(::syscall(SYS_unshare, 0)); }

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kWhole = false;  // a sanitizer's run time needs more than the daemon: see syscall_filter.cc
#else
constexpr bool kWhole = true;
#endif

}  // namespace

TEST_SUITE("daemon/syscall_filter") {
  TEST_CASE("[T1] a worker that opens a file, runs a program or makes a socket dies") {
    if (kWhole) {
      CHECK(ending_of(FilterFor::worker, open_passwd) == -SIGSYS);
      CHECK(ending_of(FilterFor::worker, run_program) == -SIGSYS);
      CHECK(ending_of(FilterFor::worker, make_code) == -SIGSYS);
      CHECK(ending_of(FilterFor::worker, trace_parent) == -SIGSYS);
      CHECK(ending_of(FilterFor::worker, make_ring) == -SIGSYS);
    }
    CHECK(ending_of(FilterFor::worker, make_socket) == -SIGSYS);
    CHECK(ending_of(FilterFor::worker, new_namespace) == -SIGSYS);
  }

  TEST_CASE("[T1] the key process reads files, but writes none, makes no socket and runs no program") {
    CHECK(ending_of(FilterFor::keys, open_passwd) == 7);
    CHECK(ending_of(FilterFor::keys, make_socket) == -SIGSYS);
    if (!kWhole) return;
    CHECK(ending_of(FilterFor::keys, create_file) == -SIGSYS);
    CHECK(ending_of(FilterFor::keys, run_program) == -SIGSYS);
    CHECK(ending_of(FilterFor::keys, make_code) == -SIGSYS);
    CHECK(ending_of(FilterFor::keys, make_ring) == -SIGSYS);
  }

  TEST_CASE("[T1] the helper resolves, but writes no file and runs no program") {
    CHECK(ending_of(FilterFor::helper, open_passwd) == 7);
    CHECK(ending_of(FilterFor::helper, make_socket) == 7);
    CHECK(ending_of(FilterFor::helper, new_namespace) == -SIGSYS);
    if (!kWhole) return;
    CHECK(ending_of(FilterFor::helper, create_file) == -SIGSYS);
    CHECK(ending_of(FilterFor::helper, run_program) == -SIGSYS);
  }

  TEST_CASE("[T1] what opens a file for a program makes no socket and runs no program") {
    CHECK(ending_of(FilterFor::opener, open_passwd) == 7);
    CHECK(ending_of(FilterFor::opener, make_socket) == -SIGSYS);
    CHECK(ending_of(FilterFor::opener, new_namespace) == -SIGSYS);
    if (!kWhole) return;
    CHECK(ending_of(FilterFor::opener, run_program) == -SIGSYS);
    CHECK(ending_of(FilterFor::opener, make_code) == -SIGSYS);
  }

  TEST_CASE("a filtered worker still has memory, time, threads and its descriptors") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const int ending = ending_of(FilterFor::worker, [&] {
      int sum = 0;
      std::thread([&] { sum = 5; }).join();
      const std::vector<uint8_t> memory(64 * 1024 * 1024, 1);
      return sum == 5 && ::write(ends[1], memory.data(), 1) == 1 ? 7 : 8;
    });
    CHECK(ending == 7);
    char octet = 0;
    CHECK(::read(ends[0], &octet, 1) == 1);
    ::close(ends[0]);
    ::close(ends[1]);
  }

  TEST_CASE("a worker's C library opens nothing: local time and memory given back by threads") {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      if (!enter_worker("nobody") || !forbid_system_calls(FilterFor::worker)) ::_exit(99);
      const time_t now = ::time(nullptr);
      tm parts{};
      const bool told = ::localtime_r(&now, &parts) != nullptr;
      std::vector<std::thread> threads;
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([] {
          for (int round = 0; round < 3; ++round) {
            std::vector<std::vector<uint8_t>> pieces;
            for (int piece = 0; piece < 100; ++piece) pieces.emplace_back(100'000, uint8_t{1});
          }
        });
      }
      for (auto& thread : threads) thread.join();
      ::_exit(told && ::strerror(ENOENT) != nullptr ? 7 : 8);
    }
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 7);
  }

  TEST_CASE("[T2] a hardened process leaves no core and cannot be read by its own user") {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      rlimit core{1, 1};
      const bool good = harden_process() && ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 &&
                        ::getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0 &&
                        ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
      ::_exit(good ? 7 : 8);
    }
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(WEXITSTATUS(status) == 7);
  }

  TEST_CASE("[T2] locked memory is locked, or the refusal is told") {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      const rlimit little{4096, 4096};
      // Root and CAP_IPC_LOCK pass every limit: then it must work.
      const bool limited = ::setrlimit(RLIMIT_MEMLOCK, &little) == 0 && ::geteuid() != 0;
      const auto done = lock_memory();
      ::_exit(done.has_value() == !limited ? 7 : 8);
    }
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(WEXITSTATUS(status) == 7);
  }
}
