// See policy_file.h.
#include "runtime/policy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sallyport::runtime {
namespace {

std::string folder_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

// Nothing when there is no such file.
Result<Bytes> read_whole(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return errno == ENOENT ? Result<Bytes>(Bytes{}) : fail_errno();
  struct stat facts {};
  if (::fstat(fd.get(), &facts) != 0) return fail_errno();
  if (!S_ISREG(facts.st_mode)) return fail(Errc::bad_value);
  if (facts.st_size > static_cast<off_t>(kMaxPolicyOctets)) return fail(Errc::limit);
  Bytes out(static_cast<size_t>(facts.st_size));
  for (size_t at = 0; at < out.size();) {
    const ssize_t n = ::read(fd.get(), out.data() + at, out.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno();
    if (n == 0) return fail(Errc::truncated);
    at += static_cast<size_t>(n);
  }
  return out;
}

Result<> write_whole(const std::string& path, ByteView octets) {
  (void)::unlink(path.c_str());
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail_errno();
  while (!octets.empty()) {
    const ssize_t n = ::write(fd.get(), octets.data(), octets.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno();
    octets = octets.subspan(static_cast<size_t>(n));
  }
  if (::fsync(fd.get()) != 0) return fail_errno();
  return {};
}

void sync_folder(const std::string& folder) {
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd) (void)::fsync(fd.get());
}

}  // namespace

StoredPolicy PolicyFile::load() const {
  StoredPolicy out;
  if (path_.empty()) return out;
  const std::string folder = folder_of(path_);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST && ::access(folder.c_str(), F_OK) != 0) return out;
  out.kept = ::access(folder.c_str(), W_OK | X_OK) == 0;
  const auto take = [&](const std::string& path, Bytes& into) {
    auto octets = read_whole(path);
    if (octets) {
      into = std::move(*octets);
    } else {
      out.complaints.push_back(explain("the policy store " + path + " cannot be read", octets.error()));
    }
  };
  take(path_, out.newest);
  take(path_ + ".previous", out.previous);
  return out;
}

Result<> PolicyFile::save(ByteView octets) const {
  if (path_.empty()) return fail(Errc::unsupported);
  if (octets.size() > kMaxPolicyOctets) return fail(Errc::limit);
  const std::string fresh = path_ + ".new", previous = path_ + ".previous";
  SP_CHECK(write_whole(fresh, octets));
  // A link and not a rename: there is no moment without a newest one.
  if (::access(path_.c_str(), F_OK) == 0) {
    (void)::unlink(previous.c_str());
    if (::link(path_.c_str(), previous.c_str()) != 0) return fail_errno();
  }
  if (::rename(fresh.c_str(), path_.c_str()) != 0) return fail_errno();
  sync_folder(folder_of(path_));
  return {};
}

void PolicyFile::set_aside() const {
  if (!path_.empty()) (void)::rename(path_.c_str(), (path_ + ".damaged").c_str());
}

std::string explain_policy_file(const std::string& path, const Error& error) {
  return explain("persistent policy cannot be kept in " + path, error);
}

}  // namespace sallyport::runtime
