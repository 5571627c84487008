// GUIDs: how every object of the filter engine is named. The text form is the usual one; the octets are kept in the
// order of the text, so that comparing them is comparing texts. Values; any thread.
#pragma once
#include <array>
#include <cstring>

#include "base/bytes.h"

namespace sallyport::policy {

struct Guid {
  std::array<uint8_t, 16> octets{};

  bool is_zero() const { return *this == Guid{}; }
  std::string to_string() const;                         // "5926dfc8-e3cf-4426-a283-dc393f5d0f9d"
  static Result<Guid> parse(std::string_view text);      // bad_value; with or without braces, any case
  static constexpr Guid literal(std::string_view text);  // Requires: the usual form in lower case; for tables
  auto operator<=>(const Guid&) const = default;
};

constexpr Guid Guid::literal(std::string_view text) {
  Guid out;
  size_t digit = 0;
  for (char c : text) {
    if (c == '-') continue;
    const int value = c <= '9' ? c - '0' : c - 'a' + 10;
    out.octets[digit / 2] = static_cast<uint8_t>(out.octets[digit / 2] << 4 | value);
    ++digit;
  }
  return out;
}

// Spreads the bits of a key; not for adversaries: containers that use it keep colliding keys apart by comparing them.
constexpr uint64_t mix64(uint64_t v) {
  v ^= v >> 32;
  v *= 0xd6e8feb86659fd93u;
  v ^= v >> 32;
  v *= 0xd6e8feb86659fd93u;
  return v ^ (v >> 32);
}

struct GuidHash {
  uint64_t operator()(const Guid& guid) const {
    uint64_t a = 0, b = 0;
    std::memcpy(&a, guid.octets.data(), 8);
    std::memcpy(&b, guid.octets.data() + 8, 8);
    return mix64(a ^ mix64(b + 0x9e3779b97f4a7c15u));
  }
};

// Well-known keys: sublayers, callouts, keying modules and providers of proto/wfp.def.
namespace known {
namespace sublayer {
#define SP_FWP_SUBLAYER(name, guid, weight) inline constexpr Guid name = Guid::literal(guid);
#include "proto/wfp.def"
}  // namespace sublayer
namespace callout {
#define SP_FWP_CALLOUT(name, guid, layer, context) inline constexpr Guid name = Guid::literal(guid);
#include "proto/wfp.def"
}  // namespace callout
namespace keying_module {
#define SP_FWP_KEYING_MODULE(name, guid) inline constexpr Guid name = Guid::literal(guid);
#include "proto/wfp.def"
}  // namespace keying_module
namespace provider {
#define SP_FWP_PROVIDER(name, guid) inline constexpr Guid name = Guid::literal(guid);
#include "proto/wfp.def"
}  // namespace provider
}  // namespace known

}  // namespace sallyport::policy
