// The seccomp program of `sallyport run`, read by an interpreter of the few instructions it has.
#include "api/run/socket_trap.h"

#include <doctest/doctest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>

TEST_SUITE_BEGIN("unit/socket_trap");

namespace sallyport::api::run {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kNative = AUDIT_ARCH_X86_64;
#else
constexpr uint32_t kNative = AUDIT_ARCH_AARCH64;
#endif

// What the program returns; nothing: an instruction it must not have, or no end.
std::optional<uint32_t> verdict(const seccomp_data& call) {
  const auto code = trap_program();
  uint32_t a = 0;
  for (size_t at = 0; at < code.size(); ++at) {
    const sock_filter& one = code[at];
    switch (one.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (one.k + sizeof a > sizeof call) return std::nullopt;
        std::memcpy(&a, reinterpret_cast<const char*>(&call) + one.k, sizeof a);
        break;
      case BPF_JMP | BPF_JEQ | BPF_K: at += a == one.k ? one.jt : one.jf; break;
      case BPF_JMP | BPF_JGE | BPF_K: at += a >= one.k ? one.jt : one.jf; break;
      case BPF_RET | BPF_K: return one.k;
      default: return std::nullopt;
    }
  }
  return std::nullopt;
}

seccomp_data call(long number, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0) {
  seccomp_data out{};
  out.arch = kNative;
  out.nr = static_cast<int>(number);
  out.args[0] = a;
  out.args[1] = b;
  out.args[2] = c;
  return out;
}

uint32_t refused(int error) { return SECCOMP_RET_ERRNO | static_cast<uint32_t>(error); }

}  // namespace

TEST_CASE("IP sockets are asked for, other families pass or are refused") {
  for (const int family : {AF_INET, AF_INET6})
    CHECK(verdict(call(SYS_socket, static_cast<uint64_t>(family), SOCK_STREAM)) == SECCOMP_RET_USER_NOTIF);
  for (const int family : {AF_UNIX, AF_NETLINK, AF_ALG, AF_VSOCK})
    CHECK(verdict(call(SYS_socket, static_cast<uint64_t>(family))) == SECCOMP_RET_ALLOW);
  for (uint64_t family = 0; family < 64; ++family) {
    const bool known = family == AF_INET || family == AF_INET6 || family == AF_UNIX || family == AF_NETLINK ||
                       family == AF_ALG || family == AF_VSOCK;
    if (!known) CHECK(verdict(call(SYS_socket, family)) == refused(EAFNOSUPPORT));
  }
  // The kernel looks at the lower half of an int.
  CHECK(verdict(call(SYS_socket, 0xffffffff00000000 | AF_INET)) == SECCOMP_RET_USER_NOTIF);
}

TEST_CASE("what could make a socket unseen is not there") {
  CHECK(verdict(call(SYS_io_uring_setup)) == refused(ENOSYS));
  CHECK(verdict(call(SYS_pidfd_getfd)) == refused(EPERM));
  seccomp_data foreign = call(SYS_read);
  foreign.arch = AUDIT_ARCH_I386;
  CHECK(verdict(foreign) == refused(ENOSYS));
#if defined(__x86_64__)
  CHECK(verdict(call(0x40000000 | SYS_socket, AF_INET)) == refused(ENOSYS));
  CHECK(verdict(call(0x40000000 | SYS_read)) == refused(ENOSYS));
#endif
}

TEST_CASE("the mark of a socket stays, its other options are the program's") {
  CHECK(verdict(call(SYS_setsockopt, 3, SOL_SOCKET, SO_MARK)) == refused(EPERM));
  CHECK(verdict(call(SYS_setsockopt, 3, SOL_SOCKET, SO_REUSEADDR)) == SECCOMP_RET_ALLOW);
  CHECK(verdict(call(SYS_setsockopt, 3, 6, SO_MARK)) == SECCOMP_RET_ALLOW);
  for (const long number : {SYS_read, SYS_connect, SYS_accept4, SYS_getsockopt, SYS_socketpair, SYS_execve})
    CHECK(verdict(call(number, AF_INET, 0, SO_MARK)) == SECCOMP_RET_ALLOW);
}

}  // namespace sallyport::api::run

TEST_SUITE_END();
