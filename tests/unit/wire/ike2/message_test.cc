#include "wire/ike2/message.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "wire/ike2/sk.h"

using namespace sallyport;
using namespace sallyport::wire::ike2;
namespace ike = sallyport::wire::ike;

namespace {

std::vector<Payload> every_payload() {
  model::Proposal first = *model::parse_proposal(model::Protocol::IKE, "aes256-sha256-prfsha256-modp2048-x25519");
  model::Proposal second = *model::parse_proposal(model::Protocol::ESP, "aes128gcm16-esn");
  second.number = 2;
  second.spi = {1, 2, 3, 4};
  return {
      SaPayload{{first, second}},
      KePayload{31, Bytes(32, 7)},
      IdPayload{true, *model::Identity::parse("east.example")},
      IdPayload{false, *model::Identity::parse("192.0.2.1")},
      CertPayload{CertEncoding::X509_SIGNATURE, Bytes(9, 3)},
      CertreqPayload{CertEncoding::X509_SIGNATURE, Bytes(40, 4)},
      AuthPayload{model::AuthMethod::SHARED_KEY_MIC, Bytes(32, 5)},
      NoncePayload{Bytes(32, 6)},
      NotifyPayload{3, {9, 9, 9, 9}, NotifyType::REKEY_SA, {}},
      NotifyPayload{0, {}, NotifyType::COOKIE, Bytes(8, 1)},
      DeletePayload{model::Protocol::ESP, {0x01020304, 0x05060708}},
      DeletePayload{model::Protocol::IKE, {}},
      VendorPayload{Bytes(16, 2)},
      TsPayload{true, {*model::parse_selector("10.0.0.0/8[tcp/80]"), *model::parse_selector("2001:db8::/32")}},
      TsPayload{false, {*model::parse_selector("10.0.0.0/8")}},
      CpPayload{1, {{1, {}}, {8, Bytes(17, 1)}}},
      EapPayload{{1, 7, 0, 5, 1}},
      UnknownPayload{200, {1, 2, 3}},
  };
}

Message whole_message() {
  Message out;
  out.header.spi_i = 0x0102030405060708;
  out.header.exchange = ExchangeType::IKE_SA_INIT;
  out.header.initiator_flag = true;
  out.header.message_id = 5;
  out.payloads = every_payload();
  return out;
}

Bytes with_chain(uint8_t first, const Bytes& chain) {
  Message message = whole_message();
  message.payloads.clear();
  Bytes out = write_message(message);
  out[16] = first;
  append(out, chain);
  store_be32(out.data() + 24, static_cast<uint32_t>(out.size()));
  return out;
}

}  // namespace

