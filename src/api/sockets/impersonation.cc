// The account of a peer for one thread: raw system calls, because the C library's functions change every thread.
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

#include "api/sockets/call.h"
#include "api/sockets/identity.h"

namespace sallyport::api::sockets {
namespace {

struct Who {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

// One call that is not undone yet.
struct Taken {
  std::optional<Who> was;  // nothing: the thread's rights were not touched
  sallyport_identity identity;
};
thread_local std::vector<Taken> taken;  // the last one is the one in force

uid_t set_uid(uid_t uid) { return static_cast<uid_t>(::syscall(SYS_setfsuid, uid)); }
gid_t set_gid(gid_t gid) { return static_cast<gid_t>(::syscall(SYS_setfsgid, gid)); }

Who current() {
  Who out;
  out.uid = set_uid(static_cast<uid_t>(-1));  // changes nothing and says what it is
  out.gid = set_gid(static_cast<gid_t>(-1));
  const long count = ::syscall(SYS_getgroups, 0, nullptr);
  out.groups.resize(count > 0 ? static_cast<size_t>(count) : 0);
  if (count > 0) (void)::syscall(SYS_getgroups, count, out.groups.data());
  return out;
}

// The user last: whoever is no longer root may not change groups. Back to root the user comes first.
bool become(const Who& who) {
  const auto groups = [&] { return ::syscall(SYS_setgroups, who.groups.size(), who.groups.data()) == 0; };
  set_gid(who.gid);
  if (!groups()) return false;
  set_uid(who.uid);
  return set_uid(static_cast<uid_t>(-1)) == who.uid && set_gid(static_cast<gid_t>(-1)) == who.gid;
}

int account(const std::string& name, Who& out) {
  std::vector<char> room(16384);
  passwd entry{};
  passwd* found = nullptr;
  while (::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found) == ERANGE && room.size() < (1u << 20))
    room.resize(room.size() * 2);
  if (found == nullptr || entry.pw_uid == 0) return EACCES;
  out.uid = entry.pw_uid;
  out.gid = entry.pw_gid;
  int count = 64;
  out.groups.resize(64);
  if (::getgrouplist(name.c_str(), entry.pw_gid, out.groups.data(), &count) < 0) {
    if (count <= 0 || count > 65536) return EACCES;
    out.groups.resize(static_cast<size_t>(count));
    if (::getgrouplist(name.c_str(), entry.pw_gid, out.groups.data(), &count) < 0) return EACCES;
  }
  out.groups.resize(static_cast<size_t>(count));
  return 0;
}

}  // namespace

int impersonate(int fd, const std::optional<policy::socket_call::Peer>& peer) {
  policy::socket_call::Request request;
  request.function = policy::socket_call::Function::account;
  request.peer = peer;
  policy::socket_call::Answer answer;
  if (const int error = call(fd, request, answer); error != 0) return error;
  sallyport_identity identity = identity_of(answer);
  if ((answer.flags & policy::socket_call::kIdentifyOnly) != 0) {
    taken.push_back({std::nullopt, std::move(identity)});
    return 0;
  }
  Who who;
  if (const int error = account(answer.account, who); error != 0) return error;
  const Who was = current();
  if (!become(who)) {
    // Half of a change is worse than none: what could be changed can be changed back.
    if (!become(was)) ::abort();
    return EACCES;
  }
  taken.push_back({was, std::move(identity)});
  return 0;
}

int revert() {
  if (taken.empty()) return 0;
  if (const auto& was = taken.back().was) {
    set_uid(was->uid);
    if (!become(*was)) return EPERM;
  }
  taken.pop_back();
  return 0;
}

const sallyport_identity* identity_of_thread() { return taken.empty() ? nullptr : &taken.back().identity; }

}  // namespace sallyport::api::sockets
