// Keyed digests, contexts made once per key: HMAC-SHA1/2 (RFC 2104, 4868), AES-XCBC (RFC 3566), AES-CMAC (RFC 4493),
// AES-GMAC (RFC 4543), which alone takes an IV.
// The one engine behind prf and integ. Not for several threads at once.
#pragma once
#include <initializer_list>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/secret.h"

namespace sallyport::crypto {

enum class MacKind : uint8_t {
  HMAC_MD5,
  HMAC_SHA1,
  HMAC_SHA2_256,
  HMAC_SHA2_384,
  HMAC_SHA2_512,
  AES_XCBC,
  AES_CMAC,
  AES_GMAC
};

class Mac {
 public:
  // algorithm_refused: the library lacks it. bad_key: AES-XCBC and AES-CMAC take 16 octets, AES-GMAC 16, 24 or 32
  // and 4 of salt.
  static Result<std::unique_ptr<Mac>> create(MacKind kind, ByteView key);
  virtual ~Mac() = default;
  virtual size_t octets() const = 0;
  // The whole output, out.size() == octets(), or a leading part of it. False: the library failed; out is then not to be
  // used.
  // iv: eight octets for AES-GMAC, none for the others.
  virtual bool compute(ByteView iv, std::span<const ByteView> data, MutableBytes out) = 0;
  bool compute(std::initializer_list<ByteView> data, MutableBytes out) {
    return compute({}, std::span(data.begin(), data.size()), out);
  }
};

}  // namespace sallyport::crypto
