// See syscall_filter.h. A list of what is allowed; everything else ends the process (SECCOMP_RET_KILL_PROCESS), so that
// a call nobody thought of fails closed. io_uring stays out on purpose: what is asked for through its ring passes no
// filter.
#include "daemon/syscall_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

#include "runtime/fd.h"

namespace sallyport::daemon {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the system call filter has no table for this architecture"
#endif

// A sanitizer's run time opens files, starts its symbolizer and stops threads whenever it likes: under one, only what
// no sanitizer does is forbidden.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

constexpr uint32_t kWrites = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;

// Descriptors that are open, memory, time, threads, and a decent end.
const std::vector<uint32_t>& common() {
  static const std::vector<uint32_t> calls = {
    SYS_read,
    SYS_readv,
    SYS_pread64,
    SYS_write,
    SYS_writev,
    SYS_pwrite64,
    SYS_lseek,
    SYS_close,
    SYS_fstat,
    SYS_newfstatat,
    SYS_statx,
    SYS_ftruncate,
    SYS_fcntl,
    SYS_dup,
    SYS_dup3,
    SYS_pipe2,
    SYS_recvmsg,
    SYS_sendmsg,
    SYS_recvfrom,
    SYS_sendto,
    SYS_recvmmsg,
    SYS_sendmmsg,
    SYS_shutdown,
    SYS_getsockname,
    SYS_getpeername,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_ppoll,
    SYS_pselect6,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_eventfd2,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    SYS_timerfd_gettime,
    SYS_signalfd4,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_mlock,
    SYS_munlock,
    SYS_mlockall,
    SYS_membarrier,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_times,
    SYS_futex,
    SYS_clone,
    SYS_clone3,
    SYS_set_robust_list,
    SYS_rseq,
    SYS_set_tid_address,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_sched_setaffinity,
    SYS_getcpu,
    SYS_prctl,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_tgkill,
    SYS_restart_syscall,
    SYS_getpid,
    SYS_getppid,
    SYS_gettid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getrandom,
    SYS_getrusage,
    SYS_prlimit64,
    SYS_sysinfo,
    SYS_uname,
    SYS_exit,
    SYS_exit_group,
#if defined(__x86_64__)
    SYS_poll,
    SYS_select,
    SYS_epoll_wait,
    SYS_dup2,
    SYS_pipe,
    SYS_time,
    SYS_arch_prctl,
#endif
#ifdef SYS_epoll_pwait2
    SYS_epoll_pwait2,
#endif
  };
  return calls;
}

const std::vector<uint32_t>& own_of(FilterFor process) {
  // accept4 for the control socket, ioctl for Asio's non-blocking switch, connect for the sockets of single peers.
  static const std::vector<uint32_t> worker = {SYS_accept4, SYS_ioctl, SYS_connect};
  static const std::vector<uint32_t> keys = {
    SYS_getdents64,
#if defined(__x86_64__)
    SYS_stat,
    SYS_lstat,
    SYS_readlink,
#endif
    SYS_readlinkat,
    SYS_faccessat,
    SYS_statfs,
    SYS_fstatfs,
  };
  static const std::vector<uint32_t> helper = {
    SYS_socket,
    SYS_connect,
    SYS_bind,
    SYS_ioctl,
    SYS_getdents64,
#if defined(__x86_64__)
    SYS_stat,
    SYS_lstat,
    SYS_readlink,
    SYS_access,
#endif
    SYS_readlinkat,
    SYS_faccessat,
    SYS_statfs,
    SYS_fstatfs,
#ifdef SYS_faccessat2
    SYS_faccessat2,
#endif
  };
  static const std::vector<uint32_t> opener = {
    SYS_openat,
    SYS_fstatfs,
#if defined(__x86_64__)
    SYS_open,
#endif
    SYS_openat2,
  };
  switch (process) {
    case FilterFor::worker: return worker;
    case FilterFor::keys: return keys;
    case FilterFor::helper: return helper;
    case FilterFor::opener: return opener;
  }
  return worker;
}

class Program {
 public:
  void only(uint32_t architecture) {
    load(offsetof(seccomp_data, arch));
    code_.push_back({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, architecture});
    verdict(SECCOMP_RET_KILL_PROCESS);
  }
  void load(size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)); }
  void verdict(uint32_t what) { add(BPF_RET | BPF_K, what); }
  void verdict_for(uint32_t number, uint32_t what) {
    code_.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, 1, number});
    verdict(what);
  }
  // Allowed while the argument of that index has none of these bits. The accumulator holds the number again only where
  // this is skipped.
  void allow_without(uint32_t number, size_t argument, uint32_t bits) {
    code_.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, 4, number});
    load(offsetof(seccomp_data, args) + 8 * argument);  // the lower half: both architectures are little-endian
    code_.push_back({BPF_JMP | BPF_JSET | BPF_K, 0, 1, bits});
    verdict(SECCOMP_RET_KILL_PROCESS);
    verdict(SECCOMP_RET_ALLOW);
  }
  Result<> install() {
    const sock_fprog filter{static_cast<unsigned short>(code_.size()), code_.data()};
    // All threads of the process, those already running included.
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) != 0) {
      return runtime::fail_errno();
    }
    return {};
  }

 private:
  void add(int code, uint32_t k) { code_.push_back({static_cast<uint16_t>(code), 0, 0, k}); }
  std::vector<sock_filter> code_;
};

}  // namespace

Result<> forbid_system_calls(FilterFor process) {
  Program program;
  program.only(kArchitecture);
  program.load(offsetof(seccomp_data, nr));
  if (kSanitized) {
    for (const uint32_t number : {static_cast<uint32_t>(SYS_mount), static_cast<uint32_t>(SYS_setns),
                                  static_cast<uint32_t>(SYS_unshare), static_cast<uint32_t>(SYS_bpf)}) {
      program.verdict_for(number, SECCOMP_RET_KILL_PROCESS);
    }
    if (process != FilterFor::helper) program.verdict_for(SYS_socket, SECCOMP_RET_KILL_PROCESS);
    program.verdict(SECCOMP_RET_ALLOW);
    return program.install();
  }
  for (const uint32_t number : common()) program.verdict_for(number, SECCOMP_RET_ALLOW);
  for (const uint32_t number : own_of(process)) program.verdict_for(number, SECCOMP_RET_ALLOW);
  if (process != FilterFor::worker) {
#if defined(__x86_64__)
    program.allow_without(SYS_open, 1, kWrites);
#endif
    program.allow_without(SYS_openat, 2, kWrites);
  }
  // Memory that may be written never becomes code. The resolver's modules are loaded, so not in the helper.
  const uint32_t code = process == FilterFor::helper ? 0 : PROT_EXEC;
  program.allow_without(SYS_mmap, 2, code);
  program.allow_without(SYS_mprotect, 2, code);
  program.verdict(SECCOMP_RET_KILL_PROCESS);
  return program.install();
}

}  // namespace sallyport::daemon
