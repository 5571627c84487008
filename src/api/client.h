// The client's end of the control protocol: blocking calls over one Unix socket.
// Threads: one client belongs to one thread at a time. Fork: the descriptor closes on exec; after a fork only one of
// the two processes may go on using the client. Close: the destructor closes the socket, and the daemon then ends what
// was open. Never raises SIGPIPE, installs no handlers, starts no threads.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "base/time.h"
#include "ctl/framing.h"
#include "ctl/messages.h"

namespace sallyport::api {

constexpr const char* kDefaultSocket = "/run/sallyport/control.sock";

class Client {
 public:
  Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  // Connects and shakes hands. ResultCode::unreachable with one sentence when the daemon cannot be talked to; a second
  // connect starts afresh.
  ctl::Done connect(const std::string& path, const std::string& program);

  // Called with each reply but the Done; false asks the daemon to end the request.
  using OnReply = std::function<bool(const ctl::Reply&)>;
  // Sends one request and waits for its Done. patience: longest silence of the daemon; nothing waits for ever.
  // ResultCode::unreachable when the connection is lost, ResultCode::timeout when patience runs out; the client is then
  // closed.
  ctl::Done call(const ctl::Request& request, const OnReply& on_reply = {}, std::optional<Duration> patience = {});

  const std::string& daemon_version() const { return daemon_version_; }
  void close();

 private:
  std::optional<ctl::Done> send(const Bytes& octets);
  // One frame into `out`, or the Done that ends the call.
  std::optional<ctl::Done> receive(std::optional<Duration> patience, ctl::ReplyFrame& out);
  ctl::Done lost(std::string sentence);

  int socket_ = -1;
  uint64_t next_id_ = 1;
  ctl::FrameReader reader_{ctl::kMaxReplyOctets};
  std::string daemon_version_;
};

}  // namespace sallyport::api
