// See certificate_match.h.
#include "crypto/certificate_match.h"

#include <algorithm>

#include "crypto/decoded_certificate.h"
#include "crypto/hash.h"
#include "crypto/openssl_ptr.h"

namespace sallyport::crypto {

namespace {

using Kind = CertificateWish::NameKind;

constexpr const char* kUserPrincipalName = "1.3.6.1.4.1.311.20.2.3";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_text(const ASN1_STRING* found, std::string_view wanted) {
  unsigned char* utf8 = nullptr;
  const int n = ASN1_STRING_to_UTF8(&utf8, found);
  const OctetsPtr owned(utf8);
  if (n < 0) return false;
  const std::string_view text(reinterpret_cast<const char*>(utf8), static_cast<size_t>(n));
  return std::equal(text.begin(), text.end(), wanted.begin(), wanted.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

std::string dotted(const ASN1_OBJECT* object) {
  char text[128];
  const int n = OBJ_obj2txt(text, sizeof text, object, 1);
  return n > 0 && n < static_cast<int>(sizeof text) ? std::string(text, static_cast<size_t>(n)) : std::string();
}

bool has_purpose(X509* certificate, const std::string& wanted) {
  const KeyPurposesPtr purposes(
      static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(certificate, NID_ext_key_usage, nullptr, nullptr)));
  for (int i = 0; purposes && i < sk_ASN1_OBJECT_num(purposes.get()); ++i)
    if (dotted(sk_ASN1_OBJECT_value(purposes.get(), i)) == wanted) return true;
  return false;
}

bool is_name(const GENERAL_NAME& found, const CertificateWish::Name& wanted) {
  if (wanted.kind == Kind::dns) return found.type == GEN_DNS && same_text(found.d.dNSName, wanted.text);
  if (wanted.kind == Kind::rfc822) return found.type == GEN_EMAIL && same_text(found.d.rfc822Name, wanted.text);
  if (found.type != GEN_OTHERNAME || dotted(found.d.otherName->type_id) != kUserPrincipalName) return false;
  const ASN1_TYPE* value = found.d.otherName->value;
  return value->type == V_ASN1_UTF8STRING && same_text(value->value.utf8string, wanted.text);
}

bool has_alternative_name(X509* certificate, const CertificateWish::Name& wanted) {
  const GeneralNamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i)
    if (is_name(*sk_GENERAL_NAME_value(names.get(), i), wanted)) return true;
  return false;
}

bool has_attribute(X509* certificate, int attribute, std::string_view wanted) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, attribute, at)) >= 0;)
    if (same_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), wanted)) return true;
  return false;
}

bool has_name(X509* certificate, const CertificateWish::Name& wanted) {
  switch (wanted.kind) {
    case Kind::dns:
    case Kind::upn:
    case Kind::rfc822: return has_alternative_name(certificate, wanted);
    case Kind::cn: return has_attribute(certificate, NID_commonName, wanted.text);
    case Kind::ou: return has_attribute(certificate, NID_organizationalUnitName, wanted.text);
    case Kind::o: return has_attribute(certificate, NID_organizationName, wanted.text);
    case Kind::dc: return has_attribute(certificate, NID_domainComponent, wanted.text);
  }
  return false;
}

}  // namespace

bool fits(ByteView certificate, const CertificateWish& wish) {
  const X509Ptr decoded = decoded_certificate(certificate);
  if (!decoded || (!wish.sha1.empty() && sha1(certificate) != wish.sha1)) return false;
  return std::all_of(wish.purposes.begin(), wish.purposes.end(),
                     [&](const std::string& purpose) { return has_purpose(decoded.get(), purpose); }) &&
         (!wish.name || has_name(decoded.get(), *wish.name));
}

}  // namespace sallyport::crypto
