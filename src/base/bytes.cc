// Byte cursors and hexadecimal text.
#include "base/bytes.h"

namespace sallyport {

bool equal(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

std::string to_hex(ByteView bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (uint8_t b : bytes) {
    out.push_back(kDigits[b >> 4]);
    out.push_back(kDigits[b & 15]);
  }
  return out;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return fail(Errc::bad_value);
  Bytes out;
  out.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return fail(Errc::bad_value);
    out.push_back(static_cast<uint8_t>(high * 16 + low));
  }
  return out;
}

Result<ByteView> Reader::view(size_t n) {
  if (n > left()) return fail(Errc::truncated);
  ByteView out = bytes_.subspan(at_, n);
  at_ += n;
  return out;
}

Result<uint8_t> Reader::u8() {
  SP_TRY(ByteView b, view(1));
  return b[0];
}
Result<uint16_t> Reader::u16() {
  SP_TRY(ByteView b, view(2));
  return load_be16(b.data());
}
Result<uint32_t> Reader::u32() {
  SP_TRY(ByteView b, view(4));
  return load_be32(b.data());
}
Result<uint64_t> Reader::u64() {
  SP_TRY(ByteView b, view(8));
  return load_be64(b.data());
}
Result<> Reader::skip(size_t n) {
  SP_CHECK(view(n));
  return {};
}
ByteView Reader::rest() {
  ByteView out = bytes_.subspan(at_);
  at_ = bytes_.size();
  return out;
}
Result<> Reader::expect_end() const {
  if (!empty()) return fail(Errc::trailing_bytes, static_cast<uint32_t>(left()));
  return {};
}

void Writer::u16(uint16_t v) {
  uint8_t b[2];
  store_be16(b, v);
  bytes(b);
}
void Writer::u32(uint32_t v) {
  uint8_t b[4];
  store_be32(b, v);
  bytes(b);
}
void Writer::u64(uint64_t v) {
  uint8_t b[8];
  store_be64(b, v);
  bytes(b);
}

}  // namespace sallyport
