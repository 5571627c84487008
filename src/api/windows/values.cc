// See values.h.
#include "api/windows/values.h"

#include <bit>
#include <cstring>

#include "api/winsock/text.h"

namespace sallyport::api::windows {

Outcome<> check_array(const void* at, uint32_t count) {
  if (count == 0) return {};
  if (!at) return refuse(Fwp::NULL_POINTER);
  return count > kMostElements ? Outcome<>(refuse(Fwp::WIN32_INVALID_PARAMETER)) : Outcome<>{};
}

policy::Guid take(const GUID& guid) {
  policy::Guid out;
  store_be32(out.octets.data(), guid.Data1);
  store_be16(out.octets.data() + 4, guid.Data2);
  store_be16(out.octets.data() + 6, guid.Data3);
  std::copy(std::begin(guid.Data4), std::end(guid.Data4), out.octets.begin() + 8);
  return out;
}

std::optional<policy::Guid> take(const GUID* guid) {
  if (!guid) return {};
  return take(*guid);
}

GUID give(const policy::Guid& guid) {
  GUID out{load_be32(guid.octets.data()), load_be16(guid.octets.data() + 4), load_be16(guid.octets.data() + 6), {}};
  std::copy(guid.octets.begin() + 8, guid.octets.end(), std::begin(out.Data4));
  return out;
}

GUID* give(Arena& arena, const std::optional<policy::Guid>& guid) {
  if (!guid) return nullptr;
  GUID* out = arena.make<GUID>();
  *out = give(*guid);
  return out;
}

Outcome<std::string> take(const wchar_t* text) {
  std::string out;
  if (!text) return out;
  for (; *text != 0; ++text) {
    const auto c = static_cast<uint32_t>(*text);
    if (!winsock::is_character(c) || out.size() > kMostOctets) return refuse(Fwp::WIN32_INVALID_PARAMETER);
    winsock::append_utf8(out, c);
  }
  return out;
}

// Only what take() wrote comes back; an octet that does not fit stands for itself.
wchar_t* give(Arena& arena, std::string_view text) {
  if (text.empty()) return nullptr;
  wchar_t* const out = arena.make<wchar_t>(text.size() + 1);
  wchar_t* to = out;
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<uint8_t>(text[at]);
    const size_t length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t c = length == 1 ? lead : lead & (0x7fu >> length);
    for (size_t i = 1; i < length && at + i < text.size(); ++i)
      c = c << 6 | (static_cast<uint8_t>(text[at + i]) & 0x3f);
    at += length;
    *to++ = static_cast<wchar_t>(c);
  }
  return out;
}

Outcome<Bytes> take(const FWP_BYTE_BLOB& blob) {
  if (blob.size == 0) return Bytes{};
  if (!blob.data) return refuse(Fwp::NULL_POINTER);
  if (blob.size > kMostOctets) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  return Bytes(blob.data, blob.data + blob.size);
}

FWP_BYTE_BLOB give(Arena& arena, ByteView octets) {
  FWP_BYTE_BLOB out{};
  if (octets.empty()) return out;
  out.size = static_cast<uint32_t>(octets.size());
  out.data = arena.make<uint8_t>(octets.size());
  std::copy(octets.begin(), octets.end(), out.data);
  return out;
}

Outcome<policy::DisplayData> take(const FWPM_DISPLAY_DATA0& display) {
  policy::DisplayData out;
  SP_TRY(out.name, take(display.name));
  SP_TRY(out.description, take(display.description));
  return out;
}

FWPM_DISPLAY_DATA0 give(Arena& arena, const policy::DisplayData& display) {
  return {give(arena, std::string_view(display.name)), give(arena, std::string_view(display.description))};
}

Outcome<Bytes> take_sid(const void* sid) {
  const auto* octets = static_cast<const uint8_t*>(sid);
  if (!octets) return refuse(Fwp::NULL_POINTER);
  if (octets[0] != SID_REVISION || octets[1] > SID_MAX_SUB_AUTHORITIES) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  return Bytes(octets, octets + 8 + 4 * octets[1]);
}

SID* give_sid(Arena& arena, ByteView binary) {
  auto* out = arena.make<uint8_t>(std::max(binary.size(), sizeof(SID)));
  std::copy(binary.begin(), binary.end(), out);
  return reinterpret_cast<SID*>(out);
}

