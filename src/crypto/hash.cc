// Plain digests.
#include "crypto/hash.h"

#include "crypto/mac.h"
#include "crypto/openssl_ptr.h"

namespace sallyport::crypto {

using DigestPtr = std::unique_ptr<EVP_MD, Freeing<EVP_MD_free>>;

static Bytes digest(const DigestPtr& md, ByteView data) {
  if (!md) return {};
  Bytes out(static_cast<size_t>(EVP_MD_get_size(md.get())));
  unsigned n = 0;
  if (EVP_Digest(data.data(), data.size(), out.data(), &n, md.get(), nullptr) != 1) out.clear();
  return out;
}

// Looked up once: the library's own names for them are looked up at every call.
Bytes sha1(ByteView data) {
  static const DigestPtr md(EVP_MD_fetch(nullptr, "SHA1", nullptr));
  return digest(md, data);
}
Bytes sha256(ByteView data) {
  static const DigestPtr md(EVP_MD_fetch(nullptr, "SHA2-256", nullptr));
  return digest(md, data);
}

Bytes keyed_hash(ByteView key, std::initializer_list<ByteView> data) {
  auto mac = Mac::create(MacKind::HMAC_SHA2_256, key);
  Bytes out(32);
  if (!mac || !(*mac)->compute(data, out)) out.clear();
  return out;
}

}  // namespace sallyport::crypto
