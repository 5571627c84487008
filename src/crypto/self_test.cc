// The known answers, one small one for each engine underneath.
#include "crypto/self_test.h"

#include <string_view>

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/key_exchange.h"
#include "crypto/prf.h"

namespace sallyport::crypto {

namespace {

bool answers(ByteView got, std::string_view hex) {
  const auto wanted = from_hex(hex);
  return wanted && equal(got, *wanted);
}

// FIPS 180-4, "abc".
bool digests_answer() {
  return answers(sha1(as_bytes("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d") &&
         answers(sha256(as_bytes("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// RFC 4231 4.2, test case 1.
bool prf_answers() {
  const Bytes key(20, 0x0b);
  const auto out = prf(model::PrfId::HMAC_SHA2_256, key, {as_bytes("Hi "), as_bytes("There")});
  return out && answers(out->view(), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}

// A sealed text opens again; with one bit of it, of its ICV or of the associated data changed it does not.
bool opens_what_it_sealed(model::EncrId id, uint16_t bits, model::IntegId integ, size_t integ_octets) {
  const Bytes key(model::key_material_octets(id, bits), 0x42), integ_key(integ_octets, 0x24), plain(64, 0x5a);
  const auto aead = Aead::create(id, key, bits, integ, integ_key);
  if (!aead) return false;
  Bytes aad(8, 1), cipher(plain.size()), icv((*aead)->icv_octets()), out(plain.size());
  const Bytes iv((*aead)->iv_octets(), 7);
  const auto opens = [&] { return (*aead)->open(aad, {}, iv, cipher, icv, out); };
  if (!(*aead)->seal(aad, {}, iv, plain, cipher, icv) || cipher == plain || !opens() || out != plain) return false;
  for (uint8_t* octet : {cipher.data(), icv.data(), aad.data()}) {
    *octet ^= 1;
    if (opens()) return false;
    *octet ^= 1;
  }
  return opens();
}

// RFC 7748 6.1: Alice's private key and Bob's public one.
bool key_exchange_answers() {
  auto own = from_hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  auto peer = from_hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  if (!own || !peer) return false;
  const auto reply = run_ke({model::GroupId::CURVE25519, SecretBytes(std::move(*own)), std::move(*peer)});
  const auto* done = std::get_if<model::KeDone>(&reply);
  return done != nullptr &&
         answers(done->shared.view(), "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

}  // namespace

Result<> self_test() {
  using model::EncrId;
  using model::IntegId;
  const bool steps[] = {
      digests_answer(),
      prf_answers(),
      opens_what_it_sealed(EncrId::AES_GCM_16, 128, IntegId::NONE, 0),
      opens_what_it_sealed(EncrId::AES_GCM_16, 256, IntegId::NONE, 0),
      opens_what_it_sealed(EncrId::CHACHA20_POLY1305, 0, IntegId::NONE, 0),
      opens_what_it_sealed(EncrId::AES_CBC, 256, IntegId::HMAC_SHA2_256_128, 32),
      key_exchange_answers(),
  };
  uint32_t number = 0;
  for (const bool good : steps) {
    ++number;
    if (!good) return fail(Errc::algorithm_refused, number);
  }
  return {};
}

}  // namespace sallyport::crypto