namespace {

template <class T>
Outcome<policy::Value> pointed(const T* at) {
  if (!at) return refuse(Fwp::NULL_POINTER);
  return policy::Value(*at);
}

template <policy::DataType kType>
Outcome<policy::Value> octets(const FWP_BYTE_BLOB* blob) {
  if (!blob) return refuse(Fwp::NULL_POINTER);
  SP_TRY(Bytes bytes, take(*blob));
  return policy::Value(policy::Octets<kType>{std::move(bytes)});
}

template <class To, class From>
To copied(const From& from) {
  static_assert(sizeof(To) == sizeof(From));
  return std::bit_cast<To>(from);
}

Outcome<std::vector<policy::Token::Entry>> entries(const SID_AND_ATTRIBUTES* sids, uint32_t count) {
  SP_CHECK(check_array(sids, count));
  std::vector<policy::Token::Entry> out;
  for (uint32_t i = 0; i < count; ++i) {
    SP_TRY(const Bytes binary, take_sid(sids[i].Sid));
    auto sid = policy::parse_sid(binary);
    if (!sid) return refuse(Fwp::WIN32_INVALID_PARAMETER);
    out.push_back({std::move(*sid), sids[i].Attributes});
  }
  return out;
}

Outcome<policy::Value> token(const FWP_TOKEN_INFORMATION* from) {
  if (!from) return refuse(Fwp::NULL_POINTER);
  policy::TokenValue out;
  SP_TRY(out.token.sids, entries(from->sids, from->sidCount));
  SP_TRY(out.token.restricted, entries(from->restrictedSids, from->restrictedSidCount));
  return policy::Value(std::move(out));
}

PSID_AND_ATTRIBUTES give_entries(Arena& arena, const std::vector<policy::Token::Entry>& from) {
  if (from.empty()) return nullptr;
  auto* out = arena.make<SID_AND_ATTRIBUTES>(from.size());
  for (size_t i = 0; i < from.size(); ++i)
    out[i] = {give_sid(arena, policy::write_sid(from[i].sid)), from[i].attributes};
  return out;
}

// FWP_VALUE0 and FWP_CONDITION_VALUE0 have these members alike.
template <class V>
Outcome<policy::Value> take_single(const V& v) {
  using policy::DataType;
  using policy::Value;
  switch (raw(v.type)) {
    case FWP_EMPTY: return Value{};
    case FWP_UINT8: return Value(v.uint8);
    case FWP_UINT16: return Value(v.uint16);
    case FWP_UINT32: return Value(v.uint32);
    case FWP_UINT64: return pointed(v.uint64);
    case FWP_INT8: return Value(v.int8);
    case FWP_INT16: return Value(v.int16);
    case FWP_INT32: return Value(v.int32);
    case FWP_INT64: return pointed(v.int64);
    case FWP_FLOAT: return Value(v.float32);
    case FWP_DOUBLE: return pointed(v.double64);
    case FWP_BYTE_ARRAY16_TYPE:
      if (!v.byteArray16) return refuse(Fwp::NULL_POINTER);
      return Value(copied<policy::ByteArray16>(*v.byteArray16));
    case FWP_BYTE_BLOB_TYPE: return octets<DataType::BYTE_BLOB>(v.byteBlob);
    case FWP_SID: {
      SP_TRY(Bytes binary, take_sid(v.sid));
      return Value(policy::SidValue{std::move(binary)});
    }
    case FWP_SECURITY_DESCRIPTOR_TYPE: return octets<DataType::SECURITY_DESCRIPTOR>(v.sd);
    case FWP_TOKEN_INFORMATION_TYPE: return token(v.tokenInformation);
    case FWP_TOKEN_ACCESS_INFORMATION_TYPE: return octets<DataType::TOKEN_ACCESS_INFORMATION>(v.tokenAccessInformation);
    case FWP_UNICODE_STRING_TYPE: {
      if (!v.unicodeString) return refuse(Fwp::NULL_POINTER);
      SP_TRY(std::string text, take(v.unicodeString));
      return Value(std::move(text));
    }
    case FWP_BYTE_ARRAY6_TYPE:
      if (!v.byteArray6) return refuse(Fwp::NULL_POINTER);
      return Value(copied<policy::ByteArray6>(*v.byteArray6));
    case FWP_BITMAP_INDEX_TYPE: return Value(policy::BitmapIndex{v.uint8});
    case FWP_BITMAP_ARRAY64_TYPE:
      if (!v.bitmapArray64) return refuse(Fwp::NULL_POINTER);
      return Value(copied<policy::BitmapArray64>(*v.bitmapArray64));
    default: return refuse(Fwp::INVALID_ENUMERATOR);
  }
}

template <class T>
T* kept(Arena& arena, const T& value) {
  T* out = arena.make<T>();
  *out = value;
  return out;
}
FWP_BYTE_BLOB* kept_blob(Arena& arena, ByteView octets) {
  auto* out = arena.make<FWP_BYTE_BLOB>();
  *out = give(arena, octets);
  return out;
}

template <class V>
V give_single(Arena& arena, const policy::Value& from) {
  V out{};
  out.type = static_cast<FWP_DATA_TYPE>(from.type());
  std::visit(
      [&](const auto& held) {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, uint8_t>) out.uint8 = held;
        if constexpr (std::is_same_v<T, uint16_t>) out.uint16 = held;
        if constexpr (std::is_same_v<T, uint32_t>) out.uint32 = held;
        if constexpr (std::is_same_v<T, uint64_t>) out.uint64 = kept<UINT64>(arena, held);
        if constexpr (std::is_same_v<T, int8_t>) out.int8 = held;
        if constexpr (std::is_same_v<T, int16_t>) out.int16 = held;
        if constexpr (std::is_same_v<T, int32_t>) out.int32 = held;
        if constexpr (std::is_same_v<T, int64_t>) out.int64 = kept<INT64>(arena, held);
        if constexpr (std::is_same_v<T, float>) out.float32 = held;
        if constexpr (std::is_same_v<T, double>) out.double64 = kept<double>(arena, held);
        if constexpr (std::is_same_v<T, policy::ByteArray16>)
          out.byteArray16 = kept(arena, copied<FWP_BYTE_ARRAY16>(held));
        if constexpr (std::is_same_v<T, policy::ByteArray6>)
          out.byteArray6 = kept(arena, copied<FWP_BYTE_ARRAY6>(held));
        if constexpr (std::is_same_v<T, policy::Blob>) out.byteBlob = kept_blob(arena, held.bytes);
        if constexpr (std::is_same_v<T, policy::SidValue>) out.sid = give_sid(arena, held.bytes);
        if constexpr (std::is_same_v<T, policy::DescriptorValue>) out.sd = kept_blob(arena, held.bytes);
        if constexpr (std::is_same_v<T, policy::TokenAccess>) out.tokenAccessInformation = kept_blob(arena, held.bytes);
        if constexpr (std::is_same_v<T, policy::TokenValue>)
          out.tokenInformation = kept<FWP_TOKEN_INFORMATION>(
              arena, {static_cast<ULONG>(held.token.sids.size()), give_entries(arena, held.token.sids),
                      static_cast<ULONG>(held.token.restricted.size()), give_entries(arena, held.token.restricted)});
        if constexpr (std::is_same_v<T, std::string>)
          out.unicodeString = held.empty() ? arena.make<wchar_t>() : give(arena, std::string_view(held));
        if constexpr (std::is_same_v<T, policy::BitmapIndex>) out.uint8 = held.index;
        if constexpr (std::is_same_v<T, policy::BitmapArray64>)
          out.bitmapArray64 = kept(arena, copied<FWP_BITMAP_ARRAY64>(held));
      },
      from.held);
  return out;
}

}  // namespace

