// See control_server.h.
#include "runtime/control_server.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <utility>  // before Asio
//
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/write.hpp>

#include "base/secret.h"

namespace sallyport::runtime {
namespace {

namespace asio = boost::asio;

const char* verb(const ctl::Request& request) {
  constexpr const char* kNames[] = {"hello",  "up",          "down",   "rekey",     "status", "watch",
                                    "check",  "explain",     "log",    "version",   "ping",   "reload",
                                    "cancel", "list policy", "policy", "net events"};
  static_assert(std::size(kNames) == std::variant_size_v<ctl::Request>);
  return kNames[request.index()];
}

bool somebody_answers(const sockaddr_un& name) {
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return probe && ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
}

}  // namespace

Result<Fd> open_control_socket(const std::string& path, const std::string& group) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof name.sun_path) return fail(Errc::bad_length);
  std::memcpy(name.sun_path, path.data(), path.size());
  gid_t gid = static_cast<gid_t>(-1);
  if (!group.empty()) {
    const struct group* entry = ::getgrnam(group.c_str());
    if (!entry) return fail(Errc::not_found);
    gid = entry->gr_gid;
  }
  if (somebody_answers(name)) return fail(Errc::conflict);
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) == 0 && S_ISSOCK(facts.st_mode)) (void)::unlink(path.c_str());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno();
  const mode_t before = ::umask(0177);
  const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name);
  const int number = errno;
  ::umask(before);
  if (bound != 0) {
    errno = number;
    return fail_errno();
  }
  if (gid != static_cast<gid_t>(-1)) {
    if (::chown(path.c_str(), static_cast<uid_t>(-1), gid) != 0) return fail_errno();
    if (::chmod(path.c_str(), 0660) != 0) return fail_errno();
  }
  if (::listen(fd.get(), 64) != 0) return fail_errno();
  return fd;
}

std::string explain_control_socket(const std::string& path, const Error& error) {
  if (error.code == Errc::conflict) return "another daemon answers on the control socket " + path;
  if (error.code == Errc::not_found && error.detail == 0)
    return "the group of the control socket " + path + " does not exist";
  if (error.code == Errc::bad_length) return "the path of the control socket is empty or too long: " + path;
  return explain("the control socket " + path + " cannot be made", error);
}

Right right_for(const ctl::Request& request) {
  const bool operates = std::holds_alternative<ctl::Up>(request) || std::holds_alternative<ctl::Down>(request) ||
                        std::holds_alternative<ctl::Rekey>(request) || std::holds_alternative<ctl::Reload>(request) ||
                        std::holds_alternative<ctl::Ping>(request);
  return operates ? Right::operate : Right::read;
}

struct ControlServer::Client {
  Client(asio::io_context& loop, int fd, const std::string& version) : socket(loop, fd), session(version) {}
  asio::posix::stream_descriptor socket;
  ctl::ServerSession session;
  Peer peer;
  Bytes output;
  bool writing = false;
  bool closing = false;
  std::array<uint8_t, 16384> input{};
};

struct ControlServer::Impl : std::enable_shared_from_this<ControlServer::Impl> {
  Impl(ControlServer& s, asio::io_context& l, int fd, std::string v, std::function<bool(uint32_t)> a)
      : server(s), loop(l), listening(l, fd), version(std::move(v)), allowed(std::move(a)) {}
  ControlServer& server;
  asio::io_context& loop;
  asio::posix::stream_descriptor listening;
  std::string version;
  std::function<bool(uint32_t)> allowed;
  Limits limits;
  std::map<ClientId, std::shared_ptr<Client>> clients;
  ClientId next_id = 1;
  bool stopped = false;

  void accept();
  void take_one();
  void read(ClientId id);
  void serve(ClientId id);
  void flush(ClientId id);
  void close(ClientId id);
};

void ControlServer::Impl::accept() {
  listening.async_wait(asio::posix::stream_descriptor::wait_read,
                       [self = weak_from_this()](boost::system::error_code error) {
                         const auto alive = self.lock();
                         if (!alive || error || alive->stopped) return;
                         alive->take_one();
                         alive->accept();
                       });
}

void ControlServer::Impl::take_one() {
  Fd fd(::accept4(listening.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd || clients.size() >= limits.clients) return;
  ucred who{};
  socklen_t length = sizeof who;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) return;
  const ClientId id = next_id++;
  auto client = std::make_shared<Client>(loop, fd.release(), version);
  client->peer = {who.uid, who.gid, static_cast<uint32_t>(who.pid)};
  clients.emplace(id, std::move(client));
  read(id);
}

