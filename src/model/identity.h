// Identities as IKE names them. RFC 7296 3.5. Values.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace sallyport::model {

enum class IdType : uint8_t {
#define SP_ID_TYPE(name, number, reference) name = number,
#include "proto/ikev2.def"
};
std::string_view to_string(IdType type);

struct Identity {
  IdType type = IdType::ID_FQDN;
  Bytes value;           // for ID_DER_ASN1_DN the DER of the name, or its text while text_dn is set
  bool text_dn = false;  // written "CN=…" in the configuration and not yet encoded (crypto::encode_dn does that)

  // "192.0.2.1", "2001:db8::1", "user@example.org", "gw.example.org", "CN=gw, O=Example", "keyid:00ff" (hexadecimal).
  // bad_value: empty, longer than 1 024 octets or with control characters.
  static Result<Identity> parse(std::string_view text);
  std::string to_string() const;  // printable: control octets and non-ASCII escaped
  bool operator==(const Identity&) const = default;
};

// RFC 7296 3.5 names compare octet by octet, but host and mail domain names without regard to case (RFC 4945 3.1).
bool same_identity(const Identity& a, const Identity& b);

}  // namespace sallyport::model
