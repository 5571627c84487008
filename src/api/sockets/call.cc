// See call.h.
#include "api/sockets/call.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>

namespace sallyport::api::sockets {
namespace {

using policy::socket_call::Answer;
using policy::socket_call::Request;

constexpr const char* kDefaultSocket = "/run/sallyport/sockets.sock";
constexpr int kPatienceMs = 10000;

struct Connection {
  int fd = -1;
  ~Connection() {
    if (fd >= 0) ::close(fd);
  }
};

int connect_to_daemon(Connection& out) {
  const char* path = ::secure_getenv("SALLYPORT_SOCKETS");
  if (path == nullptr) path = kDefaultSocket;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (std::strlen(path) >= sizeof name.sun_path) return ENAMETOOLONG;
  std::memcpy(name.sun_path, path, std::strlen(path));
  out.fd = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (out.fd < 0) return errno;
  while (::connect(out.fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
    if (errno != EINTR) return errno == EACCES ? EACCES : ECONNREFUSED;
  }
  return 0;
}

// beside: a descriptor that came with it, or none.
int receive(const Connection& connection, Answer& answer, Connection& beside) {
  pollfd wait{connection.fd, POLLIN, 0};
  int ready = 0;
  while ((ready = ::poll(&wait, 1, kPatienceMs)) < 0 && errno == EINTR) {
  }
  if (ready == 0) return ETIMEDOUT;
  uint8_t octets[policy::socket_call::kMostOctets];
  iovec part{octets, sizeof octets};
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n = 0;
  while ((n = ::recvmsg(connection.fd, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {
  }
  if (n <= 0) return ECONNREFUSED;
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
    std::memcpy(&beside.fd, CMSG_DATA(header), sizeof beside.fd);
  auto got = policy::call::read<Answer>(ByteView(octets, static_cast<size_t>(n)));
  if (!got) return EPROTO;
  answer = std::move(*got);
  return static_cast<int>(answer.error);
}

}  // namespace

int send_with(int connection, ByteView octets, std::initializer_list<int> passed) {
  iovec part{const_cast<uint8_t*>(octets.data()), octets.size()};
  const size_t size = passed.size() * sizeof(int);
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(2 * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_SPACE(size);
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(size);
  std::memcpy(CMSG_DATA(header), std::data(passed), size);
  while (::sendmsg(connection, &message, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return errno == EPIPE || errno == ECONNRESET ? ECONNREFUSED : errno;
  }
  return 0;
}

int call(int fd, const Request& request, Answer& answer) {
  Connection connection, beside;
  if (const int error = connect_to_daemon(connection); error != 0) return error;
  if (const int error = send_with(connection.fd, policy::call::write(request), {fd}); error != 0) return error;
  return receive(connection, answer, beside);
}

int call_for_file(int fd, int root, const Request& request, Answer& answer, int& file) {
  Connection connection, beside;
  if (const int error = connect_to_daemon(connection); error != 0) return error;
  if (const int error = send_with(connection.fd, policy::call::write(request), {fd, root}); error != 0) return error;
  if (const int error = receive(connection, answer, beside); error != 0) return error;
  if (beside.fd < 0) return EPROTO;
  file = std::exchange(beside.fd, -1);
  return 0;
}

int check_socket(int fd, bool& datagrams) {
  int family = 0, type = 0;
  socklen_t length = sizeof family;
  if (::fcntl(fd, F_GETFD) < 0) return EBADF;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length) != 0) return errno;
  if (family != AF_INET && family != AF_INET6) return EAFNOSUPPORT;
  length = sizeof type;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0) return errno;
  datagrams = type == SOCK_DGRAM;
  return datagrams || type == SOCK_STREAM ? 0 : EPROTONOSUPPORT;
}

bool is_connected(int fd) {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  return ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0;
}

int take_peer(const sockaddr* peer, socklen_t length, std::optional<policy::socket_call::Peer>& out) {
  policy::socket_call::Peer taken;
  if (peer == nullptr || length < sizeof(sa_family_t)) return EINVAL;
  if (peer->sa_family == AF_INET && length >= sizeof(sockaddr_in)) {
    sockaddr_in in;
    std::memcpy(&in, peer, sizeof in);
    const auto* octets = reinterpret_cast<const uint8_t*>(&in.sin_addr);
    taken = {Bytes(octets, octets + 4), ntohs(in.sin_port)};
  } else if (peer->sa_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    sockaddr_in6 in6;
    std::memcpy(&in6, peer, sizeof in6);
    const uint8_t* octets = in6.sin6_addr.s6_addr;
    const size_t skip = IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) ? 12 : 0;
    taken = {Bytes(octets + skip, octets + 16), ntohs(in6.sin6_port)};
  } else {
    return EINVAL;
  }
  bool zero = taken.port == 0, address = false;
  for (const uint8_t octet : taken.address) address = address || octet != 0;
  if (zero || !address) return EINVAL;
  out = std::move(taken);
  return 0;
}

}  // namespace sallyport::api::sockets
