// The words of proposals in the configuration, in logs and at the command: "aes256gcm16-prfsha256-x25519".
#include <algorithm>

#include "model/proposal.h"

namespace sallyport::model {

namespace {

struct Word {
  std::string_view text;
  TransformType type;
  uint16_t id;
  uint16_t key_bits;
};

constexpr uint16_t n(EncrId id) { return static_cast<uint16_t>(id); }
constexpr uint16_t n(IntegId id) { return static_cast<uint16_t>(id); }
constexpr uint16_t n(PrfId id) { return static_cast<uint16_t>(id); }
constexpr uint16_t n(GroupId id) { return static_cast<uint16_t>(id); }

using T = TransformType;

// The first word of a number is the one printed; later ones are accepted spellings.
constexpr Word kWords[] = {
    {"3des", T::ENCR, n(EncrId::DES3), 0},
    {"null", T::ENCR, n(EncrId::NULL_ENCR), 0},
    {"aes128", T::ENCR, n(EncrId::AES_CBC), 128},
    {"aes192", T::ENCR, n(EncrId::AES_CBC), 192},
    {"aes256", T::ENCR, n(EncrId::AES_CBC), 256},
    {"aes128ctr", T::ENCR, n(EncrId::AES_CTR), 128},
    {"aes192ctr", T::ENCR, n(EncrId::AES_CTR), 192},
    {"aes256ctr", T::ENCR, n(EncrId::AES_CTR), 256},
    {"aes128ccm8", T::ENCR, n(EncrId::AES_CCM_8), 128},
    {"aes192ccm8", T::ENCR, n(EncrId::AES_CCM_8), 192},
    {"aes256ccm8", T::ENCR, n(EncrId::AES_CCM_8), 256},
    {"aes128ccm12", T::ENCR, n(EncrId::AES_CCM_12), 128},
    {"aes192ccm12", T::ENCR, n(EncrId::AES_CCM_12), 192},
    {"aes256ccm12", T::ENCR, n(EncrId::AES_CCM_12), 256},
    {"aes128ccm16", T::ENCR, n(EncrId::AES_CCM_16), 128},
    {"aes192ccm16", T::ENCR, n(EncrId::AES_CCM_16), 192},
    {"aes256ccm16", T::ENCR, n(EncrId::AES_CCM_16), 256},
    {"aes128gcm8", T::ENCR, n(EncrId::AES_GCM_8), 128},
    {"aes192gcm8", T::ENCR, n(EncrId::AES_GCM_8), 192},
    {"aes256gcm8", T::ENCR, n(EncrId::AES_GCM_8), 256},
    {"aes128gcm12", T::ENCR, n(EncrId::AES_GCM_12), 128},
    {"aes192gcm12", T::ENCR, n(EncrId::AES_GCM_12), 192},
    {"aes256gcm12", T::ENCR, n(EncrId::AES_GCM_12), 256},
    {"aes128gcm16", T::ENCR, n(EncrId::AES_GCM_16), 128},
    {"aes192gcm16", T::ENCR, n(EncrId::AES_GCM_16), 192},
    {"aes256gcm16", T::ENCR, n(EncrId::AES_GCM_16), 256},
    {"aes128gmac", T::ENCR, n(EncrId::NULL_AES_GMAC), 128},
    {"aes192gmac", T::ENCR, n(EncrId::NULL_AES_GMAC), 192},
    {"aes256gmac", T::ENCR, n(EncrId::NULL_AES_GMAC), 256},
    {"chacha20poly1305", T::ENCR, n(EncrId::CHACHA20_POLY1305), 0},
    {"aes128ccm8iiv", T::ENCR, n(EncrId::AES_CCM_8_IIV), 128},
    {"aes192ccm8iiv", T::ENCR, n(EncrId::AES_CCM_8_IIV), 192},
    {"aes256ccm8iiv", T::ENCR, n(EncrId::AES_CCM_8_IIV), 256},
    {"aes128gcm16iiv", T::ENCR, n(EncrId::AES_GCM_16_IIV), 128},
    {"aes192gcm16iiv", T::ENCR, n(EncrId::AES_GCM_16_IIV), 192},
    {"aes256gcm16iiv", T::ENCR, n(EncrId::AES_GCM_16_IIV), 256},
    {"chacha20poly1305iiv", T::ENCR, n(EncrId::CHACHA20_POLY1305_IIV), 0},
    {"aes128gmac", T::INTEG, n(IntegId::AES_128_GMAC), 0},
    {"aes192gmac", T::INTEG, n(IntegId::AES_192_GMAC), 0},
    {"aes256gmac", T::INTEG, n(IntegId::AES_256_GMAC), 0},
    {"md5", T::INTEG, n(IntegId::HMAC_MD5_96), 0},
    {"sha1", T::INTEG, n(IntegId::HMAC_SHA1_96), 0},
    {"aesxcbc", T::INTEG, n(IntegId::AES_XCBC_96), 0},
    {"aescmac", T::INTEG, n(IntegId::AES_CMAC_96), 0},
    {"sha256", T::INTEG, n(IntegId::HMAC_SHA2_256_128), 0},
    {"sha384", T::INTEG, n(IntegId::HMAC_SHA2_384_192), 0},
    {"sha512", T::INTEG, n(IntegId::HMAC_SHA2_512_256), 0},
    {"prfmd5", T::PRF, n(PrfId::HMAC_MD5), 0},
    {"prfsha1", T::PRF, n(PrfId::HMAC_SHA1), 0},
    {"prfaesxcbc", T::PRF, n(PrfId::AES128_XCBC), 0},
    {"prfaescmac", T::PRF, n(PrfId::AES128_CMAC), 0},
    {"prfsha256", T::PRF, n(PrfId::HMAC_SHA2_256), 0},
    {"prfsha384", T::PRF, n(PrfId::HMAC_SHA2_384), 0},
    {"prfsha512", T::PRF, n(PrfId::HMAC_SHA2_512), 0},
    {"modp2048", T::KE, n(GroupId::MODP_2048), 0},
    {"modp3072", T::KE, n(GroupId::MODP_3072), 0},
    {"modp4096", T::KE, n(GroupId::MODP_4096), 0},
    {"modp6144", T::KE, n(GroupId::MODP_6144), 0},
    {"modp8192", T::KE, n(GroupId::MODP_8192), 0},
    {"ecp256", T::KE, n(GroupId::ECP_256), 0},
    {"ecp384", T::KE, n(GroupId::ECP_384), 0},
    {"ecp521", T::KE, n(GroupId::ECP_521), 0},
    {"x25519", T::KE, n(GroupId::CURVE25519), 0},
    {"x448", T::KE, n(GroupId::CURVE448), 0},
    {"curve25519", T::KE, n(GroupId::CURVE25519), 0},
    {"curve448", T::KE, n(GroupId::CURVE448), 0},
    {"esn", T::ESN, 1, 0},
    {"noesn", T::ESN, 0, 0},
};

// RFC 4543 5: "aes128gmac" is an integrity transform in AH and an encryption transform elsewhere. RFC 8750 8 and the
// registry: some ciphers are not for IKE SAs.
bool fits(Protocol protocol, const Word& word) {
  if (word.type == T::ENCR) {
    const auto row = info(static_cast<EncrId>(word.id));
    return protocol != Protocol::AH && (protocol == Protocol::ESP || !row->esp_only);
  }
  if (word.type == T::INTEG) return protocol == Protocol::AH || !info(static_cast<IntegId>(word.id))->ah_only;
  return true;
}

bool has(const Proposal& p, TransformType type) {
  return std::any_of(p.transforms.begin(), p.transforms.end(), [&](const Transform& t) { return t.type == type; });
}

// A prf that was not named follows the integrity algorithm; an AEAD names none, so the prf must be written.
void derive_prf(Proposal& p) {
  std::vector<Transform> more;
  for (const Transform& t : p.transforms) {
    if (t.type != TransformType::INTEG) continue;
    for (const auto& [integ, prf] : {std::pair{IntegId::HMAC_SHA1_96, PrfId::HMAC_SHA1},
                                     {IntegId::AES_XCBC_96, PrfId::AES128_XCBC},
                                     {IntegId::AES_CMAC_96, PrfId::AES128_CMAC},
                                     {IntegId::HMAC_SHA2_256_128, PrfId::HMAC_SHA2_256},
                                     {IntegId::HMAC_SHA2_384_192, PrfId::HMAC_SHA2_384},
                                     {IntegId::HMAC_SHA2_512_256, PrfId::HMAC_SHA2_512}}) {
      if (t.id == n(integ)) more.push_back({TransformType::PRF, n(prf), 0, false});
    }
  }
  p.transforms.insert(p.transforms.end(), more.begin(), more.end());
}

Result<> complete(Proposal& p) {
  bool any_aead = false, any_plain = false;
  for (const Transform& t : p.transforms) {
    if (t.type != TransformType::ENCR) continue;
    (info(static_cast<EncrId>(t.id))->aead ? any_aead : any_plain) = true;
  }
  // RFC 7296 3.3: AEADs and other ciphers need different proposals, for one kind must and the other must not name
  // integrity.
  if (any_aead && any_plain) return fail(Errc::conflict);
  // RFC 4302 1: all that AH gives is integrity.
  if ((any_plain || p.protocol == Protocol::AH) && !has(p, TransformType::INTEG)) return fail(Errc::missing_payload, 3);
  if (any_aead && has(p, TransformType::INTEG)) return fail(Errc::conflict);
  if (p.protocol != Protocol::AH && !any_aead && !any_plain) return fail(Errc::missing_payload, 1);
  if (p.protocol == Protocol::IKE) {
    if (has(p, TransformType::ESN)) return fail(Errc::conflict);
    if (!has(p, TransformType::PRF)) derive_prf(p);
    if (!has(p, TransformType::PRF)) return fail(Errc::missing_payload, 2);
    if (!has(p, TransformType::KE)) return fail(Errc::missing_payload, 4);
  } else {
    if (has(p, TransformType::PRF)) return fail(Errc::conflict);
    if (!has(p, TransformType::ESN)) p.transforms.push_back({TransformType::ESN, 0, 0, false});
  }
  std::stable_sort(p.transforms.begin(), p.transforms.end(),
                   [](const Transform& a, const Transform& b) { return a.type < b.type; });
  return {};
}

}  // namespace

Result<Proposal> parse_proposal(Protocol protocol, std::string_view text) {
  Proposal out{1, protocol, {}, {}, false};
  size_t at = 0;
  while (at <= text.size()) {
    const size_t dash = std::min(text.find('-', at), text.size());
    const std::string_view part = text.substr(at, dash - at);
    const auto word = std::find_if(std::begin(kWords), std::end(kWords),
                                   [&](const Word& w) { return w.text == part && fits(protocol, w); });
    if (word == std::end(kWords)) return fail(Errc::bad_value, static_cast<uint32_t>(at));
    const Transform t{word->type, word->id, word->key_bits, false};
    if (std::find(out.transforms.begin(), out.transforms.end(), t) != out.transforms.end())
      return fail(Errc::bad_value, static_cast<uint32_t>(at));
    out.transforms.push_back(t);
    at = dash + 1;
  }
  SP_CHECK(complete(out));
  return out;
}

std::vector<std::string_view> proposal_words() {
  std::vector<std::string_view> out;
  for (const Word& w : kWords) {
    if (std::find(out.begin(), out.end(), w.text) == out.end()) out.push_back(w.text);
  }
  return out;
}

std::string to_string(const Transform& t) {
  for (const Word& w : kWords) {
    if (w.type == t.type && w.id == t.id && w.key_bits == t.key_bits) return std::string(w.text);
  }
  return "type" + std::to_string(static_cast<unsigned>(t.type)) + "id" + std::to_string(t.id) +
         (t.key_bits != 0 ? "key" + std::to_string(t.key_bits) : "");
}

std::string to_string(const Proposal& p) {
  std::string out;
  for (const Transform& t : p.transforms) {
    const bool implied = t.id == 0 && (t.type == TransformType::ESN || t.type == TransformType::INTEG);
    if (!implied) out += (out.empty() ? "" : "-") + to_string(t);
  }
  return out;
}

std::string to_string(const Proposals& proposals) {
  std::string out;
  for (const Proposal& p : proposals) out += (out.empty() ? "" : ", ") + to_string(p);
  return out;
}

}  // namespace sallyport::model