void ControlServer::Impl::read(ClientId id) {
  const auto client = clients.at(id);
  client->socket.async_read_some(asio::buffer(client->input),
                                 [self = weak_from_this(), client, id](boost::system::error_code error, size_t octets) {
                                   const auto alive = self.lock();
                                   if (!alive || alive->stopped || !alive->clients.contains(id)) return;
                                   if (error) return alive->close(id);
                                   if (!client->session.feed(ByteView(client->input).first(octets)))
                                     client->closing = true;
                                   alive->serve(id);
                                   if (!alive->clients.contains(id)) return;
                                   alive->flush(id);
                                   if (alive->clients.contains(id) && !client->closing) alive->read(id);
                                 });
}

// Hands on what has come, as far as its sender may.
void ControlServer::Impl::serve(ClientId id) {
  const auto client = clients.at(id);
  while (auto frame = client->session.next_request()) {
    if (right_for(frame->request) == Right::operate) {
      const bool may = allowed(client->peer.uid);
      if (server.on_audit) {
        server.on_audit("control: uid " + std::to_string(client->peer.uid) + " pid " +
                        std::to_string(client->peer.pid) + " " + verb(frame->request) + (may ? "" : " refused"));
      }
      if (!may) {
        client->session.reply(frame->id,
                              ctl::Done{ctl::ResultCode::failed, "permission denied: only root may do this", {}, {}});
        continue;
      }
    }
    if (server.on_request) server.on_request(id, *frame);
    if (!clients.contains(id)) return;
  }
}

void ControlServer::Impl::flush(ClientId id) {
  const auto at = clients.find(id);
  if (at == clients.end()) return;
  const auto client = at->second;
  if (client->session.output_size() + client->output.size() > limits.output_octets) return close(id);
  if (client->writing) return;
  client->output = client->session.take_output();
  if (client->output.empty()) {
    if (client->closing) close(id);
    return;
  }
  client->writing = true;
  asio::async_write(client->socket, asio::buffer(client->output),
                    [self = weak_from_this(), client, id](boost::system::error_code error, size_t) {
                      const auto alive = self.lock();
                      client->writing = false;
                      wipe(client->output);
                      client->output.clear();
                      if (!alive || alive->stopped || !alive->clients.contains(id)) return;
                      if (error) return alive->close(id);
                      alive->flush(id);
                    });
}

void ControlServer::Impl::close(ClientId id) {
  const auto at = clients.find(id);
  if (at == clients.end()) return;
  const auto client = at->second;
  clients.erase(at);
  boost::system::error_code ignored;
  client->socket.close(ignored);
  if (server.on_closed) server.on_closed(id);
}

ControlServer::ControlServer(asio::io_context& loop, Fd listening, std::string daemon_version,
                             std::function<bool(uint32_t)> allowed)
    : impl_(std::make_shared<Impl>(*this, loop, listening.release(), std::move(daemon_version), std::move(allowed))) {
  impl_->accept();
}

ControlServer::~ControlServer() { stop(); }

void ControlServer::reply(ClientId client, uint64_t id, const ctl::Reply& reply) {
  const auto at = impl_->clients.find(client);
  if (at == impl_->clients.end()) return;
  at->second->session.reply(id, reply);
  impl_->flush(client);
}

bool ControlServer::open(ClientId client, uint64_t id) const {
  const auto at = impl_->clients.find(client);
  return at != impl_->clients.end() && at->second->session.open(id);
}

const ControlServer::Peer* ControlServer::peer(ClientId client) const {
  const auto at = impl_->clients.find(client);
  return at == impl_->clients.end() ? nullptr : &at->second->peer;
}

bool ControlServer::may_operate(ClientId client) const {
  const Peer* who = peer(client);
  return who && impl_->allowed(who->uid);
}

size_t ControlServer::clients() const { return impl_->clients.size(); }

void ControlServer::stop() {
  if (impl_->stopped) return;
  impl_->stopped = true;
  boost::system::error_code ignored;
  impl_->listening.close(ignored);
  for (auto& [id, client] : impl_->clients) client->socket.close(ignored);
  impl_->clients.clear();
}

}  // namespace sallyport::runtime