TEST_SUITE("wire/ike2/message") {
  TEST_CASE("[RFC7296 3] every payload reads back as it was written") {
    Message message = whole_message();
    const Bytes bytes = write_message(message);
    const auto parsed = parse_message(bytes);
    REQUIRE(parsed);
    message.header.next = ike::PayloadType::SA;
    message.header.length = static_cast<uint32_t>(bytes.size());
    CHECK(*parsed == message);
    CHECK(write_message(*parsed) == bytes);
  }
  TEST_CASE("[P2] every truncation and every wrong header length is refused") {
    const Bytes bytes = write_message(whole_message());
    for (size_t n = 0; n < bytes.size(); ++n) CHECK_FALSE(parse_message(ByteView(bytes).first(n)));
    for (const uint32_t length : {0u, 27u, static_cast<uint32_t>(bytes.size() - 1), 0xFFFFFFFFu}) {
      Bytes copy = bytes;
      store_be32(copy.data() + 24, length);
      CHECK(parse_message(copy).error().code == Errc::bad_length);
    }
  }
  TEST_CASE("[P3] whatever bit is flipped: what parses is written and parsed again as the same") {
    const Bytes bytes = write_message(whole_message());
    size_t parsed_count = 0;
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      Bytes copy = bytes;
      copy[bit / 8] = static_cast<uint8_t>(copy[bit / 8] ^ (1 << (bit % 8)));
      auto parsed = parse_message(copy);
      if (!parsed) continue;
      ++parsed_count;
      if (find<SkPayload>(parsed->payloads) != nullptr || find<SkfPayload>(parsed->payloads) != nullptr) continue;
      // Selectors of unknown types were left out; a payload without any cannot be written.
      const auto ts = find_all<TsPayload>(parsed->payloads);
      if (std::any_of(ts.begin(), ts.end(), [](const TsPayload* p) { return p->selectors.empty(); })) continue;
      const Bytes again = write_message(*parsed);
      auto second = parse_message(again);
      REQUIRE_MESSAGE(second, "bit " << bit);
      // Attributes that were not understood are not kept, so lengths may shrink; what was understood stays.
      second->header.length = parsed->header.length;
      for (Message* m : {&*parsed, &*second}) {
        for (Payload& p : m->payloads) {
          if (auto* sa = std::get_if<SaPayload>(&p)) {
            for (auto& proposal : sa->proposals) {
              proposal.unusable = false;
              for (auto& t : proposal.transforms) t.unusable = false;
            }
          }
        }
      }
      CHECK(parsed->payloads == second->payloads);
    }
    CHECK(parsed_count > 1000);
  }
  TEST_CASE("[P6] [RFC7296 2.5] an unknown critical payload is refused by number, an unknown plain one skipped") {
    CHECK(parse_message(with_chain(200, {0, 0x80, 0, 4})).error() == Error{Errc::critical_payload, 200});
    const auto skipped = parse_message(with_chain(200, {0, 0, 0, 4}));
    REQUIRE(skipped);
    CHECK(std::get_if<UnknownPayload>(&skipped->payloads[0]) != nullptr);
    // The critical bit of a known payload is ignored.
    CHECK(parse_message(with_chain(43, {0, 0x80, 0, 4})));
  }
  TEST_CASE("[P3] payload lengths of zero to three and past the end are refused") {
    for (uint8_t n = 0; n < 4; ++n) CHECK(parse_message(with_chain(43, {0, 0, 0, n})).error().code == Errc::bad_length);
    CHECK(parse_message(with_chain(43, {0, 0, 0, 5})).error().code == Errc::truncated);
    CHECK(parse_message(with_chain(43, {0, 0, 0, 4, 1})).error().code == Errc::trailing_bytes);
  }
  TEST_CASE("[P4] more notifies, certificates or vendor ids than the limit are refused") {
    const auto many = [](const Payload& payload, size_t n) {
      Message message = whole_message();
      message.payloads.assign(n, payload);
      return parse_message(write_message(message));
    };
    const Payload notify = NotifyPayload{0, {}, NotifyType::COOKIE, {}};
    CHECK(many(notify, 20));
    CHECK(many(notify, 21).error().code == Errc::too_many);
    CHECK(many(CertPayload{}, 8));
    CHECK(many(CertPayload{}, 9).error().code == Errc::too_many);
    CHECK(many(VendorPayload{}, 21).error().code == Errc::too_many);
  }
  TEST_CASE("[P5] a second SA, KE, nonce, AUTH, identity or selector payload is refused") {
    for (const Payload& payload : every_payload()) {
      const auto type = type_of(payload);
      if (type == ike::PayloadType::N || type == ike::PayloadType::D || type == ike::PayloadType::V ||
          type == ike::PayloadType::CERT || type == ike::PayloadType::CERTREQ || static_cast<uint8_t>(type) == 200)
        continue;
      Message message = whole_message();
      message.payloads = {payload, payload};
      CHECK(parse_message(write_message(message)).error().code == Errc::unexpected_payload);
    }
  }
  TEST_CASE("[P8] identities of the wrong length for their type are refused") {
    for (const auto& [type, n] : {std::pair{1, 3}, {1, 16}, {5, 4}, {2, 0}}) {
      Bytes body = {0, 0, 0, static_cast<uint8_t>(8 + n), static_cast<uint8_t>(type), 0, 0, 0};
      body.resize(body.size() + static_cast<size_t>(n), 'a');
      CHECK(parse_message(with_chain(35, body)).error().code == Errc::bad_length);
    }
  }
  TEST_CASE("[RFC7296 3.9] nonces outside 16 to 256 octets are refused") {
    for (const size_t n : {15, 257}) {
      Message message = whole_message();
      message.payloads = {NoncePayload{Bytes(n, 1)}};
      CHECK(parse_message(write_message(message)).error().code == Errc::bad_length);
    }
  }
  TEST_CASE("[RFC7296 2.5] another major version is refused by number, another minor one is not looked at") {
    Bytes bytes = write_message(whole_message());
    bytes[17] = 0x30;
    CHECK(parse_message(bytes).error() == Error{Errc::version, 3});
    bytes[17] = 0x10;
    CHECK(parse_message(bytes).error() == Error{Errc::version, 1});
    bytes[17] = 0x2F;
    CHECK(parse_message(bytes));
  }
  TEST_CASE("[RFC7296 3.14] SK inside SK is refused") {
    CHECK(parse_payloads(ike::PayloadType::SK, Bytes{0, 0, 0, 4}).error().code == Errc::unexpected_payload);
  }
  TEST_CASE("[P11] parsing is linear: time does not grow faster than the input") {
    // Work is counted by payloads, which are bounded; the bound itself is what is shown here.
    Bytes chain;
    for (int i = 0; i < 5000; ++i) append(chain, Bytes{200, 0, 0, 4});
    CHECK(parse_message(with_chain(200, chain)).error().code == Errc::too_many);
  }
}

