// Numbers behind values, and their text.
#include "policy/value.h"

#include <bit>

#include "base/ip_addr.h"

namespace sallyport::policy {
namespace {

constexpr std::string_view kTypeNames[] = {"EMPTY",
                                           "UINT8",
                                           "UINT16",
                                           "UINT32",
                                           "UINT64",
                                           "INT8",
                                           "INT16",
                                           "INT32",
                                           "INT64",
                                           "FLOAT",
                                           "DOUBLE",
                                           "BYTE_ARRAY16",
                                           "BYTE_BLOB",
                                           "SID",
                                           "SECURITY_DESCRIPTOR",
                                           "TOKEN_INFORMATION",
                                           "TOKEN_ACCESS_INFORMATION",
                                           "UNICODE_STRING",
                                           "BYTE_ARRAY6",
                                           "BITMAP_INDEX",
                                           "BITMAP_ARRAY64"};
constexpr std::string_view kConditionTypeNames[] = {"V4_ADDR_MASK", "V6_ADDR_MASK", "RANGE"};

template <class Int>
U128 signed_key(Int value) {  // the sign bit flipped: negative numbers come first
  using U = std::make_unsigned_t<Int>;
  return {0, static_cast<U>(static_cast<U>(value) ^ static_cast<U>(U{1} << (sizeof(U) * 8 - 1)))};
}

template <class Bits>
U128 float_key(Bits bits) {  // IEEE 754: negative ones descend, so their bits are turned over
  constexpr Bits top = Bits{1} << (sizeof(Bits) * 8 - 1);
  return {0, (bits & top) ? static_cast<Bits>(~bits) : static_cast<Bits>(bits | top)};
}

struct KeyOf {
  using R = std::optional<U128>;
  R operator()(std::monostate) const { return {}; }
  R operator()(uint8_t v) const { return U128{0, v}; }
  R operator()(uint16_t v) const { return U128{0, v}; }
  R operator()(uint32_t v) const { return U128{0, v}; }
  R operator()(uint64_t v) const { return U128{0, v}; }
  R operator()(int8_t v) const { return signed_key(v); }
  R operator()(int16_t v) const { return signed_key(v); }
  R operator()(int32_t v) const { return signed_key(v); }
  R operator()(int64_t v) const { return signed_key(v); }
  R operator()(float v) const { return float_key(std::bit_cast<uint32_t>(v)); }
  R operator()(double v) const { return float_key(std::bit_cast<uint64_t>(v)); }
  R operator()(const ByteArray16& v) const { return u128(v); }
  R operator()(const ByteArray6& v) const {
    return U128{0, uint64_t{load_be16(v.data())} << 32 | load_be32(v.data() + 2)};
  }
  R operator()(const BitmapIndex& v) const { return U128{0, v.index}; }
  R operator()(const BitmapArray64& v) const { return U128{0, load_be64(v.octets.data())}; }
  template <DataType kType>
  R operator()(const Octets<kType>&) const {
    return {};
  }
  R operator()(const TokenValue&) const { return {}; }
  R operator()(const std::string&) const { return {}; }
};

struct TextOf {
  std::string operator()(std::monostate) const { return "empty"; }
  template <class T>
  requires std::is_arithmetic_v<T> std::string operator()(T v) const { return std::to_string(v); }
  std::string operator()(const ByteArray16& v) const { return IpAddr::v6(v).to_string(); }
  std::string operator()(const ByteArray6& v) const { return to_hex(v); }
  std::string operator()(const BitmapIndex& v) const { return std::to_string(v.index); }
  std::string operator()(const BitmapArray64& v) const { return to_hex(v.octets); }
  std::string operator()(const SidValue& v) const {
    const auto sid = parse_sid(v.bytes);
    return sid ? sid->to_string() : to_hex(v.bytes);
  }
  template <DataType kType>
  std::string operator()(const Octets<kType>& v) const {
    return to_hex(v.bytes);
  }
  std::string operator()(const TokenValue& v) const {
    return "token of " + std::to_string(v.token.sids.size()) + " SIDs";
  }
  std::string operator()(const std::string& v) const { return "\"" + v + "\""; }
};

}  // namespace

std::string_view to_string(DataType type) {
  const auto n = static_cast<uint32_t>(type);
  if (n < std::size(kTypeNames)) return kTypeNames[n];
  return n >= 0x100 && n <= 0x102 ? kConditionTypeNames[n - 0x100] : "unknown";
}

std::string Value::to_string() const { return std::visit(TextOf{}, held); }

DataType ConditionValue::type() const {
  if (const Value* value = std::get_if<Value>(&held)) return value->type();
  return static_cast<DataType>(0xff + held.index());
}

std::string ConditionValue::to_string() const {
  if (const auto* value = std::get_if<Value>(&held)) return value->to_string();
  if (const auto* v4 = std::get_if<V4AddrMask>(&held))
    return IpAddr::v4(v4->addr).to_string() + "/" + std::to_string(std::popcount(v4->mask));
  if (const auto* v6 = std::get_if<V6AddrMask>(&held))
    return IpAddr::v6(v6->addr).to_string() + "/" + std::to_string(v6->prefix_length);
  const Range& range = std::get<Range>(held);
  return range.low.to_string() + ".." + range.high.to_string();
}

U128 u128(const ByteArray16& octets) { return {load_be64(octets.data()), load_be64(octets.data() + 8)}; }
U128 operator&(U128 a, U128 b) { return {a.high & b.high, a.low & b.low}; }
U128 operator|(U128 a, U128 b) { return {a.high | b.high, a.low | b.low}; }
U128 operator~(U128 a) { return {~a.high, ~a.low}; }
U128 low_bits(unsigned count) {
  if (count == 0) return {};
  if (count <= 64) return {0, ~uint64_t{0} >> (64 - count)};
  return {~uint64_t{0} >> (128 - count), ~uint64_t{0}};
}
U128 plus_one(U128 v) { return {v.high + (v.low == ~uint64_t{0} ? 1 : 0), v.low + 1}; }
U128 minus_one(U128 v) { return {v.high - (v.low == 0 ? 1 : 0), v.low - 1}; }
U128 minus(U128 a, U128 b) { return {a.high - b.high - (a.low < b.low ? 1 : 0), a.low - b.low}; }
unsigned significant_bits(U128 v) {
  return static_cast<unsigned>(v.high ? 128 - std::countl_zero(v.high) : 64 - std::countl_zero(v.low));
}

std::optional<U128> numeric_key(const Value& value) { return std::visit(KeyOf{}, value.held); }

std::optional<ByteView> octets_of(const Value& value) {
  if (const auto* blob = value.as<Blob>()) return ByteView(blob->bytes);
  if (const auto* sid = value.as<SidValue>()) return ByteView(sid->bytes);
  if (const auto* descriptor = value.as<DescriptorValue>()) return ByteView(descriptor->bytes);
  if (const auto* text = value.as<std::string>()) return as_bytes(*text);
  return {};
}

int compare(ByteView a, ByteView b) {
  const size_t shorter = std::min(a.size(), b.size());
  const int order = shorter ? std::memcmp(a.data(), b.data(), shorter) : 0;
  if (order != 0) return order;
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

unsigned width_of(DataType type) {
  // In the order of DataType, from EMPTY on.
  constexpr uint8_t kBits[] = {0, 8, 16, 32, 64, 8, 16, 32, 64, 32, 64, 128, 0, 0, 0, 0, 0, 0, 48, 8, 64};
  const auto n = static_cast<uint32_t>(type);
  return n < std::size(kBits) ? kBits[n] : 0;
}

}  // namespace sallyport::policy
