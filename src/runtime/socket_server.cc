// See socket_server.h.
#include "runtime/socket_server.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>

#include "policy/socket_call.h"
#include "runtime/passed_descriptors.h"

namespace sallyport::runtime {

Result<Fd> open_socket_calls(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof name.sun_path) return fail(Errc::bad_length);
  std::memcpy(name.sun_path, path.data(), path.size());
  Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno();
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) return fail(Errc::conflict);
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) == 0 && S_ISSOCK(facts.st_mode)) (void)::unlink(path.c_str());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) return fail_errno();
  if (::chmod(path.c_str(), 0666) != 0 || ::listen(fd.get(), 128) != 0) return fail_errno();
  return fd;
}

SocketServer::SocketServer(Loop& loop, Fd listening) : loop_(loop), listening_(std::move(listening)) {
  if (listening_) loop_.watch(listening_.get(), [this] { accept(); });
}

SocketServer::~SocketServer() {
  if (listening_) loop_.unwatch(listening_.get());
  for (const auto& [id, client] : clients_) loop_.unwatch(client.fd.get());
}

void SocketServer::accept() {
  Fd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd || clients_.size() >= limits_.clients) return;
  ucred who{};
  socklen_t length = sizeof who;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) return;
  const auto same_user = [&](const auto& each) { return each.second.uid == who.uid; };
  const auto of_user = static_cast<size_t>(std::count_if(clients_.begin(), clients_.end(), same_user));
  if (of_user >= limits_.clients_per_user) return;
  const ClientId id = next_id_++;
  loop_.watch(fd.get(), [this, id] { read(id); });
  clients_.emplace(id, Client{std::move(fd), who.uid});
}

void SocketServer::read(ClientId id) {
  const auto at = clients_.find(id);
  if (at == clients_.end()) return;
  uint8_t octets[policy::socket_call::kMostOctets];
  iovec part{octets, sizeof octets};
  DescriptorRoom room;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  expect_descriptors(message, room, 4);
  const ssize_t n = ::recvmsg(at->second.fd.get(), &message, MSG_CMSG_CLOEXEC);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  std::vector<Fd> passed = n < 0 ? std::vector<Fd>() : take_descriptors(message);
  if (n <= 0 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || passed.empty() || passed.size() > 2)
    return close(id);
  if (on_request) on_request(id, at->second.uid, ByteView(octets, static_cast<size_t>(n)), std::move(passed));
}

void SocketServer::reply(ClientId id, const Bytes& answer, int beside) {
  const auto at = clients_.find(id);
  if (at == clients_.end()) return;
  iovec part{const_cast<uint8_t*>(answer.data()), answer.size()};
  DescriptorRoom room;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (beside >= 0) pass_descriptors(message, room, {&beside, 1});
  if (::sendmsg(at->second.fd.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) close(id);
}

int SocketServer::connection(ClientId id) const {
  const auto at = clients_.find(id);
  return at == clients_.end() ? -1 : at->second.fd.get();
}

void SocketServer::close(ClientId id) {
  const auto at = clients_.find(id);
  if (at == clients_.end()) return;
  loop_.unwatch(at->second.fd.get());
  clients_.erase(at);
}

}  // namespace sallyport::runtime
