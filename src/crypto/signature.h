// Signatures of the AUTH payload. RFC 7296 2.15 (method 1), RFC 4754 (9 to 11), RFC 7427 (14), RFC 8420 (EdDSA).
// Any thread, one object one thread.
#pragma once
#include <memory>

#include "base/bytes.h"
#include "model/algorithms.h"
#include "model/ike_policy.h"

namespace sallyport::crypto {

// What method 14 may use with a key: the first of `offered` (the peer's SIGNATURE_HASH_ALGORITHMS) in our order of
// preference. no_proposal_chosen when none fits.
Result<model::HashId> choose_hash(model::KeyType type, const std::vector<model::HashId>& offered);
// The method for a key when the peer does not speak RFC 7427; unsupported for EdDSA.
Result<model::AuthMethod> classic_method(model::KeyType type);

class PrivateKey {
 public:
  static Result<PrivateKey> from_pem(ByteView pem);  // bad_key: no key, a protected one, RSA below 2048 bits
  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;
  ~PrivateKey();

  model::KeyType type() const;
  bool belongs_to(ByteView certificate_der) const;
  // The AUTH payload's data. hash and pss count for method 14 alone, where the data starts with the
  // AlgorithmIdentifier.
  Result<Bytes> sign(model::AuthMethod method, model::HashId hash, bool pss, ByteView octets) const;

 private:
  struct Impl;
  explicit PrivateKey(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// authentication_failed: does not verify, or a scheme that does not fit the certificate's key. P9: exact encodings
// only.
Result<> verify_auth(ByteView certificate_der, model::AuthMethod method, ByteView auth_data, ByteView octets);

// The same with the key alone, as the DER of its SubjectPublicKeyInfo. bad_key: unreadable, of an unknown kind or RSA
// below 2048 bits.
Result<> verify_auth_by_key(ByteView public_key_der, model::AuthMethod method, ByteView auth_data, ByteView octets);

}  // namespace sallyport::crypto
