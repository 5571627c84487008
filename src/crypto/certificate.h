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
  std::string subject;  // as encode_dn reads it
  std::vector<model::Identity> alternative_names;
  model::KeyType key_type = model::KeyType::none;
  WallTime not_before;
  WallTime not_after;
  Bytes subject_der;
  Bytes issuer_der;
  Bytes public_key_sha1;  // of the SubjectPublicKeyInfo: what CERTREQ names (RFC 7296 3.7)
  bool authority = false;
};

Result<CertificateView> read_certificate(ByteView der);  // bad_certificate
Result<std::vector<Bytes>> certificates_from_pem(
    ByteView pem);  // DER, in file order; bad_certificate when there is none

// "C=DE, O=Example, CN=gw" to DER, RDNs in the order written; "OU=a + CN=b" is one RDN of two pairs. Escapes of RFC
// 4514 2.4: a backslash before \ " + , ; < > = # or a space, or before two hexadecimal digits. bad_value, detail = the
// offset where reading stopped: an unknown attribute, an empty value, a quoted or hexadecimal (#) one, a trailing
// comma.
Result<Bytes> encode_dn(std::string_view text);
// RFC 5280 7.1: string types, letter case and runs of spaces do not count, the order of RDNs does. False where one of
// them is no name.
bool same_dn(ByteView a, ByteView b);

// RFC 4945 3.1: the identity is the subject (ID_DER_ASN1_DN) or one of the alternative names, compared without
// wildcards.
bool identity_matches(ByteView certificate_der, const model::Identity& id);
std::string dn_text(ByteView der);  // as encode_dn reads it; empty when it is no name
// For people: what Identity::to_string says, but distinguished names as dn_text does. Two identities may look the same.
std::string shown(const model::Identity& id);

}  // namespace sallyport::crypto
