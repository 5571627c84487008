// See sandbox.h.
#include "daemon/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <vector>

#include "runtime/fd.h"

namespace sallyport::daemon {
namespace {

using runtime::fail_errno;

// Keeps exactly these capabilities (bits of the first word). Works for a process that has fewer.
Result<> keep_capabilities(uint32_t keep) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2]{};
  if (::syscall(SYS_capget, &header, sets) != 0) return fail_errno();
  for (auto& set : sets) {
    set.effective &= keep;
    set.permitted &= keep;
    set.inheritable = 0;
    keep = 0;  // nothing of the second word
  }
  if (::syscall(SYS_capset, &header, sets) != 0) return fail_errno();
  return {};
}

// An empty folder that is gone from the file system while we stand in it.
Result<> enter_empty_root() {
  for (const char* pattern : {"/run/sallyport-XXXXXX", "/tmp/sallyport-XXXXXX"}) {
    std::string path = pattern;
    if (!::mkdtemp(path.data())) continue;
    const bool inside = ::chdir(path.c_str()) == 0;
    (void)::rmdir(path.c_str());
    if (!inside || ::chroot(".") != 0) return fail_errno();
    if (::chdir("/") != 0) return fail_errno();
    return {};
  }
  return fail_errno();
}

Result<> become(uid_t uid, gid_t gid) {
  if (::setgroups(0, nullptr) != 0) return fail_errno();
  if (::setresgid(gid, gid, gid) != 0) return fail_errno();
  if (::setresuid(uid, uid, uid) != 0) return fail_errno();
  // It must not be possible to come back.
  if (uid != 0 && ::setuid(0) == 0) return fail(Errc::state);
  return {};
}

struct User {
  uid_t uid;
  gid_t gid;
};
User user_of(const std::string& name) {
  if (const passwd* entry = ::getpwnam(name.c_str())) return {entry->pw_uid, entry->pw_gid};
  if (const passwd* entry = ::getpwnam("nobody")) return {entry->pw_uid, entry->pw_gid};
  return {65534, 65534};
}

}  // namespace

Result<> harden_process() {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) return fail_errno();
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno();
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno();
  return {};
}

Result<> enter_worker(const std::string& user) {
  if (::geteuid() == 0) {
    const User who = user_of(user);  // before the root is empty
    ::tzset();
    SP_CHECK(enter_empty_root());
    SP_CHECK(become(who.uid, who.gid));
  }
  SP_CHECK(keep_capabilities(0));
  return harden_process();
}

Result<> enter_helper(const std::string& user) {
  if (::geteuid() == 0) {
    const User who = user_of(user);
    SP_CHECK(become(who.uid, who.gid));
  }
  SP_CHECK(keep_capabilities(0));
  return harden_process();
}

Result<> enter_keys() {
  (void)::unshare(CLONE_NEWNET);  // needs a right the daemon may not have been given
  // Locking what is to come is wanted only without a limit: under one, later allocations would fail.
  const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
  (void)::mlockall(::setrlimit(RLIMIT_MEMLOCK, &all) == 0 ? MCL_CURRENT | MCL_FUTURE : MCL_CURRENT);
  SP_CHECK(keep_capabilities(1u << CAP_DAC_READ_SEARCH));
  return harden_process();
}

Result<> forbid_system_calls() {
#if defined(__x86_64__)
  constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
  constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
  return {};
#endif
#if defined(__x86_64__) || defined(__aarch64__)
  const std::vector<uint32_t> forbidden = {
      SYS_execve,
      SYS_execveat,
      SYS_ptrace,
      SYS_socket,
      SYS_bind,
      SYS_listen,
      SYS_mount,
      SYS_umount2,
      SYS_unshare,
      SYS_setns,
      SYS_kexec_load,
      SYS_init_module,
      SYS_finit_module,
      SYS_bpf,
      SYS_perf_event_open,
      SYS_process_vm_readv,
      SYS_process_vm_writev,
      SYS_pidfd_getfd,
  };
  const auto statement = [](int code, uint32_t k) { return sock_filter{static_cast<uint16_t>(code), 0, 0, k}; };
  const auto unless = [](uint32_t value, uint8_t skip) {
    return sock_filter{BPF_JMP | BPF_JEQ | BPF_K, 0, skip, value};
  };
  std::vector<sock_filter> program;
  program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)));
  program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, kArchitecture});
  program.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  program.push_back(statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  for (const uint32_t number : forbidden) {
    program.push_back(unless(number, 1));
    program.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  }
  // Opening is refused, not fatal: the C library looks for its time zone and its message files now and then.
  for (const uint32_t number : {
         static_cast<uint32_t>(SYS_openat), static_cast<uint32_t>(SYS_openat2),
#if defined(__x86_64__)
             static_cast<uint32_t>(SYS_open), static_cast<uint32_t>(SYS_creat),
#endif
             static_cast<uint32_t>(SYS_connect)
       }) {
    program.push_back(unless(number, 1));
    program.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES));
  }
  program.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  // All threads of the process, those already running included.
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) != 0) return fail_errno();
  return {};
#endif
}

void die_with_parent() { (void)::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); }

}  // namespace sallyport::daemon
