#include "ipsec/ecn.h"

#include <doctest/doctest.h>

#include "support/esp_pair.h"

using namespace sallyport;
using namespace sallyport::ipsec;
using namespace sallyport::support;

TEST_SUITE("ipsec/ecn") {
  TEST_CASE("[RFC6040 4.2] every pair of inner and outer marks") {
    // Rows: inner Not-ECT, ECT(1), ECT(0), CE; columns: outer, in the same order. 4: drop.
    const int expected[4][4] = {{0, 0, 0, 4}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};
    for (Family family : {Family::v4, Family::v6}) {
      for (uint8_t inner = 0; inner < 4; ++inner) {
        for (uint8_t outer = 0; outer < 4; ++outer) {
          Bytes packet = udp_packet(inner_left(family), inner_right(family), 8);
          const auto tos = static_cast<uint8_t>(0xB8 | inner);
          if (family == Family::v4) {
            packet[1] = tos;
            store_be16(packet.data() + 10, 0);
            store_be16(packet.data() + 10, wire::ip::checksum(ByteView(packet).first(20)));
          } else {
            store_be16(packet.data(), static_cast<uint16_t>(0x6000 | (tos << 4)));
          }
          CHECK(read_tos(packet, family) == tos);
          const Verdict v = merge_ecn(packet, family, outer);
          if (expected[inner][outer] == 4) {
            CHECK(v == Verdict(Drop::ecn_ce_on_not_ect));
            continue;
          }
          REQUIRE(v.passed());
          CHECK(read_tos(packet, family) == (0xB8 | expected[inner][outer]));
          if (family == Family::v4) CHECK(wire::ip::checksum(ByteView(packet).first(20)) == 0);
        }
      }
    }
  }
  TEST_CASE("[RFC6040 4.1] the outer header says what the inner one does") {
    EspPair pair{EspChoice{}};
    Bytes inner = pair.sample();
    inner[1] = 0xB9;
    store_be16(inner.data() + 10, 0);
    store_be16(inner.data() + 10, wire::ip::checksum(ByteView(inner).first(20)));
    pair.seal(inner);
    CHECK(pair.out.packets()[0].tos == 0xB9);
    CHECK(pair.out.packets()[0].packet.view()[1] == 0xB9);
  }
  TEST_CASE("D5: congestion seen outside reaches the inner packet, or drops it") {
    EspPair pair{EspChoice{}};
    pair.tos = 3;
    CHECK(pair.open(pair.seal(pair.sample())).empty());
    CHECK(pair.right.drops[Drop::ecn_ce_on_not_ect] == 1);
    Bytes inner = pair.sample();
    inner[1] = 2;
    store_be16(inner.data() + 10, 0);
    store_be16(inner.data() + 10, wire::ip::checksum(ByteView(inner).first(20)));
    const Bytes got = pair.open(pair.seal(inner));
    REQUIRE_FALSE(got.empty());
    CHECK((got[1] & 3) == 3);
  }
}
