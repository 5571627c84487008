// Opens and seals the messages of one IKE SA with its own keys, from Config::key_log: what a peer that has
// authenticated itself could send (T28). Builds SK and SKF from its own understanding of RFC 7296 3.14 and RFC
// 7383 2.5. For tests only.
#pragma once
#include <memory>
#include <stdexcept>

#include "crypto/aead.h"
#include "ike/keying_module.h"
#include "wire/ike2/message.h"

namespace sallyport::test {

// One payload as octets, so that any flag, type or body can be written.
struct RawPayload {
  uint8_t type = 0;
  uint8_t flags = 0;
  Bytes body;
};

inline std::vector<RawPayload> raw(const std::vector<wire::ike2::Payload>& payloads) {
  std::vector<RawPayload> out;
  for (const auto& p : payloads) {
    Writer body;
    wire::ike2::write_body(p, body);
    out.push_back({static_cast<uint8_t>(wire::ike2::type_of(p)), 0, body.take()});
  }
  return out;
}

inline wire::ike2::PayloadChain chain(const std::vector<RawPayload>& payloads) {
  Writer out;
  for (size_t i = 0; i < payloads.size(); ++i) {
    out.u8(i + 1 < payloads.size() ? payloads[i + 1].type : uint8_t{0});
    out.u8(payloads[i].flags);
    out.u16(static_cast<uint16_t>(payloads[i].body.size() + 4));
    out.bytes(payloads[i].body);
  }
  const auto first = payloads.empty() ? uint8_t{0} : payloads.front().type;
  return {static_cast<wire::ike2::PayloadType>(first), out.take()};
}

class Forger {
 public:
  using Header = wire::ike::IkeHeader;
  using Chain = wire::ike2::PayloadChain;

  explicit Forger(const ike::KeyLog::Ike& keys) : spi_i(keys.spi_i), spi_r(keys.spi_r) {
    of_initiator_ = cipher(keys, keys.sk_ei, keys.sk_ai);
    of_responder_ = cipher(keys, keys.sk_er, keys.sk_ar);
  }

  // A message of either end. Requires: it is sealed with these keys.
  Chain open(ByteView datagram) {
    const auto message = wire::ike2::parse_message(datagram);
    if (!message) throw std::runtime_error("the message to open does not parse");
    size_t at = 0;
    Chain out;
    if (const auto* sk = wire::ike2::find<wire::ike2::SkPayload>(message->payloads)) {
      at = sk->body_at;
      out.first = sk->first_inner;
    } else if (const auto* skf = wire::ike2::find<wire::ike2::SkfPayload>(message->payloads)) {
      at = skf->body_at;
      out.first = skf->first_inner;
    } else {
      throw std::runtime_error("the message to open is not sealed");
    }
    crypto::Aead& aead = *(message->header.initiator_flag ? of_initiator_ : of_responder_);
    const ByteView body = datagram.subspan(at);
    const size_t text = body.size() - aead.iv_octets() - aead.icv_octets();
    Bytes plain(text);
    if (!aead.open(datagram.first(at), {}, body.first(aead.iv_octets()), body.subspan(aead.iv_octets(), text),
                   body.last(aead.icv_octets()), plain)) {
      throw std::runtime_error("the message to open is not authentic");
    }
    plain.resize(plain.size() - plain.back() - 1u);
    out.bytes = std::move(plain);
    return out;
  }
  std::vector<wire::ike2::Payload> payloads(ByteView datagram) {
    const Chain inner = open(datagram);
    return *wire::ike2::parse_payloads(inner.first, inner.bytes);
  }

  // SK, or with total > 0 one SKF fragment. text: any octets.
  Bytes seal(Header header, const Chain& text, uint16_t number = 0, uint16_t total = 0) {
    crypto::Aead& aead = *(header.initiator_flag ? of_initiator_ : of_responder_);
    Bytes plain = text.bytes;
    const size_t block = std::max<size_t>(aead.block_octets(), 1);
    const size_t pad = (block - (plain.size() + 1) % block) % block;
    plain.resize(plain.size() + pad, 0);
    plain.push_back(static_cast<uint8_t>(pad));
    const size_t before = 28u + 4u + (total > 0 ? 4u : 0u);
    const size_t all = before + aead.iv_octets() + plain.size() + aead.icv_octets();
    header.next = total > 0 ? wire::ike2::PayloadType::SKF : wire::ike2::PayloadType::SK;
    header.length = static_cast<uint32_t>(all);
    Writer out;
    wire::ike::write_header(header, out);
    out.u8(static_cast<uint8_t>(text.first));
    out.u8(0);
    out.u16(static_cast<uint16_t>(all - 28));
    if (total > 0) {
      out.u16(number);
      out.u16(total);
    }
    out.zeros(all - before);
    Bytes bytes = out.take();
    const MutableBytes whole(bytes);
    const MutableBytes iv = whole.subspan(before, aead.iv_octets());
    ++iv_;
    for (size_t i = 0; i < iv.size(); ++i) iv[i] = static_cast<uint8_t>(iv_ >> (8 * (i % 8)));
    if (!aead.seal(whole.first(before), {}, iv, plain, whole.subspan(before + iv.size(), plain.size()),
                   whole.last(aead.icv_octets()))) {
      throw std::runtime_error("not sealed");
    }
    return bytes;
  }
  Bytes seal(const Header& header, const std::vector<RawPayload>& payloads) { return seal(header, chain(payloads)); }
  Bytes seal(const Header& header, const std::vector<wire::ike2::Payload>& payloads) {
    return seal(header, chain(raw(payloads)));
  }

  // The header of a message on this IKE SA.
  Header header(wire::ike::ExchangeType exchange, model::MessageId id, bool from_initiator,
                bool response = false) const {
    Header out;
    out.spi_i = spi_i;
    out.spi_r = spi_r;
    out.exchange = exchange;
    out.message_id = id;
    out.initiator_flag = from_initiator;
    out.response_flag = response;
    return out;
  }

  const model::IkeSpi spi_i, spi_r;

 private:
  static std::unique_ptr<crypto::Aead> cipher(const ike::KeyLog::Ike& keys, const SecretBytes& encr,
                                              const SecretBytes& integ) {
    auto made = crypto::Aead::create(keys.encr, encr.view(), keys.key_bits, keys.integ, integ.view());
    if (!made) throw std::runtime_error("no cipher");
    return std::move(*made);
  }

  std::unique_ptr<crypto::Aead> of_initiator_, of_responder_;
  uint64_t iv_ = uint64_t{1} << 40;
};

// The keys of the newest IKE SA an end has told of. Requires: Config::key_log.
template <class End>
Forger forger_of(const End& end) {
  for (auto it = end.events.rbegin(); it != end.events.rend(); ++it) {
    const auto* log = std::get_if<ike::KeyLog>(&*it);
    if (log == nullptr) continue;
    if (const auto* keys = std::get_if<ike::KeyLog::Ike>(&log->keys)) return Forger(*keys);
  }
  throw std::runtime_error("no keys were told");
}

}  // namespace sallyport::test
