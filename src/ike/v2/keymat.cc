// SKEYSEED, SK_*, KEYMAT. RFC 7296 2.14, 2.17, 2.18.
#include "ike/v2/keymat.h"

#include <array>

#include "crypto/prf.h"
#include "model/algorithms.h"

namespace sallyport::ike::v2 {

// RFC 7296 2.14: a prf with a fixed key length takes it half from each nonce. Of ours those are the AES ones; for them
// the first 64 bits of each nonce are used.
static Bytes nonce_key(model::PrfId prf, ByteView nonce_i, ByteView nonce_r) {
  Bytes key;
  if (prf == model::PrfId::AES128_XCBC || prf == model::PrfId::AES128_CMAC) {
    append(key, nonce_i.first(std::min<size_t>(8, nonce_i.size())));
    append(key, nonce_r.first(std::min<size_t>(8, nonce_r.size())));
  } else {
    append(key, nonce_i);
    append(key, nonce_r);
  }
  return key;
}

Result<SecretBytes> skeyseed(model::PrfId prf, ByteView nonce_i, ByteView nonce_r, ByteView shared) {
  return crypto::prf(prf, nonce_key(prf, nonce_i, nonce_r), {shared});
}

Result<SecretBytes> skeyseed_rekey(model::PrfId old_prf, ByteView old_sk_d, ByteView shared, ByteView nonce_i,
                                   ByteView nonce_r) {
  return crypto::prf(old_prf, old_sk_d, {shared, nonce_i, nonce_r});
}

namespace {

// Takes keys one after the other from a stretch of key material.
class Cutter {
 public:
  explicit Cutter(ByteView material) : left_(material) {}
  SecretBytes take(size_t octets) {  // Requires: the material was made long enough
    SecretBytes out(left_.first(octets));
    left_ = left_.subspan(octets);
    return out;
  }

 private:
  ByteView left_;
};

Result<size_t> encr_octets(model::EncrId encr, uint16_t key_bits) {
  if (!model::info(encr)) return fail(Errc::algorithm_refused, static_cast<uint32_t>(encr));
  return model::key_material_octets(encr, key_bits);
}

Result<size_t> integ_octets(model::IntegId integ) {
  if (integ == model::IntegId::NONE) return size_t{0};
  const auto row = model::info(integ);
  if (!row) return fail(Errc::algorithm_refused, static_cast<uint32_t>(integ));
  return size_t{row->key_octets};
}

}  // namespace

Result<IkeKeys> derive_ike_keys(const model::ChosenIke& chosen, ByteView seed, ByteView nonce_i, ByteView nonce_r,
                                model::IkeSpi spi_i, model::IkeSpi spi_r) {
  const auto prf_row = model::info(chosen.prf);
  if (!prf_row) return fail(Errc::algorithm_refused, static_cast<uint32_t>(chosen.prf));
  const size_t prf_octets = prf_row->key_octets;
  SP_TRY(const size_t encr, encr_octets(chosen.encr, chosen.key_bits));
  SP_TRY(const size_t integ, integ_octets(chosen.integ));

  Writer salt;
  salt.bytes(nonce_i);
  salt.bytes(nonce_r);
  salt.u64(spi_i);
  salt.u64(spi_r);
  const size_t total = 3 * prf_octets + 2 * integ + 2 * encr;
  SP_TRY(SecretBytes material, crypto::prf_plus(chosen.prf, seed, salt.view(), total));
  if (material.size() < total) return fail(Errc::algorithm_refused);

  Cutter cut(material.view());
  IkeKeys keys;
  keys.sk_d = cut.take(prf_octets);
  keys.sk_ai = cut.take(integ);
  keys.sk_ar = cut.take(integ);
  keys.sk_ei = cut.take(encr);
  keys.sk_er = cut.take(encr);
  keys.sk_pi = cut.take(prf_octets);
  keys.sk_pr = cut.take(prf_octets);
  return keys;
}

Result<ChildKeys> derive_child_keys(model::PrfId prf, ByteView sk_d, const model::ChosenChild& chosen, ByteView shared,
                                    ByteView nonce_i, ByteView nonce_r) {
  SP_TRY(const size_t encr, encr_octets(chosen.encr, chosen.key_bits));
  SP_TRY(const size_t integ, integ_octets(chosen.integ));
  SecretBytes seed(shared.size() + nonce_i.size() + nonce_r.size());
  size_t at = 0;
  for (ByteView part : {shared, nonce_i, nonce_r}) {
    for (uint8_t octet : part) seed.writable()[at++] = octet;
  }
  const size_t total = 2 * (encr + integ);
  ChildKeys keys;
  if (total == 0) return keys;
  SP_TRY(SecretBytes material, crypto::prf_plus(prf, sk_d, seed.view(), total));
  if (material.size() < total) return fail(Errc::algorithm_refused);

  // RFC 7296 2.17: all keys of initiator to responder first; within one direction encryption before integrity.
  Cutter cut(material.view());
  keys.initiator_to_responder.encr = cut.take(encr);
  keys.initiator_to_responder.integ = cut.take(integ);
  keys.responder_to_initiator.encr = cut.take(encr);
  keys.responder_to_initiator.integ = cut.take(integ);
  return keys;
}

}  // namespace sallyport::ike::v2
