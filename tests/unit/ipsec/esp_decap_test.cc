#include "ipsec/esp_decap.h"

#include <doctest/doctest.h>

#include "support/esp_pair.h"

using namespace sallyport;
using namespace sallyport::ipsec;
using namespace sallyport::support;

namespace {

Bytes with_trailer(Bytes plain, Bytes padding, uint8_t pad_length, uint8_t next_header) {
  append(plain, padding);
  plain.push_back(pad_length);
  plain.push_back(next_header);
  return plain;
}

Verdict decap(const Bytes& plain) {
  Bytes copy = plain;
  MutableBytes octets(copy);
  Family family{};
  return esp_decap(octets, family);
}

}  // namespace

TEST_SUITE("ipsec/esp_decap") {
  TEST_CASE("[RFC4303 2.4] the inner packet of either family comes out as it went in") {
    for (Family f : {Family::v4, Family::v6}) {
      const Bytes inner = udp_packet(inner_left(f), inner_right(f), 21);
      Bytes plain = with_trailer(inner, {1, 2, 3}, 3, f == Family::v4 ? 4 : 41);
      MutableBytes buf(plain);
      Family family{};
      REQUIRE(esp_decap(buf, family).passed());
      CHECK(family == f);
      CHECK(to_bytes(buf) == inner);
    }
  }
  TEST_CASE("[RFC4303 2.4] D1: pad length past the payload and wrong padding octets") {
    const Bytes inner = udp_packet(inner_left(Family::v4), inner_right(Family::v4), 20);
    CHECK(decap(with_trailer(inner, {}, 255, 4)) == Verdict(Drop::bad_padding));
    CHECK(decap(with_trailer(inner, {1, 2, 4}, 3, 4)) == Verdict(Drop::bad_padding));
    CHECK(decap(with_trailer(inner, {0, 0}, 2, 4)) == Verdict(Drop::bad_padding));
    CHECK(decap(with_trailer(inner, {1, 2}, 2, 4)).passed());
    CHECK(decap({4}) == Verdict(Drop::runt));
  }
  TEST_CASE("[RFC4303 2.6] D1: next header 59 is a dummy, anything but IP is refused in tunnel mode") {
    const Bytes inner = udp_packet(inner_left(Family::v4), inner_right(Family::v4), 20);
    CHECK(decap(with_trailer({9, 9}, {}, 0, 59)) == Verdict(Drop::dummy_packet));
    CHECK(decap(with_trailer({}, {}, 0, 59)) == Verdict(Drop::dummy_packet));
    CHECK(decap(with_trailer(inner, {}, 0, 17)) == Verdict(Drop::not_ip));
    CHECK(decap(with_trailer(udp_packet(inner_left(Family::v4), inner_right(Family::v4), 4), {}, 0, 41)) ==
          Verdict(Drop::malformed_inner));
    CHECK(decap(with_trailer(udp_packet(inner_left(Family::v4), inner_right(Family::v4), 40), {}, 0, 41)) ==
          Verdict(Drop::not_ip));
  }
  TEST_CASE("D1: empty payload, and inner lengths that do not fit") {
    Bytes inner = udp_packet(inner_left(Family::v4), inner_right(Family::v4), 20);
    CHECK(decap(with_trailer({}, {}, 0, 4)) == Verdict(Drop::malformed_inner));
    store_be16(inner.data() + 2, 19);
    CHECK(decap(with_trailer(inner, {}, 0, 4)) == Verdict(Drop::malformed_inner));
    store_be16(inner.data() + 2, 1000);
    CHECK(decap(with_trailer(inner, {}, 0, 4)) == Verdict(Drop::malformed_inner));
  }
  TEST_CASE("[RFC4303 2.7] TFC padding behind the inner packet is cut off") {
    const Bytes inner = udp_packet(inner_left(Family::v4), inner_right(Family::v4), 20);
    Bytes padded = inner;
    padded.resize(inner.size() + 500, 0xEE);
    Bytes plain = with_trailer(padded, {1, 2}, 2, 4);
    MutableBytes buf(plain);
    Family family{};
    REQUIRE(esp_decap(buf, family).passed());
    CHECK(to_bytes(buf) == inner);
  }
}
