// Where programs call about their sockets: a Unix socket of records that everybody may connect to. One request is one
// record with one or two descriptors, and is answered by one; who asks the kernel says. Bounded in connections, of each
// user too, and a client that does not read its answer is dropped. Part of the driver's loop; one thread.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "runtime/fd.h"
#include "runtime/loop.h"

namespace sallyport::runtime {

// Mode 0666, ready for accept; a stale one is replaced. Errors as open_control_socket().
Result<Fd> open_socket_calls(const std::string& path);

class SocketServer {
 public:
  using ClientId = uint64_t;
  struct Limits {
    size_t clients = 1024;
    size_t clients_per_user = 128;
  };
  SocketServer(Loop& loop, Fd listening);
  ~SocketServer();
  SocketServer(const SocketServer&) = delete;
  SocketServer& operator=(const SocketServer&) = delete;

  std::function<void(ClientId, uint32_t uid, ByteView request, std::vector<Fd> passed)> on_request;
  // beside: a descriptor that goes with it, or -1. A client that has gone: nothing.
  void reply(ClientId client, const Bytes& answer, int beside = -1);
  int connection(ClientId client) const;  // -1: it has gone

 private:
  struct Client {
    Fd fd;
    uint32_t uid = 0;
  };
  void accept();
  void read(ClientId id);
  void close(ClientId id);

  Loop& loop_;
  Fd listening_;
  Limits limits_;
  std::map<ClientId, Client> clients_;
  ClientId next_id_ = 1;
};

}  // namespace sallyport::runtime
