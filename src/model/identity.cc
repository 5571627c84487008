// Identity text and comparison.
#include "model/identity.h"

#include <algorithm>

#include "base/ip_addr.h"

namespace sallyport::model {

std::string_view to_string(IdType type) {
#define SP_ID_TYPE(name, number, reference) \
  if (type == IdType::name) return #name;
#include "proto/ikev2.def"
  return "unknown";
}

Result<Identity> Identity::parse(std::string_view text) {
  if (text.empty() || text.size() > 1024) return fail(Errc::bad_value);
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return fail(Errc::bad_value);
  if (text.substr(0, 6) == "keyid:") {
    SP_TRY(Bytes key_id, from_hex(text.substr(6)));
    if (key_id.empty()) return fail(Errc::bad_value);
    return Identity{IdType::ID_KEY_ID, std::move(key_id)};
  }
  if (const auto address = IpAddr::parse(text)) {
    return Identity{address->is_v4() ? IdType::ID_IPV4_ADDR : IdType::ID_IPV6_ADDR, to_bytes(address->bytes())};
  }
  const Bytes octets = to_bytes(as_bytes(text));
  if (text.find('=') != std::string_view::npos) return Identity{IdType::ID_DER_ASN1_DN, octets, true};
  if (text.find('@') != std::string_view::npos) return Identity{IdType::ID_RFC822_ADDR, octets};
  return Identity{IdType::ID_FQDN, octets};
}

static std::string printable(ByteView octets) {
  std::string out;
  for (const uint8_t c : octets) {
    if (c >= 0x20 && c < 0x7f && c != '\\') {
      out.push_back(static_cast<char>(c));
    } else {
      out += "\\x" + to_hex(ByteView(&c, 1));
    }
  }
  return out;
}

std::string Identity::to_string() const {
  switch (type) {
    case IdType::ID_IPV4_ADDR:
    case IdType::ID_IPV6_ADDR:
      if (const auto address = IpAddr::from_bytes(value)) return address->to_string();
      break;
    case IdType::ID_KEY_ID: return "keyid:" + to_hex(value);
    case IdType::ID_DER_ASN1_DN:
    case IdType::ID_DER_ASN1_GN:
      if (!text_dn) return std::string(type == IdType::ID_DER_ASN1_DN ? "dn:" : "gn:") + to_hex(value);
      break;
    case IdType::ID_FQDN:
    case IdType::ID_RFC822_ADDR: break;
  }
  return printable(value);
}

static bool equal_ignoring_case(ByteView a, ByteView b) {
  const auto lower = [](uint8_t c) { return c >= 'A' && c <= 'Z' ? static_cast<uint8_t>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](uint8_t x, uint8_t y) { return lower(x) == lower(y); });
}

bool same_identity(const Identity& a, const Identity& b) {
  if (a.type != b.type || a.text_dn != b.text_dn) return false;
  if (a.type == IdType::ID_FQDN) return equal_ignoring_case(a.value, b.value);
  if (a.type == IdType::ID_RFC822_ADDR) {
    const std::string_view x = as_text(a.value), y = as_text(b.value);
    const size_t at = x.rfind('@');
    if (at == std::string_view::npos || at != y.rfind('@')) return x == y;
    return x.substr(0, at) == y.substr(0, at) && equal_ignoring_case(as_bytes(x.substr(at)), as_bytes(y.substr(at)));
  }
  return a.value == b.value;
}

}  // namespace sallyport::model
