// The choice between providers, by a short race.
#include "crypto/provider.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "crypto/aead.h"
#include "crypto/ipsec_mb.h"

namespace sallyport::crypto {

namespace {

using model::EncrId;
using model::IntegId;

constexpr size_t kPackets = 16;
constexpr size_t kText = 1392;  // whole blocks of every cipher
constexpr int kRounds = 3;

Suite row_suite(Suite suite) {
  if (suite.encr == EncrId::AES_GCM_8 || suite.encr == EncrId::AES_GCM_12 || suite.encr == EncrId::AES_GCM_16_IIV)
    suite.encr = EncrId::AES_GCM_16;
  if (suite.encr == EncrId::CHACHA20_POLY1305_IIV) suite.encr = EncrId::CHACHA20_POLY1305;
  if (suite.key_bits == 192) suite.key_bits = 256;
  const auto row = model::info(suite.encr);
  if (row && !row->variable_key) suite.key_bits = 0;
  return suite;
}

std::unique_ptr<Aead> make(const Suite& suite, Provider provider) {
  const Bytes key(model::key_material_octets(suite.encr, suite.key_bits), 0x11);
  const auto integ = model::info(suite.integ);
  const Bytes integ_key(integ ? integ->key_octets : 0, 0x22);
  auto out = Aead::create(suite.encr, key, suite.key_bits, suite.integ, integ_key, provider);
  return out ? std::move(*out) : nullptr;
}

// Packets laid out as ESP lays them out: SPI and sequence number, IV, text, ICV.
class Race {
 public:
  explicit Race(const Aead& aead)
      : iv_(aead.iv_octets()), icv_(aead.icv_octets()), stride_(kHeader + iv_ + kText + icv_) {
    octets_.resize(stride_ * kPackets);
    text_.resize(kText);
    opened_.resize(kText * kPackets);
    for (size_t i = 0; i < kPackets; ++i) {
      const MutableBytes packet = MutableBytes(octets_).subspan(i * stride_, stride_);
      Aead::Job& seal = seal_[i];
      seal.aad = packet.first(kHeader);
      seal.iv = packet.subspan(kHeader, iv_);
      seal.in = text_;
      seal.out = packet.subspan(kHeader + iv_, kText);
      seal.icv = packet.last(icv_);
      Aead::Job& open = open_[i];
      open.aad = seal.aad;
      open.iv = seal.iv;
      open.in = seal.out;
      open.icv = seal.icv;
      open.icv_to_check = seal.icv;
      open.out = MutableBytes(opened_).subspan(i * kText, kText);
    }
  }

  // Nothing: a packet did not open.
  std::optional<uint64_t> run(Aead& aead, const std::function<uint64_t()>& nanoseconds) {
    std::optional<uint64_t> best;
    for (int round = 0; round < kRounds; ++round) {
      const uint64_t start = nanoseconds();
      aead.seal_batch(seal_);
      aead.open_batch(open_);
      const uint64_t took = nanoseconds() - start;
      for (const Aead::Job& job : open_) {
        if (!job.ok) return std::nullopt;
      }
      best = std::min(best.value_or(took), took);
    }
    return *best / kPackets;
  }

 private:
  static constexpr size_t kHeader = 8;
  size_t iv_, icv_, stride_;
  Bytes octets_, text_, opened_;
  std::array<Aead::Job, kPackets> seal_{}, open_{};
};

}  // namespace

std::string_view to_string(Provider provider) {
  switch (provider) {
    case Provider::openssl: return "OpenSSL";
    case Provider::ipsec_mb: return "ipsec-mb";
  }
  return "unknown";
}

bool available(Provider provider) {
  if (provider == Provider::openssl) return true;
#ifdef SALLYPORT_IPSEC_MB
  return ipsec_mb_manager() != nullptr;
#else
  return false;
#endif
}

Provider ProviderTable::of(const Suite& suite) const {
  const Suite wanted = row_suite(suite);
  const auto row = std::find_if(rows_.begin(), rows_.end(), [&](const Row& r) { return r.suite == wanted; });
  return row == rows_.end() ? Provider::openssl : row->provider;
}

void ProviderTable::set(const Row& row) {
  const Suite suite = row_suite(row.suite);
  std::erase_if(rows_, [&](const Row& r) { return r.suite == suite; });
  rows_.push_back(row);
  rows_.back().suite = suite;
}

std::vector<Suite> suites_to_measure() {
  std::vector<Suite> out;
  if (!available(Provider::ipsec_mb)) return out;
  constexpr std::array kIntegs = {IntegId::HMAC_SHA1_96,      IntegId::HMAC_SHA2_256_128, IntegId::HMAC_SHA2_384_192,
                                  IntegId::HMAC_SHA2_512_256, IntegId::AES_XCBC_96,       IntegId::AES_CMAC_96};
  for (const uint16_t bits : {uint16_t{128}, uint16_t{256}}) {
    out.push_back({EncrId::AES_GCM_16, bits, IntegId::NONE});
    out.push_back({EncrId::NULL_AES_GMAC, bits, IntegId::NONE});
    for (const EncrId encr : {EncrId::AES_CBC, EncrId::AES_CTR}) {
      for (const IntegId integ : kIntegs) out.push_back({encr, bits, integ});
    }
  }
  for (const IntegId integ : kIntegs) out.push_back({EncrId::NULL_ENCR, 0, integ});
  out.push_back({EncrId::CHACHA20_POLY1305, 0, IntegId::NONE});
  return out;
}

ProviderTable measure_providers(const std::function<uint64_t()>& nanoseconds, std::span<const Suite> suites) {
  ProviderTable out;
  for (const Suite& suite : suites) {
    const auto ours = make(suite, Provider::openssl), theirs = make(suite, Provider::ipsec_mb);
    if (!ours || !theirs || theirs->provider() != Provider::ipsec_mb) continue;
    Race race(*ours);
    const auto openssl = race.run(*ours, nanoseconds), ipsec_mb = race.run(*theirs, nanoseconds);
    if (!openssl || !ipsec_mb) continue;
    out.set({suite, *ipsec_mb < *openssl ? Provider::ipsec_mb : Provider::openssl, *openssl, *ipsec_mb});
  }
  return out;
}

ProviderTable measure_providers(const std::function<uint64_t()>& nanoseconds) {
  return measure_providers(nanoseconds, suites_to_measure());
}

}  // namespace sallyport::crypto
