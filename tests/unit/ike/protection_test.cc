// Sealing and opening with the keys of one IKE SA. RFC 7296 3.14, 5; RFC 5282.
#include "ike/protection.h"

#include <doctest/doctest.h>

#include <set>

#include "model/algorithms.h"
#include "support/seeded_rng.h"

using namespace sallyport;
using namespace sallyport::ike;
using namespace sallyport::wire::ike2;

TEST_SUITE_BEGIN("ike/protection");

namespace {

struct Keys {
  explicit Keys(const model::ChosenIke& chosen)
      : encr_a(model::info(chosen.encr) ? model::key_material_octets(chosen.encr, chosen.key_bits) : 16, 1),
        encr_b(encr_a.size(), 2),
        integ_a(chosen.integ == model::IntegId::NONE ? 0 : model::info(chosen.integ)->key_octets, 3),
        integ_b(integ_a.size(), 4) {}
  ProtectionKeys of_a() const { return {encr_a, integ_a, encr_b, integ_b}; }
  ProtectionKeys of_b() const { return {encr_b, integ_b, encr_a, integ_a}; }
  Bytes encr_a, encr_b, integ_a, integ_b;
};

model::ChosenIke chosen(model::EncrId encr, uint16_t bits, model::IntegId integ) {
  model::ChosenIke out{};
  out.encr = encr;
  out.key_bits = bits;
  out.integ = integ;
  out.prf = model::PrfId::HMAC_SHA2_256;
  return out;
}

IkeHeader header() {
  IkeHeader h;
  h.spi_i = 1;
  h.spi_r = 2;
  h.initiator_flag = true;
  return h;
}

}  // namespace

TEST_CASE("[RFC7296 5] no IKE SA without encryption or integrity") {
  test::SeededRng rng(1);
  for (const auto& bad : {chosen(model::EncrId::AES_CBC, 128, model::IntegId::NONE),
                          chosen(model::EncrId::AES_CTR, 128, model::IntegId::NONE),
                          chosen(model::EncrId::NULL_ENCR, 0, model::IntegId::HMAC_SHA2_256_128),
                          chosen(model::EncrId::NULL_AES_GMAC, 128, model::IntegId::NONE),
                          chosen(static_cast<model::EncrId>(999), 128, model::IntegId::NONE)}) {
    const Keys keys(bad);
    const auto made = Protection::create(bad, keys.of_a(), rng);
    REQUIRE(!made);
    CHECK(made.error().code == Errc::algorithm_refused);
  }
}

TEST_CASE("[RFC7296 3.14] each end opens what the other sealed, not what it sealed itself; no IV comes twice") {
  test::SeededRng rng(2);
  for (const auto& one : {chosen(model::EncrId::AES_CBC, 128, model::IntegId::HMAC_SHA2_256_128),
                          chosen(model::EncrId::AES_CTR, 256, model::IntegId::AES_XCBC_96),
                          chosen(model::EncrId::AES_GCM_16, 256, model::IntegId::NONE),
                          chosen(model::EncrId::AES_CCM_8, 128, model::IntegId::NONE),
                          chosen(model::EncrId::CHACHA20_POLY1305, 0, model::IntegId::NONE)}) {
    CAPTURE(to_string(one.encr));
    const Keys keys(one);
    auto a = Protection::create(one, keys.of_a(), rng), b = Protection::create(one, keys.of_b(), rng);
    REQUIRE(a);
    REQUIRE(b);
    std::set<Bytes> ivs;
    for (size_t octets = 0; octets < 70; ++octets) {
      const std::vector<Payload> payloads{VendorPayload{Bytes(octets, 7)}};
      const auto sealed = (*a)->seal(header(), payloads, 0);
      REQUIRE(sealed);
      REQUIRE(sealed->size() == 1);
      const Bytes& datagram = sealed->front();
      const auto message = parse_message(datagram);
      REQUIRE(message);
      const SkPayload& sk = *find<SkPayload>(message->payloads);
      const auto opened = (*b)->open(datagram, sk);
      REQUIRE(opened);
      CHECK(*parse_payloads(opened->first, opened->bytes) == payloads);
      // A message reflected to its sender is not authentic.
      CHECK(!(*a)->open(datagram, sk));
      const ByteView iv = ByteView(datagram).subspan(sk.body_at, 8);
      CHECK(ivs.insert(to_bytes(iv)).second);
    }
  }
}

TEST_SUITE_END();