Outcome<policy::Value> take(const FWP_VALUE0& value) { return take_single(value); }
FWP_VALUE0 give(Arena& arena, const policy::Value& value) { return give_single<FWP_VALUE0>(arena, value); }

Outcome<policy::ConditionValue> take(const FWP_CONDITION_VALUE0& v) {
  switch (raw(v.type)) {
    case FWP_V4_ADDR_MASK:
      if (!v.v4AddrMask) return refuse(Fwp::NULL_POINTER);
      return policy::ConditionValue(policy::V4AddrMask{v.v4AddrMask->addr, v.v4AddrMask->mask});
    case FWP_V6_ADDR_MASK: {
      if (!v.v6AddrMask) return refuse(Fwp::NULL_POINTER);
      policy::V6AddrMask out;
      std::copy(std::begin(v.v6AddrMask->addr), std::end(v.v6AddrMask->addr), out.addr.begin());
      out.prefix_length = v.v6AddrMask->prefixLength;
      return policy::ConditionValue(out);
    }
    case FWP_RANGE_TYPE: {
      if (!v.rangeValue) return refuse(Fwp::NULL_POINTER);
      policy::Range out;
      SP_TRY(out.low, take(v.rangeValue->valueLow));
      SP_TRY(out.high, take(v.rangeValue->valueHigh));
      return policy::ConditionValue(std::move(out));
    }
    default: {
      SP_TRY(policy::Value single, take_single(v));
      return policy::ConditionValue(std::move(single));
    }
  }
}

FWP_CONDITION_VALUE0 give(Arena& arena, const policy::ConditionValue& value) {
  if (const auto* single = std::get_if<policy::Value>(&value.held))
    return give_single<FWP_CONDITION_VALUE0>(arena, *single);
  FWP_CONDITION_VALUE0 out{};
  out.type = static_cast<FWP_DATA_TYPE>(value.type());
  if (const auto* v4 = std::get_if<policy::V4AddrMask>(&value.held)) {
    out.v4AddrMask = kept<FWP_V4_ADDR_AND_MASK>(arena, {v4->addr, v4->mask});
  } else if (const auto* v6 = std::get_if<policy::V6AddrMask>(&value.held)) {
    out.v6AddrMask = arena.make<FWP_V6_ADDR_AND_MASK>();
    std::copy(v6->addr.begin(), v6->addr.end(), std::begin(out.v6AddrMask->addr));
    out.v6AddrMask->prefixLength = v6->prefix_length;
  } else if (const auto* range = std::get_if<policy::Range>(&value.held)) {
    out.rangeValue = arena.make<FWP_RANGE0>();
    out.rangeValue->valueLow = give(arena, range->low);
    out.rangeValue->valueHigh = give(arena, range->high);
  }
  return out;
}

