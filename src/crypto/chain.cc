// Chain verification.
#include "crypto/chain.h"

#include "crypto/certificate.h"
#include "crypto/decoded_certificate.h"
#include "crypto/openssl_ptr.h"

namespace sallyport::crypto {

namespace {

constexpr size_t kMaxChainOctets = 64 * 1024;
constexpr size_t kMaxCertificates = 8;
constexpr int kMaxDepth = 6;

std::string too_large(const std::vector<Bytes>& chain) {
  size_t octets = 0;
  for (const Bytes& certificate : chain) octets += certificate.size();
  if (chain.empty()) return "the peer sent no certificate";
  if (chain.size() > kMaxCertificates) return "the chain has more than 8 certificates";
  if (octets > kMaxChainOctets) return "the chain is longer than 64 KiB";
  return {};
}

// RFC 4945 5.1.3.2: a leaf with key usage must allow digitalSignature or nonRepudiation.
bool may_sign(X509* leaf) {
  const uint32_t usage = X509_get_key_usage(leaf);
  return usage == UINT32_MAX || (usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) != 0;
}

// RFC 4945 5.1.3.12: without the extension, or with id-kp-ipsecIKE or anyExtendedKeyUsage in it, a certificate is for
// IKE. Beyond that we take serverAuth, clientAuth and iKEIntermediate, because public authorities issue nothing else
// and other implementations ask for just these; what is for mail, code or OCSP alone is refused.
bool for_ike(X509* leaf) {
  static constexpr const char* kPurposes[] = {"1.3.6.1.5.5.7.3.17", "2.5.29.37.0", "1.3.6.1.5.5.7.3.1",
                                              "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.8.2.2"};
  if (X509_get_ext_by_NID(leaf, NID_ext_key_usage, -1) < 0) return true;
  const KeyPurposesPtr purposes(
      static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(leaf, NID_ext_key_usage, nullptr, nullptr)));
  for (int i = 0; purposes && i < sk_ASN1_OBJECT_num(purposes.get()); ++i) {
    char text[64];
    const int n = OBJ_obj2txt(text, sizeof text, sk_ASN1_OBJECT_value(purposes.get(), i), 1);
    for (const char* purpose : kPurposes) {
      if (n > 0 && std::string_view(text) == purpose) return true;
    }
  }
  return false;
}

// RFC 4945 5.1.3.9: who issued must say by Basic Constraints that it is an authority. OpenSSL 3 asks this of every
// issuer below the anchor; the anchor is ours, configured, and needs not say it. X509_V_FLAG_X509_STRICT stays off:
// past that it asks for key identifiers and for critical marks that small authorities leave out and RFC 4945 does not
// make a receiver insist on.
std::string verify(X509* leaf, STACK_OF(X509) * others, const std::vector<Bytes>& anchors, WallTime now) {
  const X509StorePtr store(X509_STORE_new());
  const X509StoreCtxPtr context(X509_STORE_CTX_new());
  if (!store || !context) return "out of memory";
  for (const Bytes& der : anchors) {
    const X509Ptr anchor = decoded_certificate(der);
    if (anchor) X509_STORE_add_cert(store.get(), anchor.get());
  }
  if (X509_STORE_CTX_init(context.get(), store.get(), leaf, others) != 1) return "the library refuses the chain";
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(now.unix_seconds));
  X509_VERIFY_PARAM_set_depth(param, kMaxDepth);
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
  X509_VERIFY_PARAM_set_auth_level(param, 2);  // 112 bits: no SHA-1 signature, no RSA below 2048
  if (X509_verify_cert(context.get()) == 1) return {};
  return X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
}

}  // namespace

ChainVerdict verify_chain(const std::vector<Bytes>& chain, const std::vector<Bytes>& anchors,
                          const model::Identity& expected, WallTime now) {
  ChainVerdict out;
  out.why = too_large(chain);
  if (!out.why.empty()) return out;
  const auto view = read_certificate(chain.front());
  const X509Ptr leaf = decoded_certificate(chain.front());
  if (!view || !leaf) {
    out.why = "the certificate cannot be read";
    return out;
  }
  out.subject = view->subject;
  const X509ChainPtr others(sk_X509_new_null());
  for (size_t i = 1; i < chain.size(); ++i) {
    X509Ptr certificate = decoded_certificate(chain[i]);
    if (certificate && sk_X509_push(others.get(), certificate.get()) > 0) (void)certificate.release();
  }
  out.why = verify(leaf.get(), others.get(), anchors, now);
  if (out.why.empty() && !may_sign(leaf.get())) out.why = "the certificate's key usage does not allow signatures";
  if (out.why.empty() && !for_ike(leaf.get())) out.why = "the certificate's extended key usage does not allow IKE";
  if (out.why.empty() && !identity_matches(chain.front(), expected))
    out.why = "the certificate is not for " + expected.to_string();
  out.ok = out.why.empty();
  return out;
}

}  // namespace sallyport::crypto
