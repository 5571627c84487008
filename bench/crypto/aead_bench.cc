// Bare AEADs: one packet sealed or opened with a context that is kept, per provider and size; and OpenSSL called with
// no interface of ours in between, which is what the whole ESP path is compared with. Octets per second of plain text.
#include <benchmark/benchmark.h>
#include <openssl/evp.h>

#include <string>

#include "crypto/aead.h"

namespace {

using namespace sallyport;
using crypto::Aead;
using crypto::Provider;
using crypto::Suite;
using model::EncrId;
using model::IntegId;

constexpr size_t kBatch = 32;

std::unique_ptr<Aead> make(const Suite& suite, Provider provider) {
  const Bytes key(model::key_material_octets(suite.encr, suite.key_bits), 0x11);
  const auto integ = model::info(suite.integ);
  const Bytes integ_key(integ ? integ->key_octets : 0, 0x22);
  auto out = Aead::create(suite.encr, key, suite.key_bits, suite.integ, integ_key, provider);
  return out && (*out)->provider() == provider ? std::move(*out) : nullptr;
}

// Packets in one run each, as ESP lays them out.
struct Packets {
  Packets(const Aead& aead, size_t text) : plain(text), opened(text * kBatch) {
    const size_t iv = aead.iv_octets(), icv = aead.icv_octets(), stride = 8 + iv + text + icv;
    octets.resize(stride * kBatch);
    for (size_t i = 0; i < kBatch; ++i) {
      const MutableBytes packet = MutableBytes(octets).subspan(i * stride, stride);
      Aead::Job& job = seals[i];
      job.aad = packet.first(8);
      job.iv = packet.subspan(8, iv);
      job.in = plain;
      job.out = packet.subspan(8 + iv, text);
      job.icv = packet.last(icv);
      opens[i] = {job.aad, {},      job.iv, {}, job.out, {}, MutableBytes(opened).subspan(i * text, text),
                  job.icv, job.icv, false};
    }
  }
  Bytes plain, opened, octets;
  Aead::Job seals[kBatch], opens[kBatch];
};

void finish(benchmark::State& state, size_t text) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text * kBatch));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch));
}

void one_by_one(benchmark::State& state, const Suite& suite, Provider provider, size_t text, bool sealing) {
  const auto aead = make(suite, provider);
  if (!aead) return state.SkipWithError("not this provider's");
  Packets packets(*aead, text);
  aead->seal_batch(packets.seals);
  for (auto _ : state) {
    bool good = true;
    if (sealing) {
      for (Aead::Job& j : packets.seals) good &= aead->seal(j.aad, j.aad_suffix, j.iv, j.in, j.out, j.icv);
    } else {
      for (Aead::Job& j : packets.opens) good &= aead->open(j.aad, j.aad_suffix, j.iv, j.in, j.icv_to_check, j.out);
    }
    if (!good) return state.SkipWithError("a packet was refused");
  }
  finish(state, text);
}

void batch(benchmark::State& state, const Suite& suite, Provider provider, size_t text, bool sealing) {
  const auto aead = make(suite, provider);
  if (!aead) return state.SkipWithError("not this provider's");
  Packets packets(*aead, text);
  aead->seal_batch(packets.seals);
  for (auto _ : state) {
    sealing ? aead->seal_batch(packets.seals) : aead->open_batch(packets.opens);
    if (!(sealing ? packets.seals : packets.opens)[kBatch - 1].ok) return state.SkipWithError("a packet was refused");
  }
  finish(state, text);
}

