// See sandbox.h.
#include "daemon/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <malloc.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <utility>
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

Result<> become(uid_t uid, gid_t gid, const std::vector<gid_t>& groups = {}) {
  if (::setgroups(groups.size(), groups.data()) != 0) return fail_errno();
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
  // Before the root is empty and no file can be opened: the time zone is read once.
  ::tzset();
  // An arena of a thread's own asks the system, by a file, whether it may shrink; with one arena nothing does.
  (void)::mallopt(M_ARENA_MAX, 1);
  if (::geteuid() == 0) {
    const User who = user_of(user);
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
  const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
  (void)::setrlimit(RLIMIT_MEMLOCK, &all);  // for lock_memory; as far as we may
  SP_CHECK(keep_capabilities(1u << CAP_DAC_READ_SEARCH));
  return harden_process();
}

Result<> enter_account(const std::string& account) {
  const passwd* entry = ::getpwnam(account.c_str());
  if (entry == nullptr) return fail(Errc::not_found);
  if (entry->pw_uid == 0) return fail(Errc::permission);
  const uid_t uid = entry->pw_uid;
  const gid_t gid = entry->pw_gid;
  constexpr int kMostGroups = 65536;
  std::vector<gid_t> groups(kMostGroups);
  int count = kMostGroups;
  if (::getgrouplist(account.c_str(), gid, groups.data(), &count) < 0) return fail(Errc::too_many);
  groups.resize(static_cast<size_t>(count));
  SP_CHECK(become(uid, gid, groups));
  SP_CHECK(keep_capabilities(0));
  for (const auto& [what, most] : {std::pair{RLIMIT_NOFILE, 16}, {RLIMIT_NPROC, 0}, {RLIMIT_CPU, 2}}) {
    const rlimit limit{static_cast<rlim_t>(most), static_cast<rlim_t>(most)};
    if (::setrlimit(what, &limit) != 0) return fail_errno();
  }
  return harden_process();
}

Result<> lock_memory() {
  rlimit now{};
  (void)::getrlimit(RLIMIT_MEMLOCK, &now);
  // Locking what is to come is wanted only without a limit: under one, later allocations would fail.
  if (::mlockall(now.rlim_cur == RLIM_INFINITY ? MCL_CURRENT | MCL_FUTURE : MCL_CURRENT) != 0) return fail_errno();
  return {};
}

void die_with_parent() { (void)::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); }

}  // namespace sallyport::daemon
