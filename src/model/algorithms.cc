// The algorithm table. Sizes from the RFC named in each row of proto/ikev2.def.
#include "model/algorithms.h"

namespace sallyport::model {

std::string_view to_string(EncrId id) {
#define SP_ENCR(name, number, reference) \
  if (id == EncrId::name) return #name;
#include "proto/ikev2.def"
  return "unknown";
}
std::string_view to_string(PrfId id) {
#define SP_PRF(name, number, reference) \
  if (id == PrfId::name) return #name;
#include "proto/ikev2.def"
  return "unknown";
}
std::string_view to_string(IntegId id) {
#define SP_INTEG(name, number, reference) \
  if (id == IntegId::name) return #name;
#include "proto/ikev2.def"
  return "unknown";
}
std::string_view to_string(GroupId id) {
#define SP_GROUP(name, number, reference) \
  if (id == GroupId::name) return #name;
#include "proto/ikev2.def"
  return "unknown";
}
std::string_view to_string(AuthMethod id) {
#define SP_AUTH_METHOD(name, number, reference) \
  if (id == AuthMethod::name) return #name;
#include "proto/ikev2.def"
  return "unknown";
}

// id, aead, variable key, fixed key bits, salt, iv, block, icv, implicit iv, ESP only
static constexpr EncrInfo kEncr[] = {
    {EncrId::DES3, false, false, 192, 0, 8, 8, 0},
    {EncrId::NULL_ENCR, false, false, 0, 0, 0, 1, 0, false, true},
    {EncrId::AES_CBC, false, true, 0, 0, 16, 16, 0},
    {EncrId::AES_CTR, false, true, 0, 4, 8, 1, 0},
    {EncrId::AES_CCM_8, true, true, 0, 3, 8, 1, 8},
    {EncrId::AES_CCM_12, true, true, 0, 3, 8, 1, 12},
    {EncrId::AES_CCM_16, true, true, 0, 3, 8, 1, 16},
    {EncrId::AES_GCM_8, true, true, 0, 4, 8, 1, 8},
    {EncrId::AES_GCM_12, true, true, 0, 4, 8, 1, 12},
    {EncrId::AES_GCM_16, true, true, 0, 4, 8, 1, 16},
    {EncrId::NULL_AES_GMAC, true, true, 0, 4, 8, 1, 16, false, true},
    {EncrId::CHACHA20_POLY1305, true, false, 256, 4, 8, 1, 16},
    {EncrId::AES_CCM_8_IIV, true, true, 0, 3, 0, 1, 8, true, true},
    {EncrId::AES_GCM_16_IIV, true, true, 0, 4, 0, 1, 16, true, true},
    {EncrId::CHACHA20_POLY1305_IIV, true, false, 256, 4, 0, 1, 16, true, true},
};
static constexpr IntegInfo kInteg[] = {
    {IntegId::HMAC_MD5_96, 16, 12},           {IntegId::HMAC_SHA1_96, 20, 12},
    {IntegId::AES_XCBC_96, 16, 12},           {IntegId::AES_CMAC_96, 16, 12},
    {IntegId::AES_128_GMAC, 20, 16, 8, true}, {IntegId::AES_192_GMAC, 28, 16, 8, true},
    {IntegId::AES_256_GMAC, 36, 16, 8, true}, {IntegId::HMAC_SHA2_256_128, 32, 16},
    {IntegId::HMAC_SHA2_384_192, 48, 24},     {IntegId::HMAC_SHA2_512_256, 64, 32},
};
static constexpr PrfInfo kPrf[] = {
    {PrfId::HMAC_MD5, 16, 16},      {PrfId::HMAC_SHA1, 20, 20},     {PrfId::AES128_XCBC, 16, 16},
    {PrfId::HMAC_SHA2_256, 32, 32}, {PrfId::HMAC_SHA2_384, 48, 48}, {PrfId::HMAC_SHA2_512, 64, 64},
    {PrfId::AES128_CMAC, 16, 16},
};

std::optional<EncrInfo> info(EncrId id) {
  for (const auto& row : kEncr) {
    if (row.id == id) return row;
  }
  return std::nullopt;
}
std::optional<IntegInfo> info(IntegId id) {
  for (const auto& row : kInteg) {
    if (row.id == id) return row;
  }
  return std::nullopt;
}
std::optional<PrfInfo> info(PrfId id) {
  for (const auto& row : kPrf) {
    if (row.id == id) return row;
  }
  return std::nullopt;
}
bool known(GroupId id) { return id != GroupId::NO_GROUP && to_string(id) != "unknown"; }

size_t key_material_octets(EncrId id, uint16_t key_bits) {
  const auto row = info(id);
  if (!row) return 0;
  const size_t key = row->variable_key ? key_bits / 8u : row->default_key_bits / 8u;
  return key + row->salt_octets;
}

}  // namespace sallyport::model
