// The control socket: a Unix stream socket whose clients speak ctl's protocol. Who asks is known from SO_PEERCRED, and
// each verb has a right: reading for whoever may connect, operating for root and the daemon's own user. Slow or greedy
// clients are dropped. Part of the driver's loop; one thread.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "ctl/session.h"
#include "runtime/fd.h"

namespace boost::asio {
class io_context;
}

namespace sallyport::runtime {

using ClientId = uint64_t;

// A socket of mode 0660 (or 0600 without a group) at the path, ready for accept. A stale one is replaced; one that
// answers is conflict. group: empty, or a group's name (not_found).
Result<Fd> open_control_socket(const std::string& path, const std::string& group);
std::string explain_control_socket(const std::string& path, const Error& error);

enum class Right : uint8_t { read, operate };
Right right_for(const ctl::Request& request);

class ControlServer {
 public:
  struct Limits {
    size_t clients = 64;
    size_t output_octets = 16 * 1024 * 1024;
  };
  // Who is at the other end, as the kernel says.
  struct Peer {
    uint32_t uid = 0;
    uint32_t gid = 0;
    uint32_t pid = 0;
  };
  // allowed(uid): may operate. Everyone who could connect may read.
  ControlServer(boost::asio::io_context& loop, Fd listening, std::string daemon_version,
                std::function<bool(uint32_t uid)> allowed);
  ~ControlServer();

  // A request whose sender has the right; Cancel included. `closed` comes once when a client goes.
  std::function<void(ClientId, const ctl::RequestFrame&)> on_request;
  std::function<void(ClientId)> on_closed;
  // One line for each refused or operating request: who, what.
  std::function<void(const std::string&)> on_audit;

  void reply(ClientId client, uint64_t id, const ctl::Reply& reply);
  bool open(ClientId client, uint64_t id) const;
  const Peer* peer(ClientId client) const;  // nullptr: gone
  bool may_operate(ClientId client) const;
  size_t clients() const;
  void stop();

 private:
  struct Client;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace sallyport::runtime