// The library alone: IV, associated data, text, tag; the context and its key are kept.
void bare_openssl(benchmark::State& state, const EVP_CIPHER* cipher, size_t text, bool sealing) {
  EVP_CIPHER_CTX* c = EVP_CIPHER_CTX_new();
  const Bytes key(32, 0x11), nonce(12, 1), aad(8, 2);
  Bytes plain(text), out(text), tag(16);
  int n = 0;
  EVP_CipherInit_ex(c, cipher, nullptr, key.data(), nonce.data(), 1);
  EVP_CipherUpdate(c, nullptr, &n, aad.data(), 8);
  EVP_CipherUpdate(c, out.data(), &n, plain.data(), static_cast<int>(text));
  EVP_CipherFinal_ex(c, out.data(), &n);
  EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, tag.data());
  for (auto _ : state) {
    for (size_t i = 0; i < kBatch; ++i) {
      EVP_CipherInit_ex(c, nullptr, nullptr, nullptr, nonce.data(), sealing ? 1 : 0);
      if (!sealing) EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, tag.data());
      EVP_CipherUpdate(c, nullptr, &n, aad.data(), 8);
      EVP_CipherUpdate(c, sealing ? out.data() : plain.data(), &n, sealing ? plain.data() : out.data(),
                       static_cast<int>(text));
      uint8_t nothing = 0;
      if (EVP_CipherFinal_ex(c, &nothing, &n) != 1) state.SkipWithError("a packet was refused");
      if (sealing) EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, tag.data());
    }
  }
  EVP_CIPHER_CTX_free(c);
  finish(state, text);
}

std::string name_of(const Suite& suite) {
  std::string out(model::to_string(suite.encr));
  if (suite.key_bits != 0) out += "-" + std::to_string(suite.key_bits);
  if (suite.integ != IntegId::NONE) out += "+" + std::string(model::to_string(suite.integ));
  return out;
}

void add(const Suite& suite, Provider provider, size_t text) {
  for (const bool sealing : {true, false}) {
    const std::string tail =
        "/" + name_of(suite) + "/" + std::string(crypto::to_string(provider)) + "/" + std::to_string(text);
    const std::string verb = sealing ? "seal" : "open";
    benchmark::RegisterBenchmark((verb + tail).c_str(),
                                 [=](benchmark::State& s) { one_by_one(s, suite, provider, text, sealing); });
    benchmark::RegisterBenchmark((verb + "_batch" + tail).c_str(),
                                 [=](benchmark::State& s) { batch(s, suite, provider, text, sealing); });
  }
}

void add_bare(const char* name, const EVP_CIPHER* cipher, size_t text) {
  for (const bool sealing : {true, false}) {
    const std::string full =
        std::string(sealing ? "seal_bare/" : "open_bare/") + name + "/OpenSSL/" + std::to_string(text);
    benchmark::RegisterBenchmark(full.c_str(), [=](benchmark::State& s) { bare_openssl(s, cipher, text, sealing); });
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Suite suites[] = {
      {EncrId::AES_GCM_16, 128, IntegId::NONE},           {EncrId::AES_GCM_16, 256, IntegId::NONE},
      {EncrId::CHACHA20_POLY1305, 0, IntegId::NONE},      {EncrId::AES_CBC, 128, IntegId::HMAC_SHA1_96},
      {EncrId::AES_CBC, 256, IntegId::HMAC_SHA2_256_128}, {EncrId::AES_CTR, 128, IntegId::HMAC_SHA2_256_128},
      {EncrId::AES_CBC, 128, IntegId::AES_XCBC_96}};
  // 1392 is 1400 in whole blocks of CBC.
  for (const size_t text : {size_t{64}, size_t{1400}}) {
    for (const Suite& suite : suites) {
      const size_t whole = suite.encr == EncrId::AES_CBC ? text / 16 * 16 : text;
      for (const Provider provider : {Provider::openssl, Provider::ipsec_mb}) {
        if (crypto::available(provider)) add(suite, provider, whole);
      }
    }
    add_bare("AES_GCM_16-128", EVP_aes_128_gcm(), text);
    add_bare("AES_GCM_16-256", EVP_aes_256_gcm(), text);
    add_bare("CHACHA20_POLY1305", EVP_chacha20_poly1305(), text);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
