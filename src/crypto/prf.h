// Pseudo-random functions of IKEv2 and prf+. RFC 7296 2.13; RFC 4434 (AES-XCBC), RFC 4615 (AES-CMAC). Any thread.
#pragma once
#include <initializer_list>

#include "base/secret.h"
#include "model/algorithms.h"

namespace sallyport::crypto {

// algorithm_refused: unknown here or refused by the library (S8: never uninitialised keys).
Result<SecretBytes> prf(model::PrfId id, ByteView key, std::initializer_list<ByteView> data);

// RFC 7296 2.13: T1 | T2 | ...; limit when more than 255 blocks would be needed.
Result<SecretBytes> prf_plus(model::PrfId id, ByteView key, ByteView seed, size_t octets);

}  // namespace sallyport::crypto
