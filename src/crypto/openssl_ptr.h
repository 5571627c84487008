// Owning pointers for OpenSSL's objects and the two conversions everyone here needs. Included by .cc files of this room
// only.
#pragma once
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace sallyport::crypto {

template <auto Free>
struct Freeing {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};
inline void free_names(GENERAL_NAMES* names) { GENERAL_NAMES_free(names); }
inline void free_chain(STACK_OF(X509) * chain) { sk_X509_pop_free(chain, X509_free); }
inline void free_purposes(EXTENDED_KEY_USAGE* purposes) { sk_ASN1_OBJECT_pop_free(purposes, ASN1_OBJECT_free); }
inline void free_octets(unsigned char* p) { OPENSSL_free(p); }

using BioPtr = std::unique_ptr<BIO, Freeing<BIO_free_all>>;
using BnPtr = std::unique_ptr<BIGNUM, Freeing<BN_clear_free>>;
using BnCtxPtr = std::unique_ptr<BN_CTX, Freeing<BN_CTX_free>>;
using CipherPtr = std::unique_ptr<EVP_CIPHER, Freeing<EVP_CIPHER_free>>;
using CipherCtxPtr = std::unique_ptr<EVP_CIPHER_CTX, Freeing<EVP_CIPHER_CTX_free>>;
using MacPtr = std::unique_ptr<EVP_MAC, Freeing<EVP_MAC_free>>;
using MacCtxPtr = std::unique_ptr<EVP_MAC_CTX, Freeing<EVP_MAC_CTX_free>>;
using MdCtxPtr = std::unique_ptr<EVP_MD_CTX, Freeing<EVP_MD_CTX_free>>;
using PkeyPtr = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY_free>>;
using PkeyCtxPtr = std::unique_ptr<EVP_PKEY_CTX, Freeing<EVP_PKEY_CTX_free>>;
using X509Ptr = std::unique_ptr<X509, Freeing<X509_free>>;
using X509NamePtr = std::unique_ptr<X509_NAME, Freeing<X509_NAME_free>>;
using X509StorePtr = std::unique_ptr<X509_STORE, Freeing<X509_STORE_free>>;
using X509StoreCtxPtr = std::unique_ptr<X509_STORE_CTX, Freeing<X509_STORE_CTX_free>>;
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, Freeing<free_names>>;
using KeyPurposesPtr = std::unique_ptr<EXTENDED_KEY_USAGE, Freeing<free_purposes>>;
using X509ChainPtr = std::unique_ptr<STACK_OF(X509), Freeing<free_chain>>;
using OctetsPtr = std::unique_ptr<unsigned char, Freeing<free_octets>>;

}  // namespace sallyport::crypto
