#include "ipsec/esp_encap.h"

#include <doctest/doctest.h>

#include "support/esp_pair.h"

using namespace sallyport;
using namespace sallyport::ipsec;
using namespace sallyport::support;
using model::EncrId;
using model::IntegId;

namespace {

struct Algorithm {
  EncrId encr;
  uint16_t key_bits;
  IntegId integ;
};

const Algorithm kAlgorithms[] = {
    {EncrId::AES_GCM_16, 128, IntegId::NONE},
    {EncrId::AES_GCM_16, 256, IntegId::NONE},
    {EncrId::AES_GCM_8, 128, IntegId::NONE},
    {EncrId::AES_GCM_12, 192, IntegId::NONE},
    {EncrId::AES_CCM_16, 128, IntegId::NONE},
    {EncrId::AES_CCM_8, 256, IntegId::NONE},
    {EncrId::CHACHA20_POLY1305, 256, IntegId::NONE},
    {EncrId::AES_CBC, 128, IntegId::HMAC_SHA2_256_128},
    {EncrId::AES_CBC, 256, IntegId::HMAC_SHA1_96},
    {EncrId::AES_CBC, 256, IntegId::HMAC_SHA2_512_256},
    {EncrId::AES_CTR, 128, IntegId::HMAC_SHA2_384_192},
    {EncrId::AES_CBC, 128, IntegId::AES_XCBC_96},
    {EncrId::NULL_ENCR, 0, IntegId::HMAC_SHA2_256_128},
};

// Calls f with every algorithm, ESN, encapsulation, outer and inner family.
template <class F>
size_t for_each_choice(F f) {
  size_t cases = 0;
  for (const Algorithm& a : kAlgorithms) {
    for (int bits = 0; bits < 16; ++bits) {
      EspChoice choice{a.encr, a.key_bits, a.integ};
      choice.esn = (bits & 1) != 0;
      choice.udp = (bits & 2) != 0;
      choice.outer = (bits & 4) != 0 ? Family::v6 : Family::v4;
      choice.inner = (bits & 8) != 0 ? Family::v6 : Family::v4;
      f(choice);
      ++cases;
    }
  }
  return cases;
}

}  // namespace

