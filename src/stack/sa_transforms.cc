// See sa_transforms.h.
#include "stack/sa_transforms.h"

#include <algorithm>

namespace sallyport::stack {
namespace {

using model::EncrId;
using model::GroupId;
using model::IntegId;
using model::PrfId;
using policy::Fwp;
using policy::Outcome;
using policy::refuse;
using policy::TransformId;
using policy::TransformKind;

constexpr uint32_t kAes128 = 3;    // IPSEC_AUTH_AES_128 and IPSEC_CIPHER_TYPE_AES_128; 192 and 256 follow
constexpr uint8_t kGcmConfig = 3;  // IPSEC_CIPHER_CONFIG_GCM_AES_* is so much more than the type

TransformId same(uint32_t number) { return {number, static_cast<uint8_t>(number), {}}; }
constexpr TransformId none() { return {policy::kNoSuchTransform, 0, {}}; }

uint32_t aes_number(uint16_t key_bits) { return kAes128 + (key_bits - 128u) / 64u; }
uint16_t aes_bits(uint32_t number) { return static_cast<uint16_t>(128 + (number - kAes128) * 64); }

TransformId auth_id(IntegId integ) {
  switch (integ) {
    case IntegId::HMAC_MD5_96: return same(0);
    case IntegId::HMAC_SHA1_96: return same(1);
    case IntegId::HMAC_SHA2_256_128: return same(2);
    case IntegId::AES_128_GMAC: return same(3);
    case IntegId::AES_192_GMAC: return same(4);
    case IntegId::AES_256_GMAC: return same(5);
    case IntegId::NONE:
    case IntegId::AES_XCBC_96:
    case IntegId::AES_CMAC_96:
    case IntegId::HMAC_SHA2_384_192:
    case IntegId::HMAC_SHA2_512_256: break;
  }
  return none();
}

bool is_gcm16(EncrId encr) { return encr == EncrId::AES_GCM_16 || encr == EncrId::AES_GCM_16_IIV; }

TransformId cipher_id(EncrId encr, uint16_t key_bits) {
  if (encr == EncrId::DES3) return same(2);
  if (encr == EncrId::AES_CBC) return same(aes_number(key_bits));
  if (!is_gcm16(encr)) return none();
  const uint32_t number = aes_number(key_bits);
  return {number, static_cast<uint8_t>(number + kGcmConfig), {}};
}

Outcome<IntegId> integ_of(const TransformId& auth, bool ah) {
  constexpr IntegId kIds[] = {IntegId::HMAC_MD5_96,  IntegId::HMAC_SHA1_96, IntegId::HMAC_SHA2_256_128,
                              IntegId::AES_128_GMAC, IntegId::AES_192_GMAC, IntegId::AES_256_GMAC};
  if (auth.type >= policy::kNoSuchTransform) return refuse(Fwp::INVALID_ENUMERATOR);
  if (auth.config != auth.type) return refuse(Fwp::INVALID_AUTH_TRANSFORM);
  if (auth.type >= kAes128 && !ah) return refuse(Fwp::INVALID_TRANSFORM_COMBINATION);
  return kIds[auth.type];
}

// With GCM the two transforms are the two halves of one algorithm.
Outcome<DirectAlgorithms> cipher_and_auth(const TransformId& cipher, const TransformId& auth) {
  DirectAlgorithms out;
  if (cipher.type == 0 || cipher.type >= policy::kNoSuchTransform) return refuse(Fwp::INVALID_ENUMERATOR);
  const bool aes = cipher.type >= kAes128;
  if (aes && cipher.config == cipher.type + kGcmConfig) {
    if (auth.type != cipher.type || auth.config != auth.type) return refuse(Fwp::INVALID_TRANSFORM_COMBINATION);
    out.encr = EncrId::AES_GCM_16;
    out.key_bits = aes_bits(cipher.type);
    return out;
  }
  if (cipher.config != cipher.type) return refuse(Fwp::INVALID_CIPHER_TRANSFORM);
  if (cipher.type == 1) return refuse(Fwp::NOT_SUPPORTED);  // DES
  out.encr = aes ? EncrId::AES_CBC : EncrId::DES3;
  if (aes) out.key_bits = aes_bits(cipher.type);
  SP_TRY(out.integ, integ_of(auth, false));
  return out;
}

Outcome<SecretBytes> key_of(const policy::SharedSecret& given, size_t octets) {
  if (given.view().size() != octets) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  return SecretBytes(given.view());
}

}  // namespace

policy::SaMaterial material_of(const SaFacts& sa, model::Spi spi) {
  policy::SaMaterial out;
  out.spi = spi;
  if (sa.protocol == model::Protocol::AH) {
    out.kind = TransformKind::AH;
    out.auth = auth_id(sa.integ);
  } else if (sa.encr == EncrId::NULL_ENCR) {
    out.kind = TransformKind::ESP_AUTH;
    out.auth = auth_id(sa.integ);
  } else if (sa.encr == EncrId::NULL_AES_GMAC) {
    out.kind = TransformKind::ESP_AUTH;
    out.auth = same(aes_number(sa.key_bits));
  } else {
    out.kind = TransformKind::ESP_AUTH_AND_CIPHER;
    out.cipher = cipher_id(sa.encr, sa.key_bits);
    out.auth = is_gcm16(sa.encr) ? same(out.cipher->type) : auth_id(sa.integ);
  }
  return out;
}

void put_keys(const model::DirectionKeys& keys, policy::SaMaterial& into) {
  if (into.cipher) into.cipher_key = policy::SharedSecret(keys.encr.view());
  if (!into.auth) return;
  into.auth_key = keys.integ.empty() ? policy::SharedSecret(keys.encr.view()) : policy::SharedSecret(keys.integ.view());
}

policy::IkeSaProposal proposal_of(const model::ChosenIke& chosen) {
  policy::IkeSaProposal out;
  out.cipher = policy::kNoSuchIkeCipher;
  if (chosen.encr == EncrId::DES3) out.cipher = 1;
  if (chosen.encr == EncrId::AES_CBC) out.cipher = 2 + (chosen.key_bits - 128u) / 64u;
  if (chosen.encr == EncrId::AES_GCM_16 && chosen.key_bits == 128) out.cipher = 5;
  if (chosen.encr == EncrId::AES_GCM_16 && chosen.key_bits == 256) out.cipher = 6;
  out.key_bits = chosen.key_bits;
  out.integrity = policy::kNoSuchIkeIntegrity;
  // Where the cipher brings its own integrity the hash is the PRF's.
  const bool own = chosen.integ == IntegId::NONE;
  if (chosen.integ == IntegId::HMAC_MD5_96 || (own && chosen.prf == PrfId::HMAC_MD5)) out.integrity = 0;
  if (chosen.integ == IntegId::HMAC_SHA1_96 || (own && chosen.prf == PrfId::HMAC_SHA1)) out.integrity = 1;
  if (chosen.integ == IntegId::HMAC_SHA2_256_128 || (own && chosen.prf == PrfId::HMAC_SHA2_256)) out.integrity = 2;
  if (chosen.integ == IntegId::HMAC_SHA2_384_192 || (own && chosen.prf == PrfId::HMAC_SHA2_384)) out.integrity = 3;
  out.group = policy::kNoSuchGroup;
  if (chosen.group == GroupId::MODP_2048) out.group = 3;
  if (chosen.group == GroupId::ECP_256) out.group = 4;
  if (chosen.group == GroupId::ECP_384) out.group = 5;
  return out;
}

uint32_t pfs_number(GroupId group) {
  constexpr uint32_t kMax = 8;
  if (group == GroupId::NO_GROUP) return 0;
  if (group == GroupId::MODP_2048) return 3;
  if (group == GroupId::ECP_256) return 4;
  return group == GroupId::ECP_384 ? 5 : kMax;
}

Outcome<DirectAlgorithms> algorithms_of(const policy::SaMaterial& material) {
  DirectAlgorithms out;
  const bool auth_missing = material.kind != TransformKind::ESP_CIPHER && !material.auth;
  const bool ciphers =
      material.kind == TransformKind::ESP_CIPHER || material.kind == TransformKind::ESP_AUTH_AND_CIPHER;
  if (auth_missing || (ciphers && !material.cipher)) return refuse(Fwp::NULL_POINTER);
  switch (material.kind) {
    case TransformKind::AH: {
      out.protocol = model::Protocol::AH;
      SP_TRY(out.integ, integ_of(*material.auth, true));
      return out;
    }
    case TransformKind::ESP_AUTH: {
      if (material.auth->type >= kAes128 && material.auth->type < policy::kNoSuchTransform &&
          material.auth->config == material.auth->type) {
        out.encr = EncrId::NULL_AES_GMAC;
        out.key_bits = aes_bits(material.auth->type);
        return out;
      }
      SP_TRY(out.integ, integ_of(*material.auth, false));
      return out;
    }
    case TransformKind::ESP_AUTH_AND_CIPHER: return cipher_and_auth(*material.cipher, *material.auth);
    case TransformKind::ESP_CIPHER:   // RFC 8221 4: never encryption without authentication
    case TransformKind::ESP_AUTH_FW:  // protects nothing behind the first packet
      return refuse(Fwp::NOT_SUPPORTED);
  }
  return refuse(Fwp::INVALID_ENUMERATOR);
}

Outcome<model::DirectionKeys> keys_of(const DirectAlgorithms& algorithms, const policy::SaMaterial& material) {
  model::DirectionKeys out;
  if (algorithms.integ != IntegId::NONE) {
    SP_TRY(out.integ, key_of(material.auth_key, model::info(algorithms.integ)->key_octets));
  }
  if (algorithms.protocol == model::Protocol::AH || algorithms.encr == EncrId::NULL_ENCR) return out;
  const size_t octets = model::key_material_octets(algorithms.encr, algorithms.key_bits);
  // One algorithm, one key; it stands in both places, or in its own alone.
  const bool gmac = algorithms.encr == EncrId::NULL_AES_GMAC;
  const bool twice = algorithms.encr == EncrId::AES_GCM_16 && !material.auth_key.view().empty();
  if (twice && !(material.auth_key == material.cipher_key)) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  SP_TRY(out.encr, key_of(gmac ? material.auth_key : material.cipher_key, octets));
  return out;
}

}  // namespace sallyport::stack
