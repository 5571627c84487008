// The known answers, one small one for each engine underneath.
#include "crypto/self_test.h"

#include <openssl/crypto.h>

#include <array>
#include <string_view>

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/integ.h"
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

std::unique_ptr<Aead> make(const Suite& suite, Provider provider) {
  const auto integ = model::info(suite.integ);
  const Bytes key(model::key_material_octets(suite.encr, suite.key_bits), 0x42);
  const Bytes integ_key(integ ? integ->key_octets : 0, 0x24);
  auto out = Aead::create(suite.encr, key, suite.key_bits, suite.integ, integ_key, provider);
  return out ? std::move(*out) : nullptr;
}

// A sealed text opens again; with one bit of it, of its ICV or of the associated data changed it does not.
bool opens_what_it_sealed(const Suite& suite) {
  const auto aead = make(suite, Provider::openssl);
  if (!aead) return false;
  const Bytes plain(64, 0x5a), iv(aead->iv_input_octets(), 7);
  Bytes aad(8, 1), cipher(plain.size()), icv(aead->icv_octets()), out(plain.size());
  const auto opens = [&] { return aead->open(aad, {}, iv, cipher, icv, out); };
  if (!aead->seal(aad, {}, iv, plain, cipher, icv) || !opens() || out != plain) return false;
  const bool secret = suite.encr != model::EncrId::NULL_ENCR && suite.encr != model::EncrId::NULL_AES_GMAC;
  if (secret == (cipher == plain)) return false;
  for (uint8_t* octet : {cipher.data(), icv.data(), aad.data()}) {
    *octet ^= 1;
    if (opens()) return false;
    *octet ^= 1;
  }
  return opens();
}

// Eight packets sealed by ipsec-mb in one batch are what OpenSSL opens.
bool providers_agree(const Suite& suite) {
  const auto theirs = make(suite, Provider::ipsec_mb), ours = make(suite, Provider::openssl);
  if (!theirs || !ours) return false;
  constexpr size_t kText = 96;
  const size_t iv = ours->iv_octets(), icv = ours->icv_octets();
  const Bytes plain(kText, 0x5a), implicit_iv(8, 3);
  std::array<Bytes, 8> packets;
  std::array<Aead::Job, 8> jobs{};
  for (size_t i = 0; i < packets.size(); ++i) {
    packets[i] = Bytes(8 + iv + kText + icv, static_cast<uint8_t>(i));
    const MutableBytes packet = packets[i];
    jobs[i].aad = packet.first(8);
    jobs[i].iv = ours->implicit_iv() ? ByteView(implicit_iv) : ByteView(packet.subspan(8, iv));
    jobs[i].in = plain;
    jobs[i].out = packet.subspan(8 + iv, kText);
    jobs[i].icv = packet.last(icv);
  }
  theirs->seal_batch(jobs);
  for (const Aead::Job& job : jobs) {
    Bytes out(kText);
    if (!job.ok || !ours->open(job.aad, {}, job.iv, job.out, job.icv, out) || out != plain) return false;
  }
  return true;
}

// NIST SP 800-38D, test case 1 of GCM: a tag over nothing, which is what GMAC of AH gives.
bool gmac_answers() {
  const auto gmac = Integ::create(model::IntegId::AES_128_GMAC, Bytes(20));
  Bytes icv(16);
  return gmac && (*gmac)->compute(Bytes(8), {}, icv) && answers(icv, "58e2fccefa7e3061367f1d57a4e7455a");
}

// RFC 3566 4.6 and RFC 4493 4, the empty message.
bool mac_answers() {
  const Bytes xcbc_key = from_hex("000102030405060708090a0b0c0d0e0f").value_or(Bytes());
  const Bytes cmac_key = from_hex("2b7e151628aed2a6abf7158809cf4f3c").value_or(Bytes());
  const auto xcbc = Integ::create(model::IntegId::AES_XCBC_96, xcbc_key);
  const auto cmac = Integ::create(model::IntegId::AES_CMAC_96, cmac_key);
  Bytes icv(12);
  return xcbc && cmac && (*xcbc)->compute({}, icv) && answers(icv, "75f0251d528ac01c4573dfd5") &&
         (*cmac)->compute({}, icv) && answers(icv, "bb1d6929e95937287fa37d12");
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

std::string_view library_version() { return OpenSSL_version(OPENSSL_VERSION); }

Result<> self_test() {
  using model::EncrId;
  using model::IntegId;
  constexpr Suite kSuites[] = {
      {EncrId::AES_GCM_16, 128, IntegId::NONE},           {EncrId::AES_GCM_16, 256, IntegId::NONE},
      {EncrId::AES_GCM_16_IIV, 128, IntegId::NONE},       {EncrId::NULL_AES_GMAC, 128, IntegId::NONE},
      {EncrId::CHACHA20_POLY1305, 0, IntegId::NONE},      {EncrId::AES_CCM_16, 128, IntegId::NONE},
      {EncrId::AES_CBC, 256, IntegId::HMAC_SHA2_256_128}, {EncrId::AES_CBC, 128, IntegId::HMAC_SHA1_96},
      {EncrId::AES_CTR, 128, IntegId::HMAC_SHA2_512_256}, {EncrId::AES_CTR, 256, IntegId::HMAC_SHA2_384_192},
      {EncrId::NULL_ENCR, 0, IntegId::HMAC_SHA2_256_128}};
  uint32_t number = 0;
  const auto step = [&](bool good) -> Result<> {
    ++number;
    if (!good) return fail(Errc::algorithm_refused, number);
    return {};
  };
  SP_CHECK(step(digests_answer()));
  SP_CHECK(step(prf_answers()));
  SP_CHECK(step(key_exchange_answers()));
  SP_CHECK(step(mac_answers()));
  SP_CHECK(step(gmac_answers()));
  for (const Suite& suite : kSuites) SP_CHECK(step(opens_what_it_sealed(suite)));
  if (!available(Provider::ipsec_mb)) return {};
  for (const Suite& suite : kSuites) SP_CHECK(step(providers_agree(suite)));
  return {};
}

}  // namespace sallyport::crypto
