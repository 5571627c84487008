// Frames on the control socket: four octets of length, big-endian, then so many octets of protobuf. A length over the
// limit ends the connection: nothing after it can be trusted. Pure; one thread a connection.
#pragma once
#include <optional>

#include "base/bytes.h"

namespace sallyport::ctl {

constexpr size_t kMaxRequestOctets = 1088 * 1024;  // a call of the filter engine of 1 MiB, and its envelope
constexpr size_t kMaxReplyOctets = 8 * 1024 * 1024;

// The body with its length in front.
Bytes frame(ByteView body);

// append(), but what has to make room for more leaves nothing behind: bodies may hold secrets.
void append_wiping(Bytes& to, ByteView more);

class FrameReader {
 public:
  explicit FrameReader(size_t limit) : limit_(limit) {}
  void feed(ByteView received);
  // The next whole body; nothing when more octets are needed; bad_length (for ever after) when a frame is empty or over
  // the limit. What was given out is wiped here.
  Result<std::optional<Bytes>> next();
  size_t buffered() const { return buffer_.size() - at_; }

 private:
  size_t limit_;
  Bytes buffer_;
  size_t at_ = 0;
  bool broken_ = false;
};

}  // namespace sallyport::ctl
