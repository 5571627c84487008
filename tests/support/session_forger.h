// An attacker (or a mad peer) who holds the keys of an IKE SA: seals whatever it likes in the name of one end, payloads
// or octets that are none. Keys come from a key log. For tests only.
#pragma once
#include <memory>

#include "crypto/aead.h"
#include "ike/keying_module.h"
#include "wire/ike2/sk.h"

namespace sallyport::test {

class SessionForger {
 public:
  // as_initiator: in the name of the IKE SA's original initiator. Nothing when the library refuses the keys.
  static std::unique_ptr<SessionForger> create(const ike::KeyLog::Ike& keys, bool as_initiator) {
    const SecretBytes& encr = as_initiator ? keys.sk_ei : keys.sk_er;
    const SecretBytes& integ = as_initiator ? keys.sk_ai : keys.sk_ar;
    auto aead = crypto::Aead::create(keys.encr, encr.view(), keys.key_bits, keys.integ, integ.view());
    if (!aead) return nullptr;
    auto made = std::make_unique<SessionForger>();
    made->cipher_.aead = std::move(*aead);
    made->header_.spi_i = keys.spi_i;
    made->header_.spi_r = keys.spi_r;
    made->header_.initiator_flag = as_initiator;
    return made;
  }

  Bytes seal(wire::ike::ExchangeType exchange, bool response, model::MessageId id,
             const std::vector<wire::ike2::Payload>& payloads) {
    return seal(exchange, response, id, wire::ike2::write_payloads(payloads));
  }
  // Empty: too long for a datagram.
  Bytes seal(wire::ike::ExchangeType exchange, bool response, model::MessageId id,
             const wire::ike2::PayloadChain& chain) {
    wire::ike::IkeHeader header = header_;
    header.exchange = exchange;
    header.response_flag = response;
    header.message_id = id;
    auto sealed = wire::ike2::seal_message(header, chain, cipher_);
    return sealed ? std::move(*sealed) : Bytes{};
  }

 private:
  struct Cipher : wire::ike2::SkCipher {
    size_t iv_octets() const override { return aead->iv_octets(); }
    size_t icv_octets() const override { return aead->icv_octets(); }
    size_t block_octets() const override { return aead->block_octets() == 0 ? 1 : aead->block_octets(); }
    // Far from the numbers that the honest owner of the key uses.
    void next_iv(MutableBytes iv) override {
      for (size_t i = 0; i < iv.size(); ++i) iv[i] = static_cast<uint8_t>(i < 8 ? count >> (8 * i) : 0xF0);
      ++count;
    }
    bool seal(ByteView aad, ByteView iv, ByteView plain, MutableBytes cipher, MutableBytes icv) override {
      return aead->seal(aad, {}, iv, plain, cipher, icv);
    }
    bool open(ByteView aad, ByteView iv, ByteView cipher, ByteView icv, MutableBytes plain) override {
      return aead->open(aad, {}, iv, cipher, icv, plain);
    }
    std::unique_ptr<crypto::Aead> aead;
    uint64_t count = 0xF0F0F0F000000001;
  };

  wire::ike::IkeHeader header_;
  Cipher cipher_;
};

}  // namespace sallyport::test
