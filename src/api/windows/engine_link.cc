// See engine_link.h.
#include "api/windows/engine_link.h"

#include <errno.h>
#include <poll.h>
#include <sallyport/windows/winerror.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>

#include "base/secret.h"

namespace sallyport::api::windows {
namespace {

using policy::call::Function;

constexpr uint32_t kProtocolVersion = 1;  // of proto/control.proto

// SALLYPORT_SOCKET as the command knows it, but not for a program that runs with more rights than its user.
std::string socket_path() {
  const char* path = ::secure_getenv("SALLYPORT_SOCKET");
  return path && *path ? path : "/run/sallyport/control.sock";
}

// A connected socket, or why there is none.
uint32_t reach(const std::string& path, int& out) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return RPC_S_SERVER_UNAVAILABLE;
  ::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  out = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (out < 0) return ERROR_NO_SYSTEM_RESOURCES;
  int failed = 0;
  do {
    failed = ::connect(out, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } while (failed != 0 && errno == EINTR);
  if (failed == 0) return ERROR_SUCCESS;
  const bool refused = errno == EACCES || errno == EPERM;
  ::close(out);
  return refused ? ERROR_ACCESS_DENIED : RPC_S_SERVER_UNAVAILABLE;
}

}  // namespace

EngineLink::EngineLink(int socket) : socket_(socket), owner_(::getpid()) {
  // Handles are numbers of requests: one of another engine is none of this one.
  static std::atomic<uint64_t> links{0};
  constexpr int kLinkShift = 32;
  next_id_ += ++links << kLinkShift;
}

EngineLink::~EngineLink() {
  if (thread_.joinable()) thread_.detach();
  ::close(socket_);
}

bool EngineLink::foreign() const { return ::getpid() != owner_; }

uint32_t EngineLink::open(const policy::call::Open& session, std::shared_ptr<EngineLink>& out) {
  int socket = -1;
  if (const uint32_t failed = reach(socket_path(), socket); failed != 0) return failed;
  std::shared_ptr<EngineLink> link(new EngineLink(socket));
  const uint64_t id = link->new_id();
  // A daemon that takes no part in this version of the protocol says so and closes.
  if (link->exchange(id, write_hello(id, kProtocolVersion, "libsallyport")).code != 0) return RPC_S_SERVER_UNAVAILABLE;
  const Answer answer = link->call(Function::engine_open, policy::call::write(session));
  if (answer.code == 0) out = std::move(link);
  return answer.code;
}

uint64_t EngineLink::new_id() {
  const std::lock_guard lock(mutex_);
  return next_id_++;
}

bool EngineLink::send(const Bytes& octets) {
  const std::lock_guard lock(sending_);
  for (size_t at = 0; at < octets.size();) {
    const ssize_t n = ::send(socket_, octets.data() + at, octets.size() - at, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    at += static_cast<size_t>(n);
  }
  return true;
}

EngineLink::Answer EngineLink::call(Function function, Bytes octets) {
  return call_as(new_id(), function, std::move(octets));
}

EngineLink::Answer EngineLink::call_as(uint64_t id, Function function, Bytes octets) {
  if (foreign()) return {FWP_E_SESSION_ABORTED, {}};
  if (octets.size() > policy::call::kMostCallOctets) return {ERROR_INVALID_PARAMETER, {}};
  Bytes body = write_call(id, static_cast<uint32_t>(function), octets);
  wipe(octets);  // policies carry pre-shared keys
  return exchange(id, std::move(body));
}

EngineLink::Answer EngineLink::exchange(uint64_t id, Bytes body) {
  const Answer gone{FWP_E_SESSION_ABORTED, {}};
  {
    // Fewer than the daemon lets one connection have open; who waits for an answer here reads it, too.
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return lost_ || pending_.size() < policy::call::kMostWaiting; });
    if (lost_) return gone;
    pending_[id];
  }
  Bytes framed = ctl::frame(body);
  const bool sent = send(framed);
  wipe(body);
  wipe(framed);
  std::unique_lock lock(mutex_);
  if (!sent) lost_ = true;
  while (!lost_ && !pending_[id].answered) {
    if (reading_) {
      changed_.wait(lock);
    } else {
      read_once(lock);
    }
  }
  Answer out = pending_[id].answered ? std::move(pending_[id].answer) : gone;
  pending_.erase(id);
  changed_.notify_all();
  return out;
}

void EngineLink::read_once(std::unique_lock<std::mutex>& lock) {
  reading_ = true;
  lock.unlock();
  std::array<uint8_t, 65536> buffer;
  ssize_t n;
  do {
    n = ::recv(socket_, buffer.data(), buffer.size(), 0);
  } while (n < 0 && errno == EINTR);
  lock.lock();
  reading_ = false;
  if (n <= 0) {
    lost_ = true;
  } else {
    reader_.feed(ByteView(buffer).first(static_cast<size_t>(n)));
    wipe(MutableBytes(buffer).first(static_cast<size_t>(n)));
    while (true) {
      auto body = reader_.next();
      if (!body) lost_ = true;
      if (!body || !*body) break;
      auto reply = parse_reply(**body);
      wipe(**body);
      if (reply) dispatch(*reply);
    }
  }
  changed_.notify_all();
}

