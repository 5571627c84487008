// See socket_trap.h.
#include "api/run/socket_trap.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace sallyport::api::run {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kNative = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kNative = AUDIT_ARCH_AARCH64;
#else
#error "the system calls of this architecture are not known here"
#endif

constexpr sock_filter load(size_t at) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(at)); }
// Arguments that are ints: the kernel takes the lower half too. Both architectures are little endian.
constexpr sock_filter load_argument(size_t index) { return load(offsetof(seccomp_data, args) + 8 * index); }
constexpr sock_filter answer(uint32_t action) { return BPF_STMT(BPF_RET | BPF_K, action); }
constexpr uint32_t refused(int error) { return SECCOMP_RET_ERRNO | static_cast<uint32_t>(error); }
// So many instructions are passed over unless the value is this one.
constexpr sock_filter unless(uint32_t value, uint8_t skip) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip);
}

constexpr int kAskedFamilies[] = {AF_INET, AF_INET6};
constexpr int kFreeFamilies[] = {AF_UNIX, AF_NETLINK, AF_ALG, AF_VSOCK};

}  // namespace

bool is_free_family(int family) {
  return std::find(std::begin(kFreeFamilies), std::end(kFreeFamilies), family) != std::end(kFreeFamilies);
}

std::vector<sock_filter> trap_program() {
  std::vector<sock_filter> out{load(offsetof(seccomp_data, arch)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kNative, 1, 0),
                               answer(refused(ENOSYS)), load(offsetof(seccomp_data, nr))};
#if defined(__x86_64__)
  constexpr uint32_t kX32 = 0x40000000;
  out.insert(out.end(), {BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32, 0, 1), answer(refused(ENOSYS))});
#endif
  out.insert(out.end(), {unless(SYS_io_uring_setup, 1), answer(refused(ENOSYS))});
  out.insert(out.end(), {unless(SYS_pidfd_getfd, 1), answer(refused(EPERM))});
  out.insert(out.end(), {unless(SYS_setsockopt, 6), load_argument(1), unless(SOL_SOCKET, 3), load_argument(2),
                         unless(SO_MARK, 1), answer(refused(EPERM)), answer(SECCOMP_RET_ALLOW)});
  out.insert(out.end(), {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 1, 0), answer(SECCOMP_RET_ALLOW)});
  out.push_back(load_argument(0));
  for (const int family : kAskedFamilies)
    out.insert(out.end(), {unless(static_cast<uint32_t>(family), 1), answer(SECCOMP_RET_USER_NOTIF)});
  for (const int family : kFreeFamilies)
    out.insert(out.end(), {unless(static_cast<uint32_t>(family), 1), answer(SECCOMP_RET_ALLOW)});
  out.push_back(answer(refused(EAFNOSUPPORT)));
  return out;
}

int set_trap() {
  std::vector<sock_filter> code = trap_program();
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  const auto set = [&](unsigned long flags) {
    return static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
  };
  const auto set_somehow = [&] {
    const int fd = set(SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    return fd < 0 && errno == EINVAL ? set(SECCOMP_FILTER_FLAG_NEW_LISTENER) : fd;
  };
  int fd = set_somehow();
  if (fd < 0 && errno == EACCES && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) fd = set_somehow();
  return fd < 0 ? -errno : fd;
}

}  // namespace sallyport::api::run
