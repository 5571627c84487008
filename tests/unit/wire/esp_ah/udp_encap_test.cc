#include "wire/esp_ah/udp_encap.h"

#include <doctest/doctest.h>

using namespace sallyport;
using wire::EncapKind;

TEST_SUITE("wire/esp_ah/udp_encap") {
  TEST_CASE("[RFC3948 2] keepalive, marker and SPI are told apart") {
    CHECK(wire::classify_encap(Bytes{0xFF}) == EncapKind::keepalive);
    CHECK(wire::classify_encap(Bytes{0, 0, 0, 0, 1, 2, 3, 4}) == EncapKind::ike);
    CHECK(wire::classify_encap(Bytes{0, 0, 1, 0, 0, 0, 0, 1}) == EncapKind::esp);
  }
  TEST_CASE("[D1] runts of one to seven octets are neither IKE nor ESP") {
    for (size_t n = 0; n < 8; ++n) CHECK(wire::classify_encap(Bytes(n, 0)) == EncapKind::runt);
    CHECK(wire::classify_encap(Bytes{0xFE}) == EncapKind::runt);
    CHECK(wire::classify_encap(Bytes{0xFF, 0xFF}) == EncapKind::runt);
  }
}
