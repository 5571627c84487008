// What a certificate says, read by OpenSSL. RFC 5280, RFC 4945. Any thread.
#pragma once
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "model/identity.h"
#include "model/ike_policy.h"

namespace sallyport::crypto {

inline constexpr size_t kMaxCertificateOctets = 32 * 1024;

struct CertificateView {
  std::string subject;  // RFC 2253 text
  std::vector<model::Identity> alternative_names;
  model::KeyType key_type = model::KeyType::none;
  WallTime not_before;
  WallTime not_after;
  Bytes subject_der;
  Bytes public_key_sha1;  // of the SubjectPublicKeyInfo: what CERTREQ names (RFC 7296 3.7)
  bool authority = false;
};

Result<CertificateView> read_certificate(ByteView der);  // bad_certificate
Result<std::vector<Bytes>> certificates_from_pem(
    ByteView pem);                               // DER, in file order; bad_certificate when there is none
Result<Bytes> encode_dn(std::string_view text);  // "CN=gw, O=Example" to DER; bad_value

// RFC 4945 3.1: the identity is the subject (ID_DER_ASN1_DN) or one of the alternative names, compared without
// wildcards.
bool identity_matches(ByteView certificate_der, const model::Identity& id);
std::string dn_text(ByteView der);  // printable; empty when it is no name

}  // namespace sallyport::crypto
