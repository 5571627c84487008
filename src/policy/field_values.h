// What a packet, a flow or a negotiation gives to classify: one value for each field that has one. Borrows octets and
// tokens. Values that are not set are EMPTY. Reused from packet to packet: clear() costs one small array.
#pragma once
#include "policy/layer.h"

namespace sallyport::policy {

struct FieldValue {
  DataType type = DataType::EMPTY;
  U128 number;                   // of the types with a numeric_key()
  ByteView octets;               // of BYTE_BLOB, SID, UNICODE_STRING
  const Token* token = nullptr;  // of TOKEN_ACCESS_INFORMATION
};

class FieldValues {
 public:
  void clear() { known_ = {}; }
  void set(Field field, DataType type, U128 number) { put(field, {type, number, {}, nullptr}); }
  void set_u8(Field field, uint8_t v) { set(field, DataType::UINT8, {0, v}); }
  void set_u16(Field field, uint16_t v) { set(field, DataType::UINT16, {0, v}); }
  void set_u32(Field field, uint32_t v) { set(field, DataType::UINT32, {0, v}); }
  void set_u64(Field field, uint64_t v) { set(field, DataType::UINT64, {0, v}); }
  void set_address(Field field, const IpAddr& v) {
    const ByteView b = v.bytes();
    v.is_v4() ? set(field, DataType::UINT32, {0, load_be32(b.data())})
              : set(field, DataType::BYTE_ARRAY16, {load_be64(b.data()), load_be64(b.data() + 8)});
  }
  void set_octets(Field field, DataType type, ByteView octets) { put(field, {type, {}, octets, nullptr}); }
  void set_token(Field field, const Token& token) { put(field, {DataType::TOKEN_ACCESS_INFORMATION, {}, {}, &token}); }

  const FieldValue& get(Field field) const {
    const auto at = static_cast<size_t>(field);
    return (known_[at / 64] >> (at % 64)) & 1 ? values_[at] : kEmpty;
  }

 private:
  static inline const FieldValue kEmpty{};
  void put(Field field, const FieldValue& value) {
    const auto at = static_cast<size_t>(field);
    values_[at] = value;
    known_[at / 64] |= uint64_t{1} << (at % 64);
  }
  std::array<uint64_t, (kFieldCount + 63) / 64> known_{};
  std::array<FieldValue, kFieldCount> values_;
};

}  // namespace sallyport::policy
