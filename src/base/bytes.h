// Byte cursors: Reader (bounded, big-endian, over a borrowed span) and Writer (growing, big-endian, back-patching
// lengths). No parser in the house holds a raw pointer and a length. Pure; any thread.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sallyport {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;
using MutableBytes = std::span<uint8_t>;

inline ByteView as_bytes(std::string_view s) { return {reinterpret_cast<const uint8_t*>(s.data()), s.size()}; }
inline std::string_view as_text(ByteView b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }
inline Bytes to_bytes(ByteView b) { return Bytes(b.begin(), b.end()); }
inline void append(Bytes& out, ByteView more) { out.insert(out.end(), more.begin(), more.end()); }
bool equal(ByteView a, ByteView b);  // not constant-time: never for secrets (base/secret.h has that one)

std::string to_hex(ByteView bytes);
Result<Bytes> from_hex(std::string_view text);  // bad_value: odd length or not a hex digit

constexpr uint16_t load_be16(const uint8_t* p) { return static_cast<uint16_t>((p[0] << 8) | p[1]); }
constexpr uint32_t load_be32(const uint8_t* p) {
  return (uint32_t{p[0]} << 24) | (uint32_t{p[1]} << 16) | (uint32_t{p[2]} << 8) | uint32_t{p[3]};
}
constexpr uint64_t load_be64(const uint8_t* p) { return (uint64_t{load_be32(p)} << 32) | load_be32(p + 4); }
constexpr void store_be16(uint8_t* p, uint16_t v) {
  p[0] = static_cast<uint8_t>(v >> 8);
  p[1] = static_cast<uint8_t>(v);
}
constexpr void store_be32(uint8_t* p, uint32_t v) {
  store_be16(p, static_cast<uint16_t>(v >> 16));
  store_be16(p + 2, static_cast<uint16_t>(v));
}
constexpr void store_be64(uint8_t* p, uint64_t v) {
  store_be32(p, static_cast<uint32_t>(v >> 32));
  store_be32(p + 4, static_cast<uint32_t>(v));
}

// Every read checks first: Errc::truncated when the span is too short; the cursor then has not moved.
class Reader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}

  Result<uint8_t> u8();
  Result<uint16_t> u16();
  Result<uint32_t> u32();
  Result<uint64_t> u64();
  Result<ByteView> view(size_t n);  // borrowed: lives as long as the span given to the constructor
  Result<> skip(size_t n);
  ByteView rest();  // everything left; the cursor is then at the end

  size_t left() const { return bytes_.size() - at_; }
  size_t position() const { return at_; }
  bool empty() const { return left() == 0; }
  Result<> expect_end() const;  // trailing_bytes when something is left

 private:
  ByteView bytes_;
  size_t at_ = 0;
};

class Writer {
 public:
  Writer() = default;
  explicit Writer(Bytes start) : out_(std::move(start)) {}

  void u8(uint8_t v) { out_.push_back(v); }
  void u16(uint16_t v);
  void u32(uint32_t v);
  void u64(uint64_t v);
  void bytes(ByteView b) { append(out_, b); }
  void zeros(size_t n) { out_.insert(out_.end(), n, 0); }

  size_t size() const { return out_.size(); }
  void patch_u8(size_t at, uint8_t v) { out_[at] = v; }                       // Requires: at < size()
  void patch_u16(size_t at, uint16_t v) { store_be16(out_.data() + at, v); }  // Requires: at + 2 <= size()
  void patch_u32(size_t at, uint32_t v) { store_be32(out_.data() + at, v); }  // Requires: at + 4 <= size()

  ByteView view() const { return out_; }
  Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

}  // namespace sallyport
