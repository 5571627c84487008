// See socket_owners.h. Where several processes have one socket, its program is that of the lowest number among them
// whose program is a file that this host has under the name that the kernel gives: who made a socket is mostly older
// than who got it. A program that has been replaced or removed, or that runs in another file system under a name of
// ours, is none: its name would not say what runs.
#include "runtime/socket_owners.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/endpoint_octets.h"
#include "runtime/routes_linux.h"

namespace sallyport::runtime {
namespace {

constexpr uint8_t kTimeWait = 6, kClosed = 7, kListening = 10;

std::string read_link(const std::string& path) {
  char text[PATH_MAX];
  const ssize_t octets = ::readlink(path.c_str(), text, sizeof text);
  if (octets <= 0 || octets == static_cast<ssize_t>(sizeof text)) return {};
  return {text, static_cast<size_t>(octets)};
}

bool is_number(const char* text) {
  return *text != 0 &&
         std::all_of(text, text + std::char_traits<char>::length(text), [](char c) { return c >= '0' && c <= '9'; });
}

class Folder {
 public:
  explicit Folder(const std::string& path) : folder_(::opendir(path.c_str())) {}
  ~Folder() {
    if (folder_ != nullptr) ::closedir(folder_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  // nullptr: no more.
  const char* next_number() {
    for (const dirent* entry = folder_ ? ::readdir(folder_) : nullptr; entry; entry = ::readdir(folder_))
      if (is_number(entry->d_name)) return entry->d_name;
    return nullptr;
  }

 private:
  DIR* folder_;
};

std::string program_at(const std::string& process) {
  const std::string link = process + "/exe";
  std::string path = read_link(link);
  struct stat runs {
  }, there{};
  if (path.empty() || path.front() != '/' || ::stat(link.c_str(), &runs) != 0 || ::stat(path.c_str(), &there) != 0 ||
      runs.st_dev != there.st_dev || runs.st_ino != there.st_ino)
    return {};
  return path;
}

}  // namespace

Bytes OwnerQuestion::write() const {
  Writer out;
  out.u8(protocol);
  out.u8(accepted ? 1 : 0);
  put_endpoint(out, local);
  put_endpoint(out, remote);
  return out.take();
}

Result<OwnerQuestion> OwnerQuestion::parse(ByteView octets) {
  Reader in(octets);
  OwnerQuestion out;
  SP_TRY(out.protocol, in.u8());
  SP_TRY(const uint8_t accepted, in.u8());
  SP_TRY(out.local, take_endpoint(in));
  SP_TRY(out.remote, take_endpoint(in));
  SP_CHECK(in.expect_end());
  if (accepted > 1 || out.local.addr.family() != out.remote.addr.family()) return fail(Errc::bad_value);
  out.accepted = accepted != 0;
  return out;
}

Bytes OwnerAnswer::write() const {
  Writer out;
  out.u8(static_cast<uint8_t>(known));
  out.u8(secured ? 1 : 0);
  out.u32(uid);
  out.u32(static_cast<uint32_t>(gids.size()));
  for (const uint32_t gid : gids) out.u32(gid);
  out.bytes(as_bytes(program));
  return out.take();
}

Result<OwnerAnswer> OwnerAnswer::parse(ByteView octets) {
  Reader in(octets);
  OwnerAnswer out;
  SP_TRY(const uint8_t known, in.u8());
  SP_TRY(const uint8_t secured, in.u8());
  if (known > static_cast<uint8_t>(Known::account) || secured > 1) return fail(Errc::bad_value);
  out.known = static_cast<Known>(known);
  out.secured = secured != 0;
  SP_TRY(out.uid, in.u32());
  SP_TRY(const uint32_t groups, in.u32());
  if (groups > in.left() / 4) return fail(Errc::truncated);
  for (uint32_t i = 0; i < groups; ++i) {
    SP_TRY(const uint32_t gid, in.u32());
    out.gids.push_back(gid);
  }
  SP_TRY(const ByteView path, in.view(in.left()));
  out.program = std::string(as_text(path));
  return out;
}

bool SocketOwners::Bucket::take(TimePoint now, unsigned most) {
  if (now - since >= seconds(1)) {
    since = now;
    taken = 0;
  }
  return taken < most && ++taken != 0;
}

OwnerAnswer SocketOwners::find(TimePoint now, const OwnerQuestion& question) {
  OwnerAnswer out;
  if (!looks_.take(now, kMostLooks)) return out;
  const auto found = socket_of(question);
  out.secured = found && is_marked(*found);
  // A datagram socket that is not connected is a closed one.
  const bool over = question.protocol == IPPROTO_TCP && found && (found->state == kTimeWait || found->state == kClosed);
  if (!found || !found->uid || over) {
    out.known = OwnerAnswer::Known::nobody;
    return out;
  }
  out.uid = *found->uid;
  if (groups_of(now, out.uid, out.gids) && program_of(now, found->inode, out.program))
    out.known = OwnerAnswer::Known::account;
  return out;
}

// Until a program has accepted it a connection has no file: then it is the listener's.
std::optional<FoundSocket> SocketOwners::socket_of(const OwnerQuestion& question) {
  auto found = lookup_.find(question.protocol, question.local, question.remote);
  if (question.protocol != IPPROTO_TCP || !question.accepted || (found && found->uid)) return found;
  const bool secured = found && is_marked(*found);
  lookup_.each(IPPROTO_TCP, 1u << kListening, question.local.port, [&](const FoundSocket& one) {
    const IpAddr& bound = one.local.addr;
    const bool fits =
        bound == question.local.addr ||
        (bound.is_any() && (bound.family() == question.local.addr.family() || (bound.is_v6() && !one.v6_only)));
    if (fits && (!found || !found->uid || !bound.is_any())) found = one;
  });
  if (found && secured) found->mark = kCaptureMark;
  return found;
}

// Primary and further groups. True without any: there is no such account.
bool SocketOwners::groups_of(TimePoint now, uint32_t uid, std::vector<uint32_t>& gids) {
  const auto kept = accounts_.find(uid);
  if (kept != accounts_.end() && now - kept->second.asked < kAccountStands) {
    gids = kept->second.gids;
    return true;
  }
  passwd entry{};
  passwd* there = nullptr;
  char room[16384];
  const int error = ::getpwuid_r(uid, &entry, room, sizeof room, &there);
  if (error != 0 && error != ENOENT && error != ESRCH) return false;
  if (there != nullptr) {
    std::vector<gid_t> all(kMostGroups);
    int count = static_cast<int>(all.size());
    if (::getgrouplist(entry.pw_name, entry.pw_gid, all.data(), &count) < 0) return false;
    gids.assign(all.begin(), all.begin() + count);
  }
  if (accounts_.size() >= kMostKept) accounts_.clear();
  accounts_[uid] = {now, gids};
  return true;
}

bool SocketOwners::program_of(TimePoint now, uint32_t inode, std::string& program) {
  const std::string socket = "socket:[" + std::to_string(inode) + "]";
  const auto kept = holders_.find(inode);
  if (kept != holders_.end()) {
    program = program_at(kept->second.process);
    // Asked after that: while the process has the socket, its number is nobody else's.
    if (read_link(kept->second.descriptor) == socket && !program.empty()) return true;
    holders_.erase(kept);
    program.clear();
  }
  const auto none = without_.find(inode);
  if (none != without_.end() && now - none->second < kNobodyStands) return true;
  if (!scans_.take(now, kMostScans)) return false;
  const auto holder = scan(inode);
  program = holder ? program_at(holder->process) : std::string();
  if (holder && read_link(holder->descriptor) != socket) program.clear();
  if (program.empty()) {
    if (without_.size() >= kMostKept) without_.clear();
    without_[inode] = now;
    return true;
  }
  if (holders_.size() >= kMostKept) holders_.clear();
  holders_[inode] = *holder;
  return true;
}

std::optional<SocketOwners::Holder> SocketOwners::scan(uint32_t inode) const {
  const std::string socket = "socket:[" + std::to_string(inode) + "]";
  std::vector<unsigned long> numbers;
  Folder processes(proc_);
  for (const char* number = processes.next_number(); number; number = processes.next_number())
    numbers.push_back(std::stoul(number));
  std::sort(numbers.begin(), numbers.end());
  for (const unsigned long number : numbers) {
    const std::string process = proc_ + "/" + std::to_string(number);
    Folder descriptors(process + "/fd");
    for (const char* one = descriptors.next_number(); one; one = descriptors.next_number()) {
      const std::string descriptor = process + "/fd/" + one;
      if (read_link(descriptor) == socket && !program_at(process).empty()) return Holder{descriptor, process};
    }
  }
  return std::nullopt;
}

}  // namespace sallyport::runtime
