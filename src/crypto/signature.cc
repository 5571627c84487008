// Signing and verifying AUTH. RFC 7427 appendix A gives the AlgorithmIdentifiers; they are compared octet by octet, so
// no ASN.1 of a peer is ever interpreted here.
#include "crypto/signature.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>

#include "crypto/decoded_certificate.h"
#include "crypto/key_type.h"
#include "crypto/openssl_ptr.h"

namespace sallyport::crypto {

namespace {

using model::AuthMethod;
using model::HashId;
using model::KeyType;

struct Scheme {
  KeyType type;
  HashId hash;
  bool pss;
  const char* identifier;  // DER of the AlgorithmIdentifier, hexadecimal; nullptr: not by method 14
};

// RFC 7427 A.1 to A.4, RFC 8420 A.1. ECDSA rows apply to every curve.
constexpr Scheme kSchemes[] = {
    {KeyType::rsa, HashId::SHA2_256, false, "300d06092a864886f70d01010b0500"},
    {KeyType::rsa, HashId::SHA2_384, false, "300d06092a864886f70d01010c0500"},
    {KeyType::rsa, HashId::SHA2_512, false, "300d06092a864886f70d01010d0500"},
    {KeyType::rsa, HashId::SHA2_256, true,
     "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d060960864801650"
     "3040201"
     "0500a203020120"},
    {KeyType::rsa, HashId::SHA2_384, true,
     "304106092a864886f70d01010a3034a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d060960864801650"
     "3040202"
     "0500a203020130"},
    {KeyType::rsa, HashId::SHA2_512, true,
     "304106092a864886f70d01010a3034a00f300d06096086480165030402030500a11c301a06092a864886f70d010108300d060960864801650"
     "3040203"
     "0500a203020140"},
    {KeyType::ecdsa_p256, HashId::SHA2_256, false, "300a06082a8648ce3d040302"},
    {KeyType::ecdsa_p256, HashId::SHA2_384, false, "300a06082a8648ce3d040303"},
    {KeyType::ecdsa_p256, HashId::SHA2_512, false, "300a06082a8648ce3d040304"},
    {KeyType::ed25519, HashId::IDENTITY, false, "300506032b6570"},
    {KeyType::ed448, HashId::IDENTITY, false, "300506032b6571"},
};

bool is_ecdsa(KeyType type) {
  return type == KeyType::ecdsa_p256 || type == KeyType::ecdsa_p384 || type == KeyType::ecdsa_p521;
}

bool same_family(KeyType a, KeyType b) { return a == b || (is_ecdsa(a) && is_ecdsa(b)); }

const EVP_MD* digest_of(HashId hash) {
  switch (hash) {
    case HashId::SHA1: return EVP_sha1();
    case HashId::SHA2_256: return EVP_sha256();
    case HashId::SHA2_384: return EVP_sha384();
    case HashId::SHA2_512: return EVP_sha512();
    case HashId::IDENTITY: break;
  }
  return nullptr;
}

size_t coordinate_octets(KeyType type) {
  return type == KeyType::ecdsa_p256 ? 32 : type == KeyType::ecdsa_p384 ? 48 : 66;
}

// What a method other than 14 stands for.
Result<Scheme> classic_scheme(AuthMethod method) {
  switch (method) {
    case AuthMethod::RSA_DIGITAL_SIGNATURE: return Scheme{KeyType::rsa, HashId::SHA1, false, nullptr};
    case AuthMethod::ECDSA_SHA2_256_P256: return Scheme{KeyType::ecdsa_p256, HashId::SHA2_256, false, nullptr};
    case AuthMethod::ECDSA_SHA2_384_P384: return Scheme{KeyType::ecdsa_p384, HashId::SHA2_384, false, nullptr};
    case AuthMethod::ECDSA_SHA2_512_P521: return Scheme{KeyType::ecdsa_p521, HashId::SHA2_512, false, nullptr};
    case AuthMethod::SHARED_KEY_MIC:
    case AuthMethod::DIGITAL_SIGNATURE: break;
  }
  return fail(Errc::unsupported, static_cast<uint32_t>(method));
}

bool set_padding(EVP_PKEY_CTX* context, const Scheme& scheme) {
  if (scheme.type != KeyType::rsa) return true;
  if (!scheme.pss) return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  // RFC 8247 3.2: the salt is as long as the hash; MGF1 follows the hash.
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

Result<Bytes> raw_sign(EVP_PKEY* key, const Scheme& scheme, ByteView octets) {
  const MdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  if (!context || EVP_DigestSignInit(context.get(), &key_context, digest_of(scheme.hash), nullptr, key) != 1 ||
      !set_padding(key_context, scheme))
    return fail(Errc::algorithm_refused);
  size_t n = 0;
  if (EVP_DigestSign(context.get(), nullptr, &n, octets.data(), octets.size()) != 1)
    return fail(Errc::algorithm_refused);
  Bytes out(n);
  if (EVP_DigestSign(context.get(), out.data(), &n, octets.data(), octets.size()) != 1)
    return fail(Errc::algorithm_refused);
  out.resize(n);
  return out;
}

bool raw_verify(EVP_PKEY* key, const Scheme& scheme, ByteView signature, ByteView octets) {
  const MdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  if (!context || EVP_DigestVerifyInit(context.get(), &key_context, digest_of(scheme.hash), nullptr, key) != 1 ||
      !set_padding(key_context, scheme))
    return false;
  // P9: exactly 1 is success; 0 and every negative number are failures.
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), octets.data(), octets.size()) == 1;
}

using EcdsaPtr = std::unique_ptr<ECDSA_SIG, Freeing<ECDSA_SIG_free>>;

// RFC 4754 2: r and s at fixed width, one after the other.
Result<Bytes> der_to_fixed(ByteView der, size_t width) {
  const uint8_t* p = der.data();
  const EcdsaPtr signature(d2i_ECDSA_SIG(nullptr, &p, static_cast<long>(der.size())));
  Bytes out(width * 2);
  const int n = static_cast<int>(width);
  if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out.data(), n) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out.data() + width, n) < 0)
    return fail(Errc::algorithm_refused);
  return out;
}

