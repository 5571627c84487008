// Reading certificates and names.
#include "crypto/certificate.h"

#include <openssl/pem.h>

#include <ctime>

#include "base/ip_addr.h"
#include "crypto/hash.h"
#include "crypto/openssl_ptr.h"

namespace sallyport::crypto {

namespace {

using model::Identity;
using model::IdType;
using model::KeyType;

X509Ptr decode(ByteView der) {
  if (der.empty() || der.size() > kMaxCertificateOctets) return nullptr;
  const uint8_t* p = der.data();
  X509Ptr out(d2i_X509(nullptr, &p, static_cast<long>(der.size())));
  return p == der.data() + der.size() ? std::move(out) : nullptr;
}

std::string text_of(const X509_NAME* name) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0) return {};
  char* start = nullptr;
  const long n = BIO_get_mem_data(bio.get(), &start);
  std::string out;
  for (const char c : std::string_view(start, static_cast<size_t>(n))) out.push_back(c >= 0x20 && c < 0x7f ? c : '?');
  return out;
}

Bytes der_of(const X509_NAME* name) {
  unsigned char* der = nullptr;
  const int n = i2d_X509_NAME(name, &der);
  const OctetsPtr owned(der);
  return n > 0 ? Bytes(der, der + n) : Bytes();
}

WallTime wall(const ASN1_TIME* time) {
  std::tm tm{};
  if (ASN1_TIME_to_tm(time, &tm) != 1) return {};
  return {timegm(&tm)};
}

std::vector<Identity> alternative_names(X509* certificate) {
  std::vector<Identity> out;
  const GeneralNamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    const auto octets = [](const ASN1_STRING* s) {
      const uint8_t* data = ASN1_STRING_get0_data(s);
      return Bytes(data, data + ASN1_STRING_length(s));
    };
    if (name->type == GEN_DNS) out.push_back({IdType::ID_FQDN, octets(name->d.dNSName)});
    if (name->type == GEN_EMAIL) out.push_back({IdType::ID_RFC822_ADDR, octets(name->d.rfc822Name)});
    if (name->type == GEN_DIRNAME) out.push_back({IdType::ID_DER_ASN1_DN, der_of(name->d.directoryName)});
    if (name->type == GEN_IPADD) {
      Bytes address = octets(name->d.iPAddress);
      if (address.size() == 4)
        out.push_back({IdType::ID_IPV4_ADDR, std::move(address)});
      else if (address.size() == 16)
        out.push_back({IdType::ID_IPV6_ADDR, std::move(address)});
    }
  }
  return out;
}

KeyType key_type(X509* certificate) {
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) return KeyType::none;
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA: return KeyType::rsa;
    case EVP_PKEY_ED25519: return KeyType::ed25519;
    case EVP_PKEY_ED448: return KeyType::ed448;
    case EVP_PKEY_EC: break;
    default: return KeyType::none;
  }
  switch (EVP_PKEY_get_bits(key)) {
    case 256: return KeyType::ecdsa_p256;
    case 384: return KeyType::ecdsa_p384;
    case 521: return KeyType::ecdsa_p521;
    default: return KeyType::none;
  }
}

X509NamePtr decode_name(ByteView der) {
  const uint8_t* p = der.data();
  X509NamePtr out(d2i_X509_NAME(nullptr, &p, static_cast<long>(der.size())));
  return p == der.data() + der.size() ? std::move(out) : nullptr;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

Result<CertificateView> read_certificate(ByteView der) {
  const X509Ptr certificate = decode(der);
  if (!certificate) return fail(Errc::bad_certificate);
  CertificateView out;
  const X509_NAME* subject = X509_get_subject_name(certificate.get());
  out.subject = text_of(subject);
  out.subject_der = der_of(subject);
  out.alternative_names = alternative_names(certificate.get());
  out.key_type = key_type(certificate.get());
  out.not_before = wall(X509_get0_notBefore(certificate.get()));
  out.not_after = wall(X509_get0_notAfter(certificate.get()));
  out.authority = X509_check_ca(certificate.get()) == 1;
  unsigned char* spki = nullptr;
  const int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &spki);
  const OctetsPtr owned(spki);
  if (n > 0) out.public_key_sha1 = sha1(ByteView(spki, static_cast<size_t>(n)));
  return out;
}

Result<std::vector<Bytes>> certificates_from_pem(ByteView pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<Bytes> out;
  while (true) {
    const X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!certificate) break;
    unsigned char* der = nullptr;
    const int n = i2d_X509(certificate.get(), &der);
    const OctetsPtr owned(der);
    if (n <= 0) return fail(Errc::bad_certificate);
    out.emplace_back(der, der + n);
  }
  if (out.empty()) return fail(Errc::bad_certificate);
  return out;
}

Result<Bytes> encode_dn(std::string_view text) {
  const X509NamePtr name(X509_NAME_new());
  while (name && !text.empty()) {
    size_t comma = 0;
    while (comma < text.size() && (text[comma] != ',' || (comma > 0 && text[comma - 1] == '\\'))) ++comma;
    const std::string_view part = trimmed(text.substr(0, comma));
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos) return fail(Errc::bad_value);
    const std::string field(trimmed(part.substr(0, equals)));
    std::string value;
    for (const char c : trimmed(part.substr(equals + 1))) {
      if (c != '\\') value.push_back(c);
    }
    if (value.empty() || X509_NAME_add_entry_by_txt(name.get(), field.c_str(), MBSTRING_UTF8,
                                                    reinterpret_cast<const uint8_t*>(value.data()),
                                                    static_cast<int>(value.size()), -1, 0) != 1)
      return fail(Errc::bad_value);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  Bytes out = name ? der_of(name.get()) : Bytes();
  if (out.size() <= 2) return fail(Errc::bad_value);
  return out;
}

bool identity_matches(ByteView certificate_der, const Identity& id) {
  const X509Ptr certificate = decode(certificate_der);
  if (!certificate) return false;
  for (const Identity& name : alternative_names(certificate.get())) {
    if (id.type != IdType::ID_DER_ASN1_DN && model::same_identity(name, id)) return true;
  }
  if (id.type != IdType::ID_DER_ASN1_DN) return false;
  Bytes der = id.value;
  if (id.text_dn) {
    auto encoded = encode_dn(as_text(id.value));
    if (!encoded) return false;
    der = std::move(*encoded);
  }
  // X509_NAME_cmp compares the canonical form: string types and letter case do not count (RFC 5280 7.1).
  const X509NamePtr wanted = decode_name(der);
  return wanted && X509_NAME_cmp(wanted.get(), X509_get_subject_name(certificate.get())) == 0;
}

std::string dn_text(ByteView der) {
  const X509NamePtr name = decode_name(der);
  return name ? text_of(name.get()) : std::string();
}

}  // namespace sallyport::crypto
