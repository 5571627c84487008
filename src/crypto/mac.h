// Keyed digests, contexts made once per key: HMAC-SHA1/2 (RFC 2104, 4868), AES-XCBC (RFC 3566), AES-CMAC (RFC 4493).
// The one engine behind prf and integ. Not for several threads at once.
#pragma once
#include <initializer_list>
#include <memory>

#include "base/bytes.h"
#include "base/secret.h"

namespace sallyport::crypto {

enum class MacKind : uint8_t { HMAC_MD5, HMAC_SHA1, HMAC_SHA2_256, HMAC_SHA2_384, HMAC_SHA2_512, AES_XCBC, AES_CMAC };

class Mac {
 public:
  // algorithm_refused: the library lacks it. bad_key: AES-XCBC and AES-CMAC take 16 octets.
  static Result<std::unique_ptr<Mac>> create(MacKind kind, ByteView key);
  virtual ~Mac() = default;
  virtual size_t octets() const = 0;
  // The whole output, out.size() == octets(), or a leading part of it. False: the library failed; out is then not to be
  // used.
  virtual bool compute(std::initializer_list<ByteView> data, MutableBytes out) = 0;
};

}  // namespace sallyport::crypto
