#include "ctl/framing.h"

namespace sallyport::ctl {

Bytes frame(ByteView body) {
  Writer writer;
  writer.u32(static_cast<uint32_t>(body.size()));
  writer.bytes(body);
  return writer.take();
}

void FrameReader::feed(ByteView received) {
  if (broken_) return;
  if (at_ > 0) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(at_));
    at_ = 0;
  }
  append(buffer_, received);
}

Result<std::optional<Bytes>> FrameReader::next() {
  if (broken_) return fail(Errc::bad_length);
  if (buffered() < 4) return std::optional<Bytes>();
  const size_t length = load_be32(buffer_.data() + at_);
  if (length == 0 || length > limit_) {
    broken_ = true;
    Bytes().swap(buffer_);
    at_ = 0;
    return fail(Errc::bad_length, static_cast<uint32_t>(length));
  }
  if (buffered() < 4 + length) return std::optional<Bytes>();
  const auto start = buffer_.begin() + static_cast<ptrdiff_t>(at_ + 4);
  Bytes body(start, start + static_cast<ptrdiff_t>(length));
  at_ += 4 + length;
  return std::optional<Bytes>(std::move(body));
}

}  // namespace sallyport::ctl
