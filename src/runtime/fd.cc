// See fd.h.
#include "runtime/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

namespace sallyport::runtime {

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Fd Fd::duplicate() const { return Fd(fd_ < 0 ? -1 : ::fcntl(fd_, F_DUPFD_CLOEXEC, 3)); }

tl::unexpected<Error> fail_errno() {
  const int number = errno;
  const auto detail = static_cast<uint32_t>(number);
  if (number == EPERM || number == EACCES) return fail(Errc::permission, detail);
  if (number == ENOENT || number == ENODEV) return fail(Errc::not_found, detail);
  return fail(Errc::io, detail);
}

std::string explain(const std::string& what, const Error& error) {
  if (error.detail != 0 &&
      (error.code == Errc::io || error.code == Errc::permission || error.code == Errc::not_found)) {
    return what + ": " + ::strerrordesc_np(static_cast<int>(error.detail));
  }
  return what + ": " + std::string(describe(error.code));
}

}  // namespace sallyport::runtime
