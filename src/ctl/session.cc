#include "ctl/session.h"

#include <utility>

#include "base/secret.h"

namespace sallyport::ctl {

Result<> ServerSession::feed(ByteView received) {
  reader_.feed(received);
  while (true) {
    SP_TRY(std::optional<Bytes> body, reader_.next());
    if (!body) return {};
    auto request = decode_request(*body);
    if (request) {
      SP_CHECK(handle(std::move(*request)));
    } else {
      SP_TRY(const uint64_t id, decode_request_id(*body));
      SP_CHECK(refuse(id));
    }
  }
}

Result<> ServerSession::handle(RequestFrame frame) {
  if (frame.id == 0 || open_.contains(frame.id)) return fail(Errc::conflict);
  const uint64_t id = frame.id;
  if (const auto* hello = std::get_if<Hello>(&frame.request)) {
    open_.insert(id);
    if (greeted_ || hello->version_min > kProtocolVersion || hello->version_max < kProtocolVersion) {
      reply(id,
            Done{ResultCode::usage,
                 greeted_ ? "Hello came twice."
                          : "This daemon speaks version " + std::to_string(kProtocolVersion) +
                                " of the control protocol, the client versions " + std::to_string(hello->version_min) +
                                " to " + std::to_string(hello->version_max) + ".",
                 "", ""});
      return fail(Errc::version);
    }
    greeted_ = true;
    reply(id, Welcome{kProtocolVersion, daemon_version_});
    reply(id, Done{});
    return {};
  }
  if (!greeted_) return fail(Errc::state);
  if (open_.size() >= kMaxOpenRequests) return fail(Errc::too_many);
  open_.insert(id);
  requests_.push_back(std::move(frame));
  return {};
}

// A request of a later version, or one with a value out of range: answered, and the connection goes on.
Result<> ServerSession::refuse(uint64_t id) {
  if (!greeted_) return fail(Errc::state);
  if (id == 0 || open_.contains(id)) return fail(Errc::conflict);
  open_.insert(id);
  reply(id, Done{ResultCode::usage, "The daemon does not understand this request.", "", ""});
  return {};
}

std::optional<RequestFrame> ServerSession::next_request() {
  if (requests_.empty()) return std::nullopt;
  RequestFrame frame = std::move(requests_.front());
  requests_.pop_front();
  return frame;
}

void ServerSession::reply(uint64_t id, const Reply& reply) {
  if (!open_.contains(id)) return;
  Bytes body = encode(ReplyFrame{id, reply});
  const bool too_long = body.size() > kMaxReplyOctets;
  if (too_long) body = encode(ReplyFrame{id, Done{ResultCode::failed, "The answer is too long to be sent.", "", ""}});
  Bytes framed = frame(body);
  wipe(body);  // an answer may hold a secret, which is to stand in no memory that was given back
  append_wiping(out_, framed);
  wipe(framed);
  if (too_long || std::holds_alternative<Done>(reply)) open_.erase(id);
}

Bytes ServerSession::take_output() { return std::exchange(out_, {}); }

}  // namespace sallyport::ctl