Result<Bytes> fixed_to_der(ByteView fixed, size_t width) {
  if (fixed.size() != width * 2) return fail(Errc::authentication_failed);
  const EcdsaPtr signature(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(fixed.data(), static_cast<int>(width), nullptr);
  BIGNUM* s = BN_bin2bn(fixed.data() + width, static_cast<int>(width), nullptr);
  if (!signature || r == nullptr || s == nullptr || ECDSA_SIG_set0(signature.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return fail(Errc::authentication_failed);
  }
  unsigned char* der = nullptr;
  const int n = i2d_ECDSA_SIG(signature.get(), &der);
  const OctetsPtr owned(der);
  if (n <= 0) return fail(Errc::authentication_failed);
  return Bytes(der, der + n);
}

// RFC 7427 3: one octet of length, the AlgorithmIdentifier, the signature.
Result<> verify_digital_signature(EVP_PKEY* key, ByteView auth_data, ByteView octets) {
  Reader in(auth_data);
  SP_TRY(const uint8_t length, in.u8());
  SP_TRY(const ByteView identifier, in.view(length));
  const ByteView signature = in.rest();
  for (const Scheme& scheme : kSchemes) {
    if (!same_family(scheme.type, key_type_of(key)) || !equal(*from_hex(scheme.identifier), identifier)) continue;
    if (raw_verify(key, scheme, signature, octets)) return {};
    return fail(Errc::authentication_failed);
  }
  return fail(Errc::authentication_failed, 1);
}

}  // namespace

Result<HashId> choose_hash(KeyType type, const std::vector<HashId>& offered) {
  const auto pick = [&](std::initializer_list<HashId> ours) -> Result<HashId> {
    for (const HashId hash : ours) {
      if (std::find(offered.begin(), offered.end(), hash) != offered.end()) return hash;
    }
    return fail(Errc::no_proposal_chosen);
  };
  switch (type) {
    case KeyType::ed25519:
    case KeyType::ed448: return pick({HashId::IDENTITY});
    case KeyType::ecdsa_p384: return pick({HashId::SHA2_384, HashId::SHA2_512, HashId::SHA2_256});
    case KeyType::ecdsa_p521: return pick({HashId::SHA2_512, HashId::SHA2_384, HashId::SHA2_256});
    case KeyType::rsa:
    case KeyType::ecdsa_p256: return pick({HashId::SHA2_256, HashId::SHA2_384, HashId::SHA2_512});
    case KeyType::none: break;
  }
  return fail(Errc::unsupported);
}

Result<AuthMethod> classic_method(KeyType type) {
  switch (type) {
    case KeyType::rsa: return AuthMethod::RSA_DIGITAL_SIGNATURE;
    case KeyType::ecdsa_p256: return AuthMethod::ECDSA_SHA2_256_P256;
    case KeyType::ecdsa_p384: return AuthMethod::ECDSA_SHA2_384_P384;
    case KeyType::ecdsa_p521: return AuthMethod::ECDSA_SHA2_512_P521;
    case KeyType::ed25519:
    case KeyType::ed448:
    case KeyType::none: break;
  }
  return fail(Errc::unsupported);
}

struct PrivateKey::Impl {
  PkeyPtr key;
};

PrivateKey::PrivateKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;

Result<PrivateKey> PrivateKey::from_pem(ByteView pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // A protected key has nobody here to ask for its pass phrase.
  const auto no_pass_phrase = [](char*, int, int, void*) { return -1; };
  PkeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_pass_phrase, nullptr));
  if (!key || key_type_of(key.get()) == KeyType::none) return fail(Errc::bad_key);
  if (key_type_of(key.get()) == KeyType::rsa && EVP_PKEY_get_bits(key.get()) < 2048) return fail(Errc::bad_key, 2048);
  auto impl = std::make_unique<Impl>();
  impl->key = std::move(key);
  return PrivateKey(std::move(impl));
}

