// Values of the filter engine: FWP_VALUE0 and FWP_CONDITION_VALUE0 as plain variants. Integers are in host order, IPv4
// addresses are UINT32 in host order, IPv6 addresses BYTE_ARRAY16 in network order. Text is UTF-8. Values; any thread.
#pragma once
#include <memory>
#include <variant>

#include "policy/fwp_error.h"
#include "policy/sid.h"

namespace sallyport::policy {

enum class DataType : uint32_t {
  EMPTY = 0,
  UINT8 = 1,
  UINT16 = 2,
  UINT32 = 3,
  UINT64 = 4,
  INT8 = 5,
  INT16 = 6,
  INT32 = 7,
  INT64 = 8,
  FLOAT = 9,
  DOUBLE = 10,
  BYTE_ARRAY16 = 11,
  BYTE_BLOB = 12,
  SID = 13,
  SECURITY_DESCRIPTOR = 14,
  TOKEN_INFORMATION = 15,
  TOKEN_ACCESS_INFORMATION = 16,
  UNICODE_STRING = 17,
  BYTE_ARRAY6 = 18,
  BITMAP_INDEX = 19,
  BITMAP_ARRAY64 = 20,
  V4_ADDR_MASK = 0x100,
  V6_ADDR_MASK = 0x101,
  RANGE = 0x102,
};
std::string_view to_string(DataType type);

using ByteArray6 = std::array<uint8_t, 6>;
using ByteArray16 = std::array<uint8_t, 16>;

// Octets with a meaning; the tag keeps the kinds apart in the variant.
template <DataType kType>
struct Octets {
  Bytes bytes;
  auto operator<=>(const Octets&) const = default;
};
using Blob = Octets<DataType::BYTE_BLOB>;
using SidValue = Octets<DataType::SID>;                          // binary form of a SID
using DescriptorValue = Octets<DataType::SECURITY_DESCRIPTOR>;   // self-relative
using TokenAccess = Octets<DataType::TOKEN_ACCESS_INFORMATION>;  // opaque; carried only
struct TokenValue {
  Token token;
  bool operator==(const TokenValue&) const = default;
};
struct BitmapIndex {
  uint8_t index = 0;
  auto operator<=>(const BitmapIndex&) const = default;
};
struct BitmapArray64 {
  std::array<uint8_t, 8> octets{};
  auto operator<=>(const BitmapArray64&) const = default;
};

// One value; the alternatives are in the order of DataType.
struct Value {
  std::variant<std::monostate, uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t, int32_t, int64_t, float, double,
               ByteArray16, Blob, SidValue, DescriptorValue, TokenValue, TokenAccess, std::string, ByteArray6,
               BitmapIndex, BitmapArray64>
      held;

  Value() = default;
  template <class T>
  Value(T value)
      : held(std::in_place_type<T>, std::move(value)) {}  // NOLINT: a value is what it holds; exact type only
  DataType type() const { return static_cast<DataType>(held.index()); }
  bool is_empty() const { return held.index() == 0; }
  template <class T>
  const T* as() const {
    return std::get_if<T>(&held);
  }
  std::string to_string() const;
  bool operator==(const Value&) const = default;
};

struct V4AddrMask {
  uint32_t addr = 0, mask = 0;  // host order
  bool operator==(const V4AddrMask&) const = default;
};
struct V6AddrMask {
  ByteArray16 addr{};
  uint8_t prefix_length = 0;
  bool operator==(const V6AddrMask&) const = default;
};
struct Range {
  Value low, high;  // inclusive, of one type
  bool operator==(const Range&) const = default;
};

struct ConditionValue {
  std::variant<Value, V4AddrMask, V6AddrMask, Range> held;

  ConditionValue() = default;
  ConditionValue(Value value) : held(std::move(value)) {}  // NOLINT
  ConditionValue(V4AddrMask value) : held(value) {}        // NOLINT
  ConditionValue(V6AddrMask value) : held(value) {}        // NOLINT
  ConditionValue(Range value) : held(std::move(value)) {}  // NOLINT
  DataType type() const;
  std::string to_string() const;
  bool operator==(const ConditionValue&) const = default;
};

// An unsigned number of 128 bits: what every ordered value of fixed size is compared as.
struct U128 {
  uint64_t high = 0, low = 0;
  auto operator<=>(const U128&) const = default;
};
U128 u128(const ByteArray16& octets);
U128 operator&(U128 a, U128 b);
U128 operator|(U128 a, U128 b);
U128 operator~(U128 a);
U128 low_bits(unsigned count);      // that many ones at the low end, 0..128
U128 plus_one(U128 v);              // wraps
U128 minus_one(U128 v);             // wraps
U128 minus(U128 a, U128 b);         // wraps
unsigned significant_bits(U128 v);  // position of the highest one bit, from 1; 0 for zero

// The numeric key of a value of fixed size: order of keys is order of values. Nothing for octets, text, tokens and
// EMPTY.
std::optional<U128> numeric_key(const Value& value);
// The octets of a blob, a SID, a descriptor or a text; nothing for the others. compare(): as unsigned octets, then by
// length.
std::optional<ByteView> octets_of(const Value& value);
int compare(ByteView a, ByteView b);
unsigned width_of(DataType type);  // in bits; 0 where numeric_key() gives nothing

}  // namespace sallyport::policy