TEST_SUITE("ipsec/esp_encap") {
  TEST_CASE("algorithm x ESN x UDP x outer x inner: what is sealed opens as it was, whatever its size") {
    const size_t cases = for_each_choice([](const EspChoice& choice) {
      EspPair pair(choice);
      CAPTURE(to_string(choice.encr));
      REQUIRE(pair.left.sad.size() == 1);
      for (size_t payload : {0, 1, 2, 3, 13, 14, 15, 16, 100, 1200}) {
        const Bytes inner = pair.sample(payload);
        const Bytes esp = pair.seal(inner);
        REQUIRE(esp.size() == esp_octets(pair.left_sa(), inner.size()));
        CHECK(esp.size() % 4 == 0);
        REQUIRE(pair.open(esp) == inner);
      }
      CHECK(pair.left.drops.total() == 0);
      CHECK(pair.right.drops.total() == 0);
    });
    CHECK(cases == std::size(kAlgorithms) * 16);
  }
  TEST_CASE(
      "algorithm x ESN x UDP x outer x inner: every octet of a packet is protected (bad_icv, no_sa, behind_window)") {
    for_each_choice([](const EspChoice& choice) {
      EspPair pair(choice);
      const Bytes esp = pair.seal(pair.sample(30));
      for (size_t at = 0; at < esp.size(); ++at) {
        Bytes flipped = esp;
        flipped[at] ^= 0x10;
        CAPTURE(at);
        REQUIRE(pair.open(flipped).empty());
        REQUIRE(find_event<FirstInbound>(pair.out) == nullptr);
      }
      CHECK(pair.right_sa().replay.highest() == 0);
      CHECK(pair.right.drops[Drop::no_sa] == 4);
      CHECK(pair.right.drops[Drop::bad_icv] + pair.right.drops[Drop::behind_window] == esp.size() - 4);
      CHECK_FALSE(pair.open(esp).empty());
    });
  }
  TEST_CASE("[RFC4303 2.2.1] ESN past 2^32: the high half is authenticated though it is not sent") {
    for (const Algorithm& a : kAlgorithms) {
      EspChoice choice{a.encr, a.key_bits, a.integ};
      choice.esn = true;
      EspPair pair(choice);
      for (uint64_t sequence :
           {uint64_t{0x80000000}, uint64_t{0xFFFFFFF0}, uint64_t{0x100000000}, uint64_t{0x100000001}}) {
        pair.left_sa().sequence = sequence - 1;
        REQUIRE(pair.open(pair.seal(pair.sample())) == pair.sample());
      }
      CHECK(pair.right_sa().replay.highest() == 0x100000001);
      // The same low half with another high half must not verify.
      CHECK(pair.open(pair.forge_inner(pair.sample(), 0x700000002)).empty());
      CHECK(pair.right.drops[Drop::bad_icv] == 1);
    }
  }
  TEST_CASE("[RFC4106 3.1] T24: an IV is never used twice; of CBC it cannot be told from the one before") {
    EspPair gcm{EspChoice{}};
    Bytes first = gcm.seal(gcm.sample());
    Bytes second = gcm.seal(gcm.sample());
    CHECK(load_be64(first.data() + 8) == 1);
    CHECK(load_be64(second.data() + 8) == 2);
    EspPair cbc{EspChoice{EncrId::AES_CBC, 128, IntegId::HMAC_SHA2_256_128}};
    first = cbc.seal(cbc.sample());
    second = cbc.seal(cbc.sample());
    CHECK_FALSE(equal(ByteView(first).subspan(8, 16), ByteView(second).subspan(8, 16)));
  }
  TEST_CASE("[RFC4303 3.1.2] native ESP has an outer header of our own, UDP encapsulation has none") {
    EspPair v4{EspChoice{}};
    v4.seal(v4.sample());
    const Outgoing& sent = v4.out.packets()[0];
    CHECK(sent.way == Way::esp_native);
    CHECK(sent.outer_octets == 20);
    const ByteView header = sent.packet.view().first(20);
    CHECK(wire::ip::checksum(header) == 0);
    CHECK(load_be16(header.data() + 2) == sent.packet.size());
    CHECK(header[9] == 50);
    CHECK(IpAddr::v4(header.subspan(16, 4)).to_string() == "192.0.2.2");
    CHECK((header[6] & 0x40) != 0);  // DF of the inner packet

    EspPair v6{EspChoice{.outer = Family::v6}};
    v6.seal(v6.sample());
    const ByteView header6 = v6.out.packets()[0].packet.view().first(40);
    CHECK(v6.out.packets()[0].outer_octets == 40);
    CHECK(header6[6] == 50);
    CHECK(load_be16(header6.data() + 4) + 40u == v6.out.packets()[0].packet.size());

    EspPair udp{EspChoice{.udp = true}};
    udp.seal(udp.sample());
    CHECK(udp.out.packets()[0].way == Way::esp_udp);
    CHECK(udp.out.packets()[0].outer_octets == 0);
    CHECK(udp.out.packets()[0].remote.to_string() == "192.0.2.2:4500");
    CHECK(load_be32(udp.out.packets()[0].packet.view().data()) == kRightSpi);
  }
  TEST_CASE("a packet larger than any IP packet has no_room") {
    EspPair pair{EspChoice{}};
    pair.left_sa().inner_mtu = 65535;
    CHECK(pair.seal(pair.sample(65480)).empty());
    CHECK(pair.left.drops[Drop::no_room] == 1);
  }
  TEST_CASE("what the library refuses is seal_refused, and leaves nothing behind") {
    EspPair pair{EspChoice{}};
    // An IV of the wrong size is such a refusal.
    pair.left_sa().iv_octets = 0;
    CHECK(pair.seal(pair.sample()).empty());
    CHECK(pair.left.drops[Drop::seal_refused] == 1);
    CHECK(pair.out.packets().empty());
  }
}
