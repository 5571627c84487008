// See decoded_certificate.h.
#include "crypto/decoded_certificate.h"

#include <algorithm>
#include <vector>

#include "crypto/certificate.h"

namespace sallyport::crypto {
namespace {

constexpr size_t kRemembered = 16;  // at most half a megabyte of DER a thread

struct Known {
  Bytes der;
  X509Ptr certificate;
};

X509Ptr another(const X509Ptr& certificate) {
  return X509_up_ref(certificate.get()) == 1 ? X509Ptr(certificate.get()) : nullptr;
}

X509Ptr decode(ByteView der) {
  if (der.empty() || der.size() > kMaxCertificateOctets) return nullptr;
  const uint8_t* p = der.data();
  X509Ptr out(d2i_X509(nullptr, &p, static_cast<long>(der.size())));
  return p == der.data() + der.size() ? std::move(out) : nullptr;
}

}  // namespace

X509Ptr decoded_certificate(ByteView der) {
  static thread_local std::vector<Known> known;  // the newest use first
  const auto at = std::find_if(known.begin(), known.end(), [&](const Known& k) { return equal(k.der, der); });
  if (at != known.end()) {
    std::rotate(known.begin(), at, at + 1);
    return another(known.front().certificate);
  }
  X509Ptr fresh = decode(der);
  if (!fresh) return nullptr;
  if (known.size() == kRemembered) known.pop_back();
  known.insert(known.begin(), Known{to_bytes(der), another(fresh)});
  return fresh;
}

}  // namespace sallyport::crypto
