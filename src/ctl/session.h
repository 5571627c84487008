// The server's end of one control connection: handshake first, then requests; knows which request ids are open. It
// holds no socket: octets in, octets out. Pure; one thread.
#pragma once
#include <deque>
#include <optional>
#include <set>

#include "ctl/framing.h"
#include "ctl/messages.h"

namespace sallyport::ctl {

class ServerSession {
 public:
  explicit ServerSession(std::string daemon_version) : daemon_version_(std::move(daemon_version)) {}

  // Octets from the client. An error means: send what take_output() still holds, then close.
  Result<> feed(ByteView received);
  // The next request to be served. Hello is answered inside and never comes out; Cancel comes out.
  std::optional<RequestFrame> next_request();
  // Queues a reply; a Done ends the id. Replies for ids that are not open are left out (the client has gone on).
  void reply(uint64_t id, const Reply& reply);
  bool open(uint64_t id) const { return open_.contains(id); }
  const std::set<uint64_t>& open_ids() const { return open_; }
  Bytes take_output();                                // framed, ready to be sent
  size_t output_size() const { return out_.size(); }  // for a server that drops a client that does not read

 private:
  Result<> handle(RequestFrame frame);
  Result<> refuse(uint64_t id);

  std::string daemon_version_;
  FrameReader reader_{kMaxRequestOctets};
  std::deque<RequestFrame> requests_;
  std::set<uint64_t> open_;
  Bytes out_;
  bool greeted_ = false;
};

constexpr size_t kMaxOpenRequests = 64;  // on one connection

}  // namespace sallyport::ctl