void EngineLink::dispatch(Reply& reply) {
  if (reply.kind == Reply::Kind::notice) {
    if (!subscribed_.contains(reply.id)) return;
    notices_.emplace_back(reply.id, SecretBytes(std::move(reply.octets)));
    return;
  }
  const auto at = pending_.find(reply.id);
  if (at == pending_.end() || at->second.answered) return;
  if (reply.kind == Reply::Kind::answer) {
    at->second = {true, {reply.code, std::move(reply.octets)}};
  } else if (reply.kind == Reply::Kind::done) {
    // Without an answer: of the greeting, or the daemon does not know such calls, or had too much to say.
    constexpr uint32_t kUsage = 2;
    at->second = {true, {reply.code == 0 ? 0 : reply.code == kUsage ? ERROR_NOT_SUPPORTED : RPC_S_CALL_FAILED, {}}};
  }
}

uint64_t EngineLink::subscribe(Function function, Bytes wanted, OnNotice on_notice, uint32_t& code) {
  const uint64_t id = new_id();
  {
    const std::lock_guard lock(mutex_);
    subscribed_[id] = {0, std::move(on_notice)};
  }
  const Answer answer = call_as(id, function, std::move(wanted));
  const auto at_daemon = policy::call::read<uint64_t>(answer.octets);
  std::unique_lock lock(mutex_);
  code = answer.code != 0 ? answer.code : at_daemon ? 0u : RPC_S_CALL_FAILED;
  if (code != 0) {
    subscribed_.erase(id);
    return 0;
  }
  subscribed_[id].at_daemon = *at_daemon;
  if (!thread_.joinable()) {
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([self = shared_from_this()] { self->deliver(); });
    thread_id_ = thread_.get_id();
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  return id;
}

void EngineLink::deliver() {
  std::unique_lock lock(mutex_);
  while (!closing_) {
    if (!notices_.empty()) {
      const uint64_t id = notices_.front().first;
      const SecretBytes notice = std::move(notices_.front().second);
      notices_.pop_front();
      const auto at = subscribed_.find(id);
      if (at == subscribed_.end()) continue;
      const OnNotice on_notice = at->second.on_notice;
      delivering_ = id;
      lock.unlock();
      on_notice(notice.view());
      lock.lock();
      delivering_ = 0;
      changed_.notify_all();
    } else if (lost_) {
      return;
    } else if (reading_) {
      changed_.wait(lock);
    } else {
      read_once(lock);
    }
  }
}

uint32_t EngineLink::unsubscribe(uint64_t handle) {
  uint64_t at_daemon = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto at = subscribed_.find(handle);
    if (at == subscribed_.end()) return FWP_E_NOT_FOUND;
    at_daemon = at->second.at_daemon;
  }
  const Answer answer = call(Function::unsubscribe, policy::call::write(at_daemon));
  if (answer.code != 0 && answer.code != FWP_E_SESSION_ABORTED) return answer.code;
  std::unique_lock lock(mutex_);
  subscribed_.erase(handle);
  if (std::this_thread::get_id() != thread_id_) changed_.wait(lock, [&] { return delivering_ != handle; });
  return answer.code;
}

void EngineLink::close() {
  if (foreign()) return;
  (void)call(Function::engine_close, {});
  std::thread ending;
  {
    const std::lock_guard lock(mutex_);
    closing_ = lost_ = true;
    subscribed_.clear();
    ending = std::move(thread_);
    changed_.notify_all();
  }
  (void)::shutdown(socket_, SHUT_RDWR);
  if (!ending.joinable()) return;
  if (ending.get_id() == std::this_thread::get_id()) {
    ending.detach();
  } else {
    ending.join();
  }
}

namespace {

// Lives as long as the process: programs may call while it ends.
struct Handles {
  std::mutex mutex;
  std::map<uintptr_t, std::shared_ptr<EngineLink>> open;
  uintptr_t next = 0x1000;
};
Handles& handles() {
  static Handles* const all = new Handles;
  return *all;
}

}  // namespace

void* remember(std::shared_ptr<EngineLink> link) {
  Handles& all = handles();
  const std::lock_guard lock(all.mutex);
  all.next += 4;
  all.open[all.next] = std::move(link);
  return reinterpret_cast<void*>(all.next);
}

std::shared_ptr<EngineLink> find_link(void* handle) {
  Handles& all = handles();
  const std::lock_guard lock(all.mutex);
  const auto at = all.open.find(reinterpret_cast<uintptr_t>(handle));
  return at == all.open.end() ? nullptr : at->second;
}

std::shared_ptr<EngineLink> forget(void* handle) {
  Handles& all = handles();
  const std::lock_guard lock(all.mutex);
  const auto at = all.open.find(reinterpret_cast<uintptr_t>(handle));
  if (at == all.open.end()) return nullptr;
  auto link = std::move(at->second);
  all.open.erase(at);
  return link;
}

}  // namespace sallyport::api::windows
