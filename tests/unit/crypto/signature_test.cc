// RFC 4754: known answers of tests/vectors/signature.vec.
#include "crypto/signature.h"

#include <doctest/doctest.h>

#include "support/vector_file.h"

namespace sallyport::crypto {

using model::AuthMethod;
using test::hex;

TEST_SUITE("crypto/signature") {
  TEST_CASE("[RFC4754 8] known signatures verify as r | s at fixed width, and with no bit changed, cut or added") {
    const auto cases = test::read_vectors("signature.vec");
    REQUIRE(cases.size() == 3);
    for (const auto& one : cases) {
      CAPTURE(one.at("method"));
      const auto method = test::registry_id<AuthMethod>(one.at("method"));
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
}

}  // namespace sallyport::crypto
