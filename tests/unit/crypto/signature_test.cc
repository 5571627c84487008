// RFC 4754: known answers of tests/vectors/signature.vec.
#include "crypto/signature.h"

#include <doctest/doctest.h>

#include "crypto/hash.h"
#include "support/vector_file.h"
#include "unit/crypto/made_certificates.h"

namespace sallyport::crypto {

using model::AuthMethod;
using model::HashId;
using model::KeyType;
using sallyport::test::hex;

namespace {

struct Signer {
  explicit Signer(const char* kind)
      : certificate(test::make_certificate(wanted(kind))),
        key(PrivateKey::from_pem(test::key_pem(certificate.key.get())).value()) {}

  static test::Wanted wanted(const char* kind) {
    test::Wanted out;
    out.key = kind;
    if (out.key.starts_with("ed")) out.digest = nullptr;
    return out;
  }

  test::Made certificate;
  PrivateKey key;
};

// With its certificate and its bare key, over these octets, unchanged; and with nothing else.
void check_only_this(const Signer& signer, const Signer& other, AuthMethod method, const Bytes& auth) {
  const Bytes spki = test::public_der(signer.certificate.key.get());
  CHECK(verify_auth(signer.certificate.der, method, auth, as_bytes("octets")));
  CHECK(verify_auth_by_key(spki, method, auth, as_bytes("octets")));
  CHECK_FALSE(verify_auth(other.certificate.der, method, auth, as_bytes("octets")));
  CHECK_FALSE(verify_auth(signer.certificate.der, method, auth, as_bytes("octetz")));
  CHECK_FALSE(verify_auth(signer.certificate.der, method, ByteView(auth).first(auth.size() - 1), as_bytes("octets")));
  for (size_t i = 0; i < auth.size(); i += 5) {
    Bytes changed = auth;
    changed[i] ^= 0x10;
    CHECK_FALSE(verify_auth(signer.certificate.der, method, changed, as_bytes("octets")));
  }
  Bytes longer = auth;
  longer.push_back(0);
  CHECK_FALSE(verify_auth(signer.certificate.der, method, longer, as_bytes("octets")));
}

// The private key applied to a whole encoded message, as only a forger would.
Bytes sign_raw(EVP_PKEY* key, const Bytes& encoded) {
  const PkeyCtxPtr context(EVP_PKEY_CTX_new(key, nullptr));
  REQUIRE(EVP_PKEY_sign_init(context.get()) == 1);
  REQUIRE(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1);
  Bytes out(encoded.size());
  size_t length = out.size();
  REQUIRE(EVP_PKEY_sign(context.get(), out.data(), &length, encoded.data(), encoded.size()) == 1);
  return out;
}

}  // namespace

TEST_SUITE("crypto/signature") {
  TEST_CASE("[RFC4754 8] known signatures verify as r | s at fixed width, and with no bit changed, cut or added") {
    const auto cases = sallyport::test::read_vectors("signature.vec");
    REQUIRE(cases.size() == 3);
    for (const auto& one : cases) {
      CAPTURE(one.at("method"));
      const auto method = sallyport::test::registry_id<AuthMethod>(one.at("method"));
      // SubjectPublicKeyInfo up to the point, RFC 5480 2.
      Bytes key =
          hex(method == AuthMethod::ECDSA_SHA2_256_P256   ? "3059301306072a8648ce3d020106082a8648ce3d03010703420004"
              : method == AuthMethod::ECDSA_SHA2_384_P384 ? "3076301006072a8648ce3d020106052b8104002203620004"
                                                          : "30819b301006072a8648ce3d020106052b810400230381860004");
      append(key, hex(one.at("public")));
      const Bytes octets = hex(one.at("octets"));
      Bytes auth = hex(one.at("auth"));
      CHECK(verify_auth_by_key(key, method, auth, octets));
      CHECK_FALSE(verify_auth_by_key(key, AuthMethod::RSA_DIGITAL_SIGNATURE, auth, octets));
      CHECK_FALSE(verify_auth_by_key(key, method, auth, as_bytes("abd")));
      CHECK_FALSE(verify_auth_by_key(key, method, ByteView(auth).first(auth.size() - 1), octets));
      auth.back() ^= 1;
      CHECK_FALSE(verify_auth_by_key(key, method, auth, octets));
    }
  }

  TEST_CASE(
      "[RFC7427 3] [RFC8420 2] each kind of key signs by method 14 with each hash it may use, and only it verifies") {
    for (const char* kind : {"rsa", "P-256", "P-384", "P-521", "ed25519", "ed448"}) {
      const Signer signer(kind), other(kind);
      const bool eddsa = std::string_view(kind).starts_with("ed"), rsa = signer.key.type() == KeyType::rsa;
      for (const HashId hash : {HashId::SHA2_256, HashId::SHA2_384, HashId::SHA2_512, HashId::IDENTITY, HashId::SHA1}) {
        for (const bool pss : {false, true}) {
          CAPTURE(kind);
          CAPTURE(static_cast<int>(hash));
          CAPTURE(pss);
          auto signed_octets = signer.key.sign(AuthMethod::DIGITAL_SIGNATURE, hash, pss, as_bytes("octets"));
          if ((hash == HashId::IDENTITY) != eddsa || hash == HashId::SHA1) {
            REQUIRE_FALSE(signed_octets);
            CHECK(signed_octets.error().code == Errc::unsupported);
            continue;
          }
          REQUIRE(signed_octets);
          // RFC 7427 3: a length, then an AlgorithmIdentifier, which is a SEQUENCE.
          CHECK((*signed_octets)[1] == 0x30);
          CHECK(((*signed_octets)[0] == 0x43) == (rsa && pss));
          check_only_this(signer, other, AuthMethod::DIGITAL_SIGNATURE, *signed_octets);
        }
      }
    }
  }

  TEST_CASE("[RFC7296 2.15] [RFC4754 3] the older methods sign and verify with their own kind of key alone") {
    for (const char* kind : {"rsa", "P-256", "P-384", "P-521"}) {
      CAPTURE(kind);
      const Signer signer(kind), other(kind);
      const auto method = classic_method(signer.key.type());
      REQUIRE(method);
      const auto signed_octets = signer.key.sign(*method, HashId::SHA2_512, true, as_bytes("octets"));
      REQUIRE(signed_octets);
      check_only_this(signer, other, *method, *signed_octets);
      const auto wrong = *method == AuthMethod::RSA_DIGITAL_SIGNATURE ? AuthMethod::ECDSA_SHA2_256_P256
                                                                      : AuthMethod::RSA_DIGITAL_SIGNATURE;
      CHECK_FALSE(signer.key.sign(wrong, HashId::SHA2_256, false, as_bytes("octets")));
      CHECK_FALSE(verify_auth(signer.certificate.der, wrong, *signed_octets, as_bytes("octets")));
    }
    CHECK_FALSE(classic_method(KeyType::ed25519));
    CHECK_FALSE(classic_method(KeyType::ed448));
    CHECK_FALSE(classic_method(KeyType::none));
  }

  TEST_CASE(
      "P9: PKCS#1 v1.5 is encoded in one way only: what parses as well but is not exactly that verifies nothing") {
    const Signer rsa("rsa");
    const Bytes good = rsa.key.sign(AuthMethod::DIGITAL_SIGNATURE, HashId::SHA2_256, false, as_bytes("octets")).value();
    const Bytes announced(good.begin(), good.begin() + 1 + good[0]);
    const size_t modulus = good.size() - announced.size();
    const Bytes digest = sha256(as_bytes("octets"));
    // RFC 8017 9.2: 00 01 FF…FF 00, DigestInfo, hash; `behind` follows where nothing may.
    const auto encoded = [&](const Bytes& info, const Bytes& behind, size_t fill) {
      Bytes out{0, 1};
      out.insert(out.end(), fill, 0xFF);
      out.push_back(0);
      append(out, info);
      append(out, digest);
      append(out, behind);
      return out;
    };
    const auto verifies = [&](const Bytes& message) {
      Bytes auth = announced;
      append(auth, sign_raw(rsa.certificate.key.get(), message));
      return verify_auth(rsa.certificate.der, AuthMethod::DIGITAL_SIGNATURE, auth, as_bytes("octets")).has_value();
    };
    const auto with_info = [&](const Bytes& info) { return encoded(info, {}, modulus - 3 - info.size() - 32); };
    const Bytes info = hex("3031300d060960864801650304020105000420");
    const Bytes exact = with_info(info);
    REQUIRE(exact.size() == modulus);
    REQUIRE(verifies(exact));  // the forger can do it
    CHECK_FALSE(
        verifies(with_info(hex("302f300b0609608648016503040201"
                               "0420"))));                                                     // no parameters
    CHECK_FALSE(verifies(with_info(hex("308131300d060960864801650304020105000420"))));         // a length in two octets
    CHECK_FALSE(verifies(with_info(hex("3031300d060960864801650304020105000480"))));           // no length at all
    CHECK_FALSE(verifies(with_info(hex("3031300d060960864801650304020205000420"))));           // another hash
    CHECK_FALSE(verifies(with_info({})));                                                      // a bare hash
    CHECK_FALSE(verifies(encoded(info, Bytes(modulus - 3 - 8 - info.size() - 32, 0x5A), 8)));  // the rest is free
    for (const size_t at : {size_t{0}, size_t{1}, size_t{2}, size_t{100}, modulus - info.size() - 33}) {
      Bytes changed = exact;
      changed[at] ^= 1;
      if (changed[0] != 0) changed[0] = 0, changed[1] = 2;  // must stay below the modulus
      CHECK_FALSE(verifies(changed));
    }
  }

  TEST_CASE(
      "P9: a signature of one scheme is none of another, and nothing but the exact AlgorithmIdentifier is taken") {
    const Signer rsa("rsa");
    const auto sign = [&](HashId hash, bool pss) {
      return rsa.key.sign(AuthMethod::DIGITAL_SIGNATURE, hash, pss, as_bytes("octets")).value();
    };
    const Bytes plain = sign(HashId::SHA2_256, false), pss = sign(HashId::SHA2_256, true);
    const auto verifies = [&](const Bytes& auth) {
      return verify_auth(rsa.certificate.der, AuthMethod::DIGITAL_SIGNATURE, auth, as_bytes("octets")).has_value();
    };
    REQUIRE((verifies(plain) && verifies(pss)));
    Bytes crossed(plain.begin(), plain.begin() + 1 + plain[0]);  // RSASSA-PKCS1 announced, RSASSA-PSS inside
    crossed.insert(crossed.end(), pss.begin() + 1 + pss[0], pss.end());
    CHECK_FALSE(verifies(crossed));
    Bytes other_hash = plain;
    const Bytes longer = sign(HashId::SHA2_384, false);
    std::copy(longer.begin(), longer.begin() + 1 + longer[0], other_hash.begin());
    CHECK_FALSE(verifies(other_hash));
    Bytes no_null = {static_cast<uint8_t>(plain[0] - 2)};  // the same OBJECT IDENTIFIER without its NULL
    no_null.insert(no_null.end(), plain.begin() + 1, plain.begin() + 1 + plain[0] - 2);
    no_null[2] = static_cast<uint8_t>(no_null[2] - 2);
    no_null.insert(no_null.end(), plain.begin() + 1 + plain[0], plain.end());
    CHECK_FALSE(verifies(no_null));
    for (const Bytes& bad :
         {Bytes(), Bytes{0}, Bytes{255}, Bytes{15}, Bytes(plain.begin(), plain.begin() + 1 + plain[0])})
      CHECK_FALSE(verifies(bad));
    CHECK_FALSE(verify_auth(rsa.certificate.der, AuthMethod::SHARED_KEY_MIC, plain, as_bytes("octets")));
    CHECK_FALSE(verify_auth(Bytes(8), AuthMethod::DIGITAL_SIGNATURE, plain, as_bytes("octets")));
  }

  TEST_CASE("[RFC7427 4] the hash is the first of our preference that the peer offers") {
    using enum HashId;
    CHECK(*choose_hash(KeyType::rsa, {SHA1, SHA2_512, SHA2_256}) == SHA2_256);
    CHECK(*choose_hash(KeyType::ecdsa_p256, {SHA2_512}) == SHA2_512);
    CHECK(*choose_hash(KeyType::ecdsa_p384, {SHA2_256, SHA2_512, SHA2_384}) == SHA2_384);
    CHECK(*choose_hash(KeyType::ecdsa_p521, {SHA2_256, SHA2_384}) == SHA2_384);
    CHECK(*choose_hash(KeyType::ed25519, {SHA2_256, IDENTITY}) == IDENTITY);
    CHECK(*choose_hash(KeyType::ed448, {IDENTITY}) == IDENTITY);
    CHECK(choose_hash(KeyType::ed25519, {SHA2_256}).error().code == Errc::no_proposal_chosen);
    CHECK(choose_hash(KeyType::rsa, {SHA1}).error().code == Errc::no_proposal_chosen);
    CHECK(choose_hash(KeyType::rsa, {}).error().code == Errc::no_proposal_chosen);
    CHECK(choose_hash(KeyType::none, {SHA2_256}).error().code == Errc::unsupported);
  }

  TEST_CASE("a private key is read from PEM and knows its certificate; protected, weak and unknown ones are refused") {
    const Signer signer("P-256"), other("P-256");
    CHECK(signer.key.type() == KeyType::ecdsa_p256);
    CHECK(signer.key.belongs_to(signer.certificate.der));
    CHECK_FALSE(signer.key.belongs_to(other.certificate.der));
    CHECK_FALSE(signer.key.belongs_to(Bytes(4)));
    const auto refused = [](ByteView pem) { return PrivateKey::from_pem(pem).error(); };
    CHECK(refused(test::key_pem(signer.certificate.key.get(), "secret")).code == Errc::bad_key);
    CHECK(refused(test::key_pem(test::make_key("rsa1024").get())) == Error{Errc::bad_key, 2048});
    CHECK(refused(test::key_pem(test::make_key("secp256k1").get())).code == Errc::bad_key);
    CHECK(refused(test::certificate_pem(signer.certificate)).code == Errc::bad_key);
    CHECK(refused(as_bytes("hello")).code == Errc::bad_key);
    CHECK(refused({}).code == Errc::bad_key);
  }

  TEST_CASE("P9: RSA below 2048 bits and curves of nobody verify nothing") {
    for (const char* kind : {"rsa1024", "secp256k1"}) {
      test::Wanted wanted;
      wanted.key = kind;
      const test::Made weak = test::make_certificate(wanted);
      const auto by_certificate = verify_auth(weak.der, AuthMethod::DIGITAL_SIGNATURE, Bytes(100), as_bytes("octets"));
      CHECK(by_certificate.error().code == Errc::bad_certificate);
      const Bytes spki = test::public_der(weak.key.get());
      CHECK(verify_auth_by_key(spki, AuthMethod::DIGITAL_SIGNATURE, Bytes(100), as_bytes("x")).error().code ==
            Errc::bad_key);
    }
  }
}

}  // namespace sallyport::crypto
