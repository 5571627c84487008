// What Aead::create hands the providers, lengths already checked. Included by .cc files of this room only.
#pragma once
#include "crypto/aead.h"

namespace sallyport::crypto {

struct AeadParts {
  const model::EncrInfo& row;
  ByteView key;   // of the cipher
  ByteView salt;  // row.salt_octets
  uint16_t key_bits;
  model::IntegId integ;  // NONE with an AEAD
  ByteView integ_key;
};

// algorithm_refused, or what Integ::create says.
Result<std::unique_ptr<Aead>> openssl_aead(const AeadParts& parts);
// Nothing: built without it, the processor lacks what it needs, or it does not know the suite.
std::unique_ptr<Aead> ipsec_mb_aead(const AeadParts& parts);

}  // namespace sallyport::crypto
