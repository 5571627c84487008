// See frames.h. A field is a varint of number and kind, then a varint, eight or four octets, or a length and so many.
#include "api/windows/frames.h"

#include <functional>

namespace sallyport::api::windows {
namespace {

constexpr uint32_t kVarint = 0, kEight = 1, kLength = 2, kFour = 5;

void varint(Writer& out, uint64_t v) {
  for (; v >= 0x80; v >>= 7) out.u8(static_cast<uint8_t>(v | 0x80));
  out.u8(static_cast<uint8_t>(v));
}
void number(Writer& out, uint32_t field, uint64_t v) {
  if (v == 0) return;  // as proto3 leaves zeros out
  varint(out, field << 3 | kVarint);
  varint(out, v);
}
void octets(Writer& out, uint32_t field, ByteView v) {
  varint(out, field << 3 | kLength);
  varint(out, v.size());
  out.bytes(v);
}

Result<uint64_t> varint(Reader& in) {
  uint64_t out = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    SP_TRY(const uint8_t octet, in.u8());
    if (shift < 64) out |= static_cast<uint64_t>(octet & 0x7f) << shift;
    if (!(octet & 0x80)) return out;
  }
  return fail(Errc::bad_value);
}

// Each field once: its number, and its value as a number or as octets.
using OnField = std::function<Result<>(uint32_t field, uint64_t value, ByteView octets)>;
Result<> each_field(ByteView message, const OnField& on_field) {
  for (Reader in(message); in.left() > 0;) {
    SP_TRY(const uint64_t tag, varint(in));
    if (tag >> 3 == 0 || tag >> 32 != 0) return fail(Errc::bad_value);
    const auto field = static_cast<uint32_t>(tag >> 3);
    uint64_t value = 0;
    ByteView octets;
    switch (tag & 7) {
      case kVarint: {
        SP_TRY(value, varint(in));
        break;
      }
      case kEight: {
        SP_CHECK(in.view(8));
        break;
      }
      case kFour: {
        SP_CHECK(in.view(4));
        break;
      }
      case kLength: {
        SP_TRY(const uint64_t length, varint(in));
        if (length > in.left()) return fail(Errc::truncated);
        SP_TRY(octets, in.view(static_cast<size_t>(length)));
        break;
      }
      default: return fail(Errc::bad_value);
    }
    SP_CHECK(on_field(field, value, octets));
  }
  return {};
}

constexpr uint32_t kReplyDone = 2, kReplyAnswer = 11, kReplyNotice = 12;

Result<> take_done(ByteView message, Reply& out) {
  out.kind = Reply::Kind::done;
  return each_field(message, [&](uint32_t field, uint64_t value, ByteView) -> Result<> {
    if (field == 1) out.code = static_cast<uint32_t>(value);
    return {};
  });
}
Result<> take_answer(ByteView message, Reply& out) {
  out.kind = Reply::Kind::answer;
  return each_field(message, [&](uint32_t field, uint64_t value, ByteView bytes) -> Result<> {
    if (field == 1) out.code = static_cast<uint32_t>(value);
    if (field == 2) out.index = static_cast<uint32_t>(value);
    if (field == 3) out.octets = to_bytes(bytes);
    return {};
  });
}
Result<> take_notice(ByteView message, Reply& out) {
  out.kind = Reply::Kind::notice;
  return each_field(message, [&](uint32_t field, uint64_t, ByteView bytes) -> Result<> {
    if (field == 1) out.octets = to_bytes(bytes);
    return {};
  });
}

}  // namespace

Bytes write_hello(uint64_t id, uint32_t version, std::string_view program) {
  Writer hello;
  number(hello, 1, version);
  number(hello, 2, version);
  octets(hello, 3, as_bytes(program));
  Writer out;
  number(out, 1, id);
  octets(out, 2, hello.view());
  return out.take();
}

Bytes write_call(uint64_t id, uint32_t function, ByteView argument) {
  Writer call;
  number(call, 1, function);
  octets(call, 2, argument);
  Writer out;
  number(out, 1, id);
  octets(out, 15, call.view());
  return out.take();
}

Result<Reply> parse_reply(ByteView body) {
  Reply out;
  SP_CHECK(each_field(body, [&](uint32_t field, uint64_t value, ByteView message) -> Result<> {
    switch (field) {
      case 1: out.id = value; return {};
      case kReplyDone: return take_done(message, out);
      case kReplyAnswer: return take_answer(message, out);
      case kReplyNotice: return take_notice(message, out);
      default: return {};
    }
  }));
  return out;
}

}  // namespace sallyport::api::windows
