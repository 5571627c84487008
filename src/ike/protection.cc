// SK and SKF over crypto::Aead. RFC 7296 3.14, RFC 5282, RFC 7383 2.5.
#include "ike/protection.h"

#include "crypto/aead.h"
#include "model/algorithms.h"
#include "wire/ike2/sk.h"

namespace sallyport::ike {

using namespace wire::ike2;

class Protection::Cipher : public SkCipher {
 public:
  Cipher(std::unique_ptr<crypto::Aead> aead, bool random_iv, Rng& rng)
      : aead_(std::move(aead)), random_iv_(random_iv), rng_(rng) {}

  size_t iv_octets() const override { return aead_->iv_octets(); }
  size_t icv_octets() const override { return aead_->icv_octets(); }
  size_t block_octets() const override { return aead_->block_octets() == 0 ? 1 : aead_->block_octets(); }

  // A counter mode needs an IV that is never used twice under a key; CBC needs one that nobody can predict.
  void next_iv(MutableBytes iv) override {
    if (random_iv_) {
      rng_.fill(iv);
      return;
    }
    const uint64_t number = ++counter_;
    for (size_t i = 0; i < iv.size(); ++i) {
      const size_t from_end = iv.size() - 1 - i;
      iv[i] = from_end < 8 ? static_cast<uint8_t>(number >> (8 * from_end)) : uint8_t{0};
    }
  }
  bool seal(ByteView aad, ByteView iv, ByteView plain, MutableBytes cipher, MutableBytes icv) override {
    return aead_->seal(aad, {}, iv, plain, cipher, icv);
  }
  bool open(ByteView aad, ByteView iv, ByteView cipher, ByteView icv, MutableBytes plain) override {
    return aead_->open(aad, {}, iv, cipher, icv, plain);
  }

 private:
  std::unique_ptr<crypto::Aead> aead_;
  bool random_iv_;
  Rng& rng_;
  uint64_t counter_ = 0;
};

Protection::Protection() = default;
Protection::~Protection() = default;

Result<std::unique_ptr<Protection>> Protection::create(const model::ChosenIke& chosen, const ProtectionKeys& keys,
                                                       Rng& rng) {
  const auto encr = model::info(chosen.encr);
  if (!encr) return fail(Errc::algorithm_refused, static_cast<uint32_t>(chosen.encr));
  // RFC 7296 5: an IKE SA is never without encryption.
  if (chosen.encr == model::EncrId::NULL_ENCR || chosen.encr == model::EncrId::NULL_AES_GMAC) {
    return fail(Errc::algorithm_refused, static_cast<uint32_t>(chosen.encr));
  }
  // RFC 7296 3.3.6, RFC 5282 8: an IKE SA has integrity from an AEAD or from an algorithm of its own.
  if (!encr->aead && chosen.integ == model::IntegId::NONE) return fail(Errc::algorithm_refused, 0);
  SP_TRY(auto out, crypto::Aead::create(chosen.encr, keys.encr_out, chosen.key_bits, chosen.integ, keys.integ_out));
  SP_TRY(auto in, crypto::Aead::create(chosen.encr, keys.encr_in, chosen.key_bits, chosen.integ, keys.integ_in));
  const bool random_iv = encr->block_octets > 1;
  auto made = std::unique_ptr<Protection>(new Protection);
  made->out_ = std::make_unique<Cipher>(std::move(out), random_iv, rng);
  made->in_ = std::make_unique<Cipher>(std::move(in), random_iv, rng);
  return made;
}

Result<std::vector<Bytes>> Protection::seal(const IkeHeader& header, const std::vector<Payload>& payloads,
                                            size_t fragment_octets) {
  const PayloadChain chain = write_payloads(payloads);
  if (fragment_octets != 0) return seal_fragments(header, chain, fragment_octets, *out_);
  SP_TRY(Bytes whole, seal_message(header, chain, *out_));
  std::vector<Bytes> one;
  one.push_back(std::move(whole));
  return one;
}

Result<PayloadChain> Protection::open(ByteView datagram, const SkPayload& sk) {
  SP_TRY(Bytes inner, open_sk(datagram, sk, *in_));
  return PayloadChain{sk.first_inner, std::move(inner)};
}

Result<PayloadChain> Protection::open_fragment(ByteView datagram, const SkfPayload& skf) {
  SP_TRY(Bytes inner, open_skf(datagram, skf, *in_));
  return PayloadChain{skf.first_inner, std::move(inner)};
}

}  // namespace sallyport::ike