Outcome<policy::Conditions> take(const FWPM_FILTER_CONDITION0* conditions, uint32_t count) {
  SP_CHECK(check_array(conditions, count));
  policy::Conditions out;
  for (uint32_t i = 0; i < count; ++i) {
    const policy::FieldInfo* field = policy::find_field(take(conditions[i].fieldKey));
    if (!field) return refuse(Fwp::CONDITION_NOT_FOUND, i);
    const uint32_t match = raw(conditions[i].matchType);
    if (match >= policy::kMatchTypeCount) return refuse(Fwp::INVALID_ENUMERATOR, i);
    auto value = take(conditions[i].conditionValue);
    if (!value) return refuse(value.error().code, i);
    out.push_back({field->id, static_cast<policy::MatchType>(match), std::move(*value)});
  }
  return out;
}

FWPM_FILTER_CONDITION0* give(Arena& arena, const policy::Conditions& conditions) {
  if (conditions.empty()) return nullptr;
  auto* out = arena.make<FWPM_FILTER_CONDITION0>(conditions.size());
  for (size_t i = 0; i < conditions.size(); ++i) {
    out[i].fieldKey = give(policy::info(conditions[i].field).key);
    out[i].matchType = static_cast<FWP_MATCH_TYPE>(conditions[i].match);
    out[i].conditionValue = give(arena, conditions[i].value);
  }
  return out;
}

namespace {

// The octets of an ACL say themselves how many they are.
Bytes acl_octets(const void* acl) {
  const auto* octets = static_cast<const uint8_t*>(acl);
  const size_t size = octets[2] | static_cast<size_t>(octets[3]) << 8;
  return Bytes(octets, octets + std::max<size_t>(size, sizeof(ACL)));
}

}  // namespace

Outcome<std::shared_ptr<const policy::SecurityDescriptor>> take_descriptor(const void* descriptor) {
  using Shared = std::shared_ptr<const policy::SecurityDescriptor>;
  if (!descriptor) return Shared{};
  const auto* head = static_cast<const SECURITY_DESCRIPTOR_RELATIVE*>(descriptor);
  const auto* base = static_cast<const uint8_t*>(descriptor);
  const bool relative = head->Control & SE_SELF_RELATIVE;
  const auto* absolute = static_cast<const SECURITY_DESCRIPTOR*>(descriptor);
  const auto part = [&](DWORD offset, const void* pointer) -> const void* {
    return relative ? (offset ? base + offset : nullptr) : pointer;
  };
  const void* owner = part(relative ? head->Owner : 0, relative ? nullptr : absolute->Owner);
  const void* group = part(relative ? head->Group : 0, relative ? nullptr : absolute->Group);
  const void* dacl = part(relative ? head->Dacl : 0, relative ? nullptr : absolute->Dacl);
  if (head->Revision != SECURITY_DESCRIPTOR_REVISION) return refuse(Fwp::INVALID_SECURITY_DESCR);
  // Laid out anew, so that the one parser of descriptors judges it.
  Bytes out(sizeof(SECURITY_DESCRIPTOR_RELATIVE));
  SECURITY_DESCRIPTOR_RELATIVE fresh{};
  fresh.Revision = SECURITY_DESCRIPTOR_REVISION;
  fresh.Control = static_cast<WORD>(SE_SELF_RELATIVE | (head->Control & SE_DACL_PRESENT));
  const auto lay = [&](DWORD& offset, ByteView octets) {
    offset = static_cast<DWORD>(out.size());
    append(out, octets);
  };
  for (const auto& [from, to] : {std::pair{owner, &fresh.Owner}, std::pair{group, &fresh.Group}}) {
    if (!from) continue;
    const auto sid = take_sid(from);
    if (!sid) return refuse(Fwp::INVALID_SECURITY_DESCR);
    lay(*to, *sid);
  }
  if (dacl && (head->Control & SE_DACL_PRESENT)) lay(fresh.Dacl, acl_octets(dacl));
  std::memcpy(out.data(), &fresh, sizeof fresh);
  SP_TRY(policy::SecurityDescriptor parsed, policy::parse_descriptor(out));
  return Shared(std::make_shared<const policy::SecurityDescriptor>(std::move(parsed)));
}

}  // namespace sallyport::api::windows
