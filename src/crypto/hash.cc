// Plain digests.
#include "crypto/hash.h"

#include "crypto/mac.h"
#include "crypto/openssl_ptr.h"

namespace sallyport::crypto {

static Bytes digest(const EVP_MD* md, ByteView data) {
  Bytes out(static_cast<size_t>(EVP_MD_get_size(md)));
  unsigned n = 0;
  if (EVP_Digest(data.data(), data.size(), out.data(), &n, md, nullptr) != 1) out.clear();
  return out;
}

Bytes sha1(ByteView data) { return digest(EVP_sha1(), data); }
Bytes sha256(ByteView data) { return digest(EVP_sha256(), data); }

Bytes keyed_hash(ByteView key, std::initializer_list<ByteView> data) {
  auto mac = Mac::create(MacKind::HMAC_SHA2_256, key);
  Bytes out(32);
  if (!mac || !(*mac)->compute(data, out)) out.clear();
  return out;
}

}  // namespace sallyport::crypto
