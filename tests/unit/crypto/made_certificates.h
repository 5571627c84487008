// Certificates and keys made by OpenSSL while the tests run: no key lies in the repository. Each field of Wanted is one
// thing that a certificate may get wrong.
#pragma once
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "crypto/openssl_ptr.h"

namespace sallyport::crypto::test {

inline constexpr int64_t kNow = 1'800'000'000;  // of every certificate here, in unix seconds
inline constexpr int64_t kDay = 86400;

inline PkeyPtr make_key(const std::string& kind) {
  EVP_PKEY* key = kind == "ed25519"   ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                  : kind == "ed448"   ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448")
                  : kind == "rsa"     ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t{2048})
                  : kind == "rsa1024" ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t{1024})
                                      : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", kind.c_str());
  REQUIRE(key != nullptr);
  return PkeyPtr(key);
}

inline Bytes octets_of(BIO* bio) {
  char* start = nullptr;
  const long n = BIO_get_mem_data(bio, &start);
  return Bytes(start, start + n);
}

inline Bytes key_pem(EVP_PKEY* key, const char* pass_phrase = nullptr) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  const EVP_CIPHER* cipher = pass_phrase != nullptr ? EVP_aes_128_cbc() : nullptr;
  const int length = pass_phrase != nullptr ? static_cast<int>(std::string_view(pass_phrase).size()) : 0;
  REQUIRE(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, cipher, pass_phrase, length, nullptr, nullptr) == 1);
  return octets_of(bio.get());
}

inline Bytes public_der(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int n = i2d_PUBKEY(key, &der);
  const OctetsPtr owned(der);
  REQUIRE(n > 0);
  return Bytes(der, der + n);
}

struct Wanted {
  std::string name = "leaf";
  std::string key = "P-256";
  std::string basic_constraints;  // as OpenSSL writes extensions; empty: none of it
  std::string key_usage;
  std::string extended_key_usage;
  std::string alternative_names;
  std::string name_constraints;
  std::string unknown_critical;  // an extension nobody knows
  int64_t not_before = kNow - kDay;
  int64_t not_after = kNow + kDay;
  const EVP_MD* digest = EVP_sha256();  // nullptr with EdDSA
  bool version_1 = false;
};

struct Made {
  X509Ptr certificate;
  PkeyPtr key;
  Bytes der;
};

inline void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  if (value.empty()) return;
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  REQUIRE(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// Signed by `issuer`, by itself without one.
inline Made make_certificate(const Wanted& wanted, const Made* issuer = nullptr) {
  Made out;
  out.key = make_key(wanted.key);
  out.certificate.reset(X509_new());
  X509* c = out.certificate.get();
  static long serial = 1;
  X509_set_version(c, wanted.version_1 ? 0 : 2);
  ASN1_INTEGER_set(X509_get_serialNumber(c), serial++);
  ASN1_TIME_set(X509_getm_notBefore(c), static_cast<time_t>(wanted.not_before));
  ASN1_TIME_set(X509_getm_notAfter(c), static_cast<time_t>(wanted.not_after));
  X509_NAME* name = X509_get_subject_name(c);
  for (const auto& [attribute, value] : {std::pair<const char*, std::string>{"O", "Example"}, {"CN", wanted.name}}) {
    X509_NAME_add_entry_by_txt(name, attribute, MBSTRING_UTF8, reinterpret_cast<const uint8_t*>(value.data()),
                               static_cast<int>(value.size()), -1, 0);
  }
  X509* from = issuer != nullptr ? issuer->certificate.get() : c;
  X509_set_issuer_name(c, X509_get_subject_name(from));
  X509_set_pubkey(c, out.key.get());
  if (!wanted.version_1) {
    add_extension(c, from, NID_subject_key_identifier, "hash");
    if (X509_get_version(from) == 2 && from != c) add_extension(c, from, NID_authority_key_identifier, "keyid");
  }
  add_extension(c, from, NID_basic_constraints, wanted.basic_constraints);
  add_extension(c, from, NID_key_usage, wanted.key_usage);
  add_extension(c, from, NID_ext_key_usage, wanted.extended_key_usage);
  add_extension(c, from, NID_subject_alt_name, wanted.alternative_names);
  add_extension(c, from, NID_name_constraints, wanted.name_constraints);
  add_extension(c, from, NID_netscape_comment, wanted.unknown_critical);
  EVP_PKEY* signer = issuer != nullptr ? issuer->key.get() : out.key.get();
  REQUIRE(X509_sign(c, signer, wanted.digest) > 0);
  unsigned char* der = nullptr;
  const int n = i2d_X509(c, &der);
  const OctetsPtr owned(der);
  REQUIRE(n > 0);
  out.der = Bytes(der, der + n);
  return out;
}

inline Wanted authority(std::string name, std::string constraints = "critical,CA:TRUE") {
  Wanted out;
  out.name = std::move(name);
  out.basic_constraints = std::move(constraints);
  out.key_usage = "critical,keyCertSign,cRLSign";
  return out;
}

inline Bytes certificate_pem(const Made& made) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_X509(bio.get(), made.certificate.get()) == 1);
  return octets_of(bio.get());
}

}  // namespace sallyport::crypto::test