KeyType PrivateKey::type() const { return key_type_of(impl_->key.get()); }

bool PrivateKey::belongs_to(ByteView certificate_der) const {
  const X509Ptr certificate = decoded_certificate(certificate_der);
  return certificate && X509_check_private_key(certificate.get(), impl_->key.get()) == 1;
}

Result<Bytes> PrivateKey::sign(AuthMethod method, HashId hash, bool pss, ByteView octets) const {
  if (method != AuthMethod::DIGITAL_SIGNATURE) {
    SP_TRY(const Scheme scheme, classic_scheme(method));
    if (scheme.type != type()) return fail(Errc::bad_key);
    SP_TRY(Bytes signature, raw_sign(impl_->key.get(), scheme, octets));
    if (scheme.type == KeyType::rsa) return signature;
    return der_to_fixed(signature, coordinate_octets(scheme.type));
  }
  for (const Scheme& scheme : kSchemes) {
    if (!same_family(scheme.type, type()) || scheme.hash != hash || scheme.pss != (pss && type() == KeyType::rsa))
      continue;
    const Bytes identifier = *from_hex(scheme.identifier);
    SP_TRY(const Bytes signature, raw_sign(impl_->key.get(), scheme, octets));
    Bytes out = {static_cast<uint8_t>(identifier.size())};
    append(out, identifier);
    append(out, signature);
    return out;
  }
  return fail(Errc::unsupported, static_cast<uint32_t>(hash));
}

static Result<> verify_with(EVP_PKEY* key, AuthMethod method, ByteView auth_data, ByteView octets) {
  if (method == AuthMethod::DIGITAL_SIGNATURE) {
    if (!verify_digital_signature(key, auth_data, octets)) return fail(Errc::authentication_failed);
    return {};
  }
  auto scheme = classic_scheme(method);
  if (!scheme || scheme->type != key_type_of(key))
    return fail(Errc::authentication_failed, static_cast<uint32_t>(method));
  Bytes signature = to_bytes(auth_data);
  if (is_ecdsa(scheme->type)) {
    SP_TRY(signature, fixed_to_der(auth_data, coordinate_octets(scheme->type)));
  }
  if (!raw_verify(key, *scheme, signature, octets)) return fail(Errc::authentication_failed);
  return {};
}

static bool strong_enough(EVP_PKEY* key) {
  const KeyType type = key_type_of(key);
  return type != KeyType::none && (type != KeyType::rsa || EVP_PKEY_get_bits(key) >= 2048);
}

Result<> verify_auth(ByteView certificate_der, AuthMethod method, ByteView auth_data, ByteView octets) {
  const X509Ptr certificate = decoded_certificate(certificate_der);
  EVP_PKEY* key = certificate ? X509_get0_pubkey(certificate.get()) : nullptr;
  if (key == nullptr || !strong_enough(key)) return fail(Errc::bad_certificate);
  return verify_with(key, method, auth_data, octets);
}

Result<> verify_auth_by_key(ByteView public_key_der, AuthMethod method, ByteView auth_data, ByteView octets) {
  const uint8_t* p = public_key_der.data();
  const PkeyPtr key(d2i_PUBKEY(nullptr, &p, static_cast<long>(public_key_der.size())));
  if (!key || p != public_key_der.data() + public_key_der.size() || !strong_enough(key.get()))
    return fail(Errc::bad_key);
  return verify_with(key.get(), method, auth_data, octets);
}

}  // namespace sallyport::crypto
