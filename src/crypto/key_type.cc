// Kinds of keys. A curve is told by its name: its size would also fit others.
#include "crypto/key_type.h"

#include <string_view>

namespace sallyport::crypto {

using model::KeyType;

static KeyType curve_of(EVP_PKEY* key) {
  char group[64] = {};
  size_t n = 0;
  if (EVP_PKEY_get_group_name(key, group, sizeof group, &n) != 1) return KeyType::none;
  const std::string_view name(group, n);
  if (name == "prime256v1" || name == "P-256") return KeyType::ecdsa_p256;
  if (name == "secp384r1" || name == "P-384") return KeyType::ecdsa_p384;
  if (name == "secp521r1" || name == "P-521") return KeyType::ecdsa_p521;
  return KeyType::none;
}

KeyType key_type_of(EVP_PKEY* key) {
  if (key == nullptr) return KeyType::none;
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA: return KeyType::rsa;
    case EVP_PKEY_ED25519: return KeyType::ed25519;
    case EVP_PKEY_ED448: return KeyType::ed448;
    case EVP_PKEY_EC: return curve_of(key);
    default: return KeyType::none;
  }
}

}  // namespace sallyport::crypto
