// Algorithms as the IKEv2 registry numbers them, and one table of their sizes. Numbers and names come from
// proto/ikev2.def. Values; any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport::model {

enum class EncrId : uint16_t {
#define SP_ENCR(name, number, reference) name = number,
#include "proto/ikev2.def"
};
enum class PrfId : uint16_t {
#define SP_PRF(name, number, reference) name = number,
#include "proto/ikev2.def"
};
enum class IntegId : uint16_t {
#define SP_INTEG(name, number, reference) name = number,
#include "proto/ikev2.def"
};
enum class GroupId : uint16_t {
#define SP_GROUP(name, number, reference) name = number,
#include "proto/ikev2.def"
};
enum class AuthMethod : uint8_t {
#define SP_AUTH_METHOD(name, number, reference) name = number,
#include "proto/ikev2.def"
};
enum class EsnId : uint16_t { NO_ESN = 0, ESN = 1 };

// RFC 7427 4: hash identifiers of SIGNATURE_HASH_ALGORITHMS; IDENTITY is RFC 8420 (Ed25519, Ed448).
enum class HashId : uint16_t { SHA1 = 1, SHA2_256 = 2, SHA2_384 = 3, SHA2_512 = 4, IDENTITY = 5 };

std::string_view to_string(EncrId id);
std::string_view to_string(PrfId id);
std::string_view to_string(IntegId id);
std::string_view to_string(GroupId id);
std::string_view to_string(AuthMethod id);

struct EncrInfo {
  EncrId id;
  bool aead;                  // integrity is part of the algorithm
  bool variable_key;          // 128, 192 and 256 bits by the Key Length attribute
  uint16_t default_key_bits;  // of the fixed key; 0 where variable
  uint8_t salt_octets;        // key material past the key proper: GCM, CCM, CTR, ChaCha20 nonces
  uint8_t iv_octets;          // explicit, on the wire; 0 where it is implicit
  uint8_t block_octets;       // padding unit of the cipher (1 for stream-like; ESP aligns to 4 in any case)
  uint8_t icv_octets;         // of the AEAD; 0 otherwise
  bool implicit_iv = false;   // RFC 8750: the eight octets are made of the sequence number and do not travel
  bool esp_only = false;      // the registry does not allow it for an IKE SA (RFC 5282 8, RFC 4543 5, RFC 8750 8)
};
struct IntegInfo {
  IntegId id;
  uint8_t key_octets;  // key and, for GMAC, salt (RFC 4543 5.4)
  uint8_t icv_octets;
  uint8_t iv_octets = 0;  // in front of the ICV in AH: GMAC alone (RFC 4543 4)
  bool ah_only = false;   // RFC 4543 5.2: GMAC for ESP is an encryption transform
};
struct PrfInfo {
  PrfId id;
  uint8_t key_octets;  // preferred key length, RFC 7296 2.13
  uint8_t output_octets;
};

std::optional<EncrInfo> info(EncrId id);  // nothing: number not known to us
std::optional<IntegInfo> info(IntegId id);
std::optional<PrfInfo> info(PrfId id);
bool known(GroupId id);

// Octets of keying material for one direction (key and salt), RFC 7296 2.17. Requires: id is known.
size_t key_material_octets(EncrId id, uint16_t key_bits);

}  // namespace sallyport::model