namespace {
// A cipher that is none: text xor 0x5A, the ICV a sum over everything.
class ToyCipher final : public SkCipher {
 public:
  explicit ToyCipher(size_t block) : block_(block) {}
  size_t iv_octets() const override { return 8; }
  size_t icv_octets() const override { return 4; }
  size_t block_octets() const override { return block_; }
  void next_iv(MutableBytes iv) override {
    for (auto& b : iv) b = 9;
  }
  bool seal(ByteView aad, ByteView iv, ByteView plain, MutableBytes cipher, MutableBytes icv) override {
    for (size_t i = 0; i < plain.size(); ++i) cipher[i] = plain[i] ^ 0x5A;
    store_be32(icv.data(), sum(aad) + 3 * sum(iv) + 7 * sum(cipher));
    return true;
  }
  bool open(ByteView aad, ByteView iv, ByteView cipher, ByteView icv, MutableBytes plain) override {
    for (size_t i = 0; i < plain.size(); ++i) plain[i] = cipher[i] ^ 0x5A;
    return load_be32(icv.data()) == sum(aad) + 3 * sum(iv) + 7 * sum(cipher);
  }

 private:
  static uint32_t sum(ByteView b) {
    uint32_t out = 0;
    for (const uint8_t v : b) out = out * 31 + v;
    return out;
  }
  size_t block_;
};
}  // namespace

