// What is remembered are octets and their meaning: other octets are other certificates, however alike.
#include "crypto/decoded_certificate.h"

#include <doctest/doctest.h>

namespace sallyport::crypto {
namespace {

// Self-signed, Ed25519, of the given name.
Bytes certificate(const char* name) {
  const PkeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const X509Ptr out(X509_new());
  X509_set_version(out.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(out.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(out.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(out.get()), 3600);
  X509_NAME* subject = X509_get_subject_name(out.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const uint8_t*>(name), -1, -1, 0);
  X509_set_issuer_name(out.get(), subject);
  X509_set_pubkey(out.get(), key.get());
  X509_sign(out.get(), key.get(), nullptr);
  uint8_t* der = nullptr;
  const int n = i2d_X509(out.get(), &der);
  const OctetsPtr owned(der);
  REQUIRE(n > 0);
  return Bytes(der, der + n);
}

bool self_signed(const X509Ptr& c) { return X509_verify(c.get(), X509_get0_pubkey(c.get())) == 1; }

}  // namespace

TEST_SUITE("crypto/decoded_certificate") {
  TEST_CASE("the same octets are the same certificate, changed ones never pass for it") {
    const Bytes der = certificate("first");
    const X509Ptr once = decoded_certificate(der), again = decoded_certificate(der);
    REQUIRE(once);
    CHECK(once.get() == again.get());
    CHECK(self_signed(once));
    Bytes changed = der;
    changed.back() ^= 1;  // of the signature
    const X509Ptr other = decoded_certificate(changed);
    REQUIRE(other);
    CHECK(other.get() != once.get());
    CHECK_FALSE(self_signed(other));
    CHECK(self_signed(decoded_certificate(der)));
  }
  TEST_CASE("many certificates come and go, and each is itself") {
    std::vector<Bytes> all;
    for (int i = 0; i < 40; ++i) all.push_back(certificate(std::to_string(i).c_str()));
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 40; ++i) {
        const X509Ptr c = decoded_certificate(all[static_cast<size_t>(i)]);
        REQUIRE(c);
        char name[16] = {};
        X509_NAME_get_text_by_NID(X509_get_subject_name(c.get()), NID_commonName, name, sizeof name);
        CHECK(name == std::to_string(i));
      }
    }
  }
  TEST_CASE("[RFC7296 3.6] octets behind the certificate, none at all, and too many are refused") {
    Bytes der = certificate("first");
    der.push_back(0);
    CHECK_FALSE(decoded_certificate(der));
    CHECK_FALSE(decoded_certificate({}));
    CHECK_FALSE(decoded_certificate(Bytes(64 * 1024, 0x30)));
  }
}

}  // namespace sallyport::crypto
