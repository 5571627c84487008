// Key exchange methods: MODP (RFC 3526), ECP (RFC 5903), Curve25519 and Curve448 (RFC 8031). Any thread.
#pragma once
#include "model/key_request.h"

namespace sallyport::crypto {

size_t public_value_octets(model::GroupId group);  // on the wire; 0: not known
bool ke_is_slow(model::GroupId group);  // costs more than a fraction of a millisecond: not for the network thread

// Answers with KeDone, or Refused: bad_public_value (P7: wrong length, out of range, off the curve, low order),
// algorithm_refused (group unknown or refused by the library), bad_key (a private key that is not one).
model::KeyReply run_ke(const model::KeWork& work);

}  // namespace sallyport::crypto
