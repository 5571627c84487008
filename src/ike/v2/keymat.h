// Keying material of IKE SAs and Child SAs. RFC 7296 2.14, 2.17, 2.18. Pure functions.
// Every failure is algorithm_refused from the library: no key is ever used uninitialised.
#pragma once
#include "base/result.h"
#include "base/secret.h"
#include "model/ids.h"
#include "model/proposal.h"
#include "model/sa_spec.h"

namespace sallyport::ike::v2 {

struct IkeKeys {
  SecretBytes sk_d, sk_ai, sk_ar, sk_ei, sk_er, sk_pi, sk_pr;
};

// RFC 7296 2.14: SKEYSEED = prf(Ni | Nr, g^ir) of a first IKE SA.
Result<SecretBytes> skeyseed(model::PrfId prf, ByteView nonce_i, ByteView nonce_r, ByteView shared);
// RFC 7296 2.18: SKEYSEED = prf(SK_d old, g^ir | Ni | Nr), with the prf of the old IKE SA.
Result<SecretBytes> skeyseed_rekey(model::PrfId old_prf, ByteView old_sk_d, ByteView shared, ByteView nonce_i,
                                   ByteView nonce_r);
// {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr)
Result<IkeKeys> derive_ike_keys(const model::ChosenIke& chosen, ByteView seed, ByteView nonce_i, ByteView nonce_r,
                                model::IkeSpi spi_i, model::IkeSpi spi_r);

// Directions of the exchange that made the Child SA, not of the IKE SA.
struct ChildKeys {
  model::DirectionKeys initiator_to_responder;
  model::DirectionKeys responder_to_initiator;
};
// RFC 7296 2.17: KEYMAT = prf+(SK_d, [g^ir |] Ni | Nr). shared is empty without a key exchange of its own.
Result<ChildKeys> derive_child_keys(model::PrfId prf, ByteView sk_d, const model::ChosenChild& chosen, ByteView shared,
                                    ByteView nonce_i, ByteView nonce_r);

}  // namespace sallyport::ike::v2
