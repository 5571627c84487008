// See raw_socket.h.
#include "runtime/raw_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

namespace sallyport::runtime {

Result<Fd> open_esp_socket(Family family, const SocketOptions& options) {
  Fd fd(::socket(family == Family::v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ESP));
  if (!fd) return fail_errno();
  SP_CHECK(apply_socket_options(fd.get(), family, options));
  return fd;
}

std::string explain_esp(const Error& error) {
  if (error.code == Errc::permission) return "the raw socket for ESP may not be opened without root or CAP_NET_RAW";
  return explain("the raw socket for ESP cannot be opened", error);
}

}  // namespace sallyport::runtime