TEST_SUITE("wire/ike2/sk") {
  TEST_CASE("[RFC7296 3.14] sealed payloads open again, for every block size") {
    for (const size_t block : {1, 16}) {
      ToyCipher cipher(block);
      IkeHeader header = whole_message().header;
      header.exchange = ExchangeType::IKE_AUTH;
      const auto chain = write_payloads(every_payload());
      const auto sealed = seal_message(header, chain, cipher);
      REQUIRE(sealed);
      const auto message = parse_message(*sealed);
      REQUIRE(message);
      const auto* sk = find<SkPayload>(message->payloads);
      REQUIRE(sk != nullptr);
      CHECK(sk->first_inner == chain.first);
      const auto inner = open_sk(*sealed, *sk, cipher);
      REQUIRE(inner);
      CHECK(*inner == chain.bytes);
      CHECK(*parse_payloads(sk->first_inner, *inner) == every_payload());
    }
  }
  TEST_CASE("what does not fit one datagram is not sealed") {
    ToyCipher cipher(16);
    const auto seal = [&](size_t n) {
      return seal_message(whole_message().header, {ike::PayloadType::V, Bytes(n, 1)}, cipher);
    };
    CHECK(seal(65'400));
    CHECK(seal(65'500).error().code == Errc::limit);
    CHECK(seal(70'000).error().code == Errc::limit);
  }
  TEST_CASE("[P3] an authentic payload whose pad length exceeds it is refused") {
    ToyCipher cipher(1);
    auto sealed = seal_message(whole_message().header, {ike::PayloadType::V, Bytes(8, 1)}, cipher);
    REQUIRE(sealed);
    const size_t body = 32;  // behind header and generic header; IV of 8, 9 octets of text and pad length, ICV of 4
    Bytes plain(9, 1);
    plain.back() = 9;
    MutableBytes all(*sealed);
    REQUIRE(cipher.seal(all.first(body), all.subspan(body, 8), plain, all.subspan(body + 8, 9), all.last(4)));
    CHECK(open_sk(*sealed, SkPayload{ike::PayloadType::V, body}, cipher).error().code == Errc::bad_length);
  }
  TEST_CASE("a changed octet anywhere in the message is not authentic") {
    ToyCipher cipher(1);
    const auto sealed = seal_message(whole_message().header, write_payloads(every_payload()), cipher);
    for (size_t i = 0; i < sealed->size(); ++i) {
      Bytes copy = *sealed;
      copy[i] ^= 1;
      const auto message = parse_message(copy);
      if (!message) continue;
      const auto* sk = find<SkPayload>(message->payloads);
      if (sk == nullptr) continue;
      CHECK_MESSAGE(!open_sk(copy, *sk, cipher), "octet " << i);
    }
  }
  TEST_CASE("[RFC7383 2.5] fragments are small enough, numbered from 1, and only the first names the first payload") {
    ToyCipher cipher(16);
    const auto chain = write_payloads(every_payload());
    const auto fragments = seal_fragments(whole_message().header, chain, 200, cipher);
    REQUIRE(fragments);
    CHECK(fragments->size() > 2);
    Bytes joined;
    for (size_t i = 0; i < fragments->size(); ++i) {
      const Bytes& bytes = (*fragments)[i];
      CHECK(bytes.size() <= 200);
      const auto message = parse_message(bytes);
      REQUIRE(message);
      const auto* skf = find<SkfPayload>(message->payloads);
      REQUIRE(skf != nullptr);
      CHECK(skf->number == i + 1);
      CHECK(skf->total == fragments->size());
      CHECK(skf->first_inner == (i == 0 ? chain.first : ike::PayloadType::NONE));
      append(joined, *open_skf(bytes, *skf, cipher));
    }
    CHECK(joined == chain.bytes);
    CHECK(seal_fragments(whole_message().header, chain, 5000, cipher)->size() == 1);
  }
  TEST_CASE("[P12] fragment number 0 and number over total are refused; more than 32 are never made") {
    for (const auto& body : {Bytes{0, 0, 0, 2}, Bytes{0, 3, 0, 2}, Bytes{0, 0, 0, 0}}) {
      Bytes chain = {0, 0, 0, 8};
      append(chain, body);
      CHECK(parse_message(with_chain(53, chain)).error().code == Errc::bad_value);
    }
    ToyCipher cipher(1);
    PayloadChain big{ike::PayloadType::V, Bytes(5000, 1)};
    CHECK(seal_fragments(whole_message().header, big, 150, cipher).error().code == Errc::limit);
  }
}
