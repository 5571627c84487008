// See peer_file.h.
#include "runtime/peer_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "policy/socket_call.h"

namespace sallyport::runtime {
namespace {

constexpr uint32_t kAllowed = O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_DIRECTORY | O_NOFOLLOW |
                              O_NONBLOCK | O_SYNC | O_DSYNC | O_CLOEXEC;
constexpr int kTries = 4;  // where others make and remove it meanwhile

Fd open_in(int root, const std::string& path, uint64_t flags, uint64_t mode) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return Fd(static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
}

// What stands at a place that is held by O_PATH: 0 if it may be opened.
int judge_place(int place, uint32_t flags) {
  struct stat facts {};
  struct statfs system {};
  if (::fstat(place, &facts) != 0 || ::fstatfs(place, &system) != 0) return errno;
  if (S_ISLNK(facts.st_mode)) return ELOOP;
  if (!S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode)) return EACCES;
  if (static_cast<uint64_t>(system.f_type) == PROC_SUPER_MAGIC) return EACCES;
  return S_ISDIR(facts.st_mode) && (flags & O_CREAT) != 0 ? EISDIR : 0;
}

}  // namespace

bool PeerFile::is_allowed() const {
  return (flags & ~kAllowed) == 0 && (flags & O_ACCMODE) != O_ACCMODE && (mode & ~0777u) == 0 && !path.empty() &&
         path.size() <= policy::socket_call::kMostPathOctets && path.find('\0') == std::string::npos;
}

bool PeerFile::writes() const { return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0; }

Bytes PeerFile::write() const {
  Writer out;
  out.u32(flags);
  out.u32(mode);
  out.u16(static_cast<uint16_t>(account.size()));
  out.bytes(as_bytes(account));
  out.bytes(as_bytes(path));
  return out.take();
}

Result<PeerFile> PeerFile::parse(ByteView bytes) {
  Reader in(bytes);
  PeerFile out;
  SP_TRY(out.flags, in.u32());
  SP_TRY(out.mode, in.u32());
  SP_TRY(const uint16_t octets, in.u16());
  SP_TRY(const ByteView account, in.view(octets));
  SP_TRY(const ByteView path, in.view(in.left()));
  out.account = as_text(account);
  out.path = as_text(path);
  return out;
}

int open_peer_file(int root, const PeerFile& wanted, Fd& out) {
  const uint32_t flags = wanted.flags;
  for (int i = 0; i < kTries; ++i) {
    const Fd place = open_in(root, wanted.path, O_PATH | (flags & (O_NOFOLLOW | O_DIRECTORY)), 0);
    if (!place && (errno != ENOENT || (flags & O_CREAT) == 0)) return errno;
    if (!place) {
      out = open_in(root, wanted.path, (flags & ~uint32_t{O_NOFOLLOW}) | O_CREAT | O_EXCL | O_NOCTTY, wanted.mode);
      if (out || errno != EEXIST) return out ? 0 : errno;
      continue;
    }
    if ((flags & O_CREAT) != 0 && (flags & O_EXCL) != 0) return EEXIST;
    if (const int error = judge_place(place.get(), flags); error != 0) return error;
    // What is held, and not what may stand there by now.
    const std::string held = "/proc/self/fd/" + std::to_string(place.get());
    constexpr uint32_t kDone = O_CREAT | O_EXCL | O_NOFOLLOW;
    out = Fd(::open(held.c_str(), static_cast<int>((flags & ~kDone) | O_CLOEXEC | O_NOCTTY)));
    return out ? 0 : errno;
  }
  return EEXIST;
}

}  // namespace sallyport::runtime
