#include "ctl/framing.h"

#include <algorithm>

#include "base/secret.h"

namespace sallyport::ctl {

Bytes frame(ByteView body) {
  Writer writer;
  writer.u32(static_cast<uint32_t>(body.size()));
  writer.bytes(body);
  return writer.take();
}

void append_wiping(Bytes& to, ByteView more) {
  if (to.capacity() - to.size() < more.size()) {
    Bytes bigger;
    bigger.reserve(std::max(to.size() + more.size(), 2 * to.capacity()));
    append(bigger, to);
    wipe(to);
    to = std::move(bigger);
  }
  append(to, more);
}

void FrameReader::feed(ByteView received) {
  if (broken_) return;
  if (at_ > 0) {
    const size_t left = buffered();
    std::copy(buffer_.begin() + static_cast<ptrdiff_t>(at_), buffer_.end(), buffer_.begin());
    wipe(MutableBytes(buffer_).subspan(left));
    buffer_.resize(left);
    at_ = 0;
  }
  append_wiping(buffer_, received);
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
  wipe(MutableBytes(buffer_).subspan(at_, 4 + length));
  at_ += 4 + length;
  return std::optional<Bytes>(std::move(body));
}

}  // namespace sallyport::ctl
