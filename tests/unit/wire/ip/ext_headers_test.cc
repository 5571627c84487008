#include "wire/ip/ext_headers.h"

#include <doctest/doctest.h>

#include "base/packet_buf.h"
#include "wire/ip/build.h"
#include "wire/ip/checksum.h"
#include "wire/ip/fragment_cutter.h"

using namespace sallyport;
using namespace sallyport::wire::ip;

namespace {

IpAddr six(uint8_t last) {
  Bytes octets(16, 0);
  octets[0] = 0xFD;
  octets[15] = last;
  return IpAddr::v6(octets);
}

// An IPv6 packet with one unit of each of these extension headers, then UDP.
Bytes chain(std::initializer_list<uint8_t> headers) {
  Bytes payload;
  for (auto it = headers.begin(); it != headers.end(); ++it) {
    const uint8_t next = it + 1 == headers.end() ? 17 : *(it + 1);
    append(payload, *from_hex("0000010400000000"));
    payload[payload.size() - 8] = next;
    if (*it == 43) payload[payload.size() - 6] = payload[payload.size() - 5] = 0;
    if (*it == 44) store_be16(&payload[payload.size() - 6], 0);
  }
  append(payload, *from_hex("0fa01388000a0000abcd"));
  return ip_packet(six(1), six(2), headers.size() == 0 ? 17 : *headers.begin(), payload);
}

HeaderPlace place(std::initializer_list<uint8_t> headers) {
  const auto found = transport_place(chain(headers));
  REQUIRE(found);
  return *found;
}

}  // namespace

TEST_SUITE("wire/ip/ext_headers") {
  TEST_CASE(
      "[RFC4303 3.1.1] behind hop-by-hop, routing and fragment; before destination options that nobody else reads") {
    CHECK(place({}) == HeaderPlace{40, 6, 17});
    CHECK(place({0}) == HeaderPlace{48, 40, 17});
    CHECK(place({60}) == HeaderPlace{40, 6, 60});
    CHECK(place({0, 60}) == HeaderPlace{48, 40, 60});
    CHECK(place({0, 60, 43}) == HeaderPlace{64, 56, 17});
    CHECK(place({0, 60, 43, 60}) == HeaderPlace{64, 56, 60});
    CHECK(place({44, 60}) == HeaderPlace{48, 40, 60});
  }
  TEST_CASE("IPv4: behind the options") {
    Bytes packet = ip_packet(IpAddr::v4(1), IpAddr::v4(2), 6, Bytes(8, 0));
    CHECK(*transport_place(packet) == HeaderPlace{20, 9, 6});
    packet[0] = 0x46;
    CHECK(*transport_place(packet) == HeaderPlace{24, 9, 6});
    packet[0] = 0x4F;
    CHECK_FALSE(transport_place(packet));
    packet[0] = 0x44;
    CHECK_FALSE(transport_place(packet));
  }
  TEST_CASE("P11: seventeen headers are too many; truncations are refused") {
    CHECK_FALSE(transport_place(chain({0, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60, 60})));
    const Bytes packet = chain({0, 43});
    for (size_t n = 0; n < 56; ++n) CHECK_FALSE(transport_place(ByteView(packet).first(n)));
    CHECK(find_header(packet, 17)->at == 56);
    CHECK(find_header(packet, 50).error().code == Errc::not_found);
    CHECK_FALSE(fragment_header(packet));
    CHECK(fragment_header(chain({0, 44}))->at == 48);
  }
  TEST_CASE("[RFC791 3.2] cutting: offsets, flags, checksums, and options without the copied flag in the first alone") {
    Bytes packet = *from_hex(
        "4800000000010000401100000a0000010a000002"
        "94040000"
        "07070400000000"
        "01");
    packet.resize(32 + 100, 0x5A);
    store_be16(&packet[2], static_cast<uint16_t>(packet.size()));
    FragmentCutter cutter(packet, 72, 0);
    PacketBuf piece;
    size_t got = 0;
    size_t pieces = 0;
    while (cutter.next(piece)) {
      const ByteView p = piece.view();
      CHECK(p.size() <= 72);
      CHECK(load_be16(&p[2]) == p.size());
      CHECK(checksum(p.first(32)) == 0);
      CHECK((load_be16(&p[6]) & 0x1FFF) * 8u == got);
      CHECK(to_hex(p.subspan(20, 4)) == "94040000");
      CHECK(to_hex(p.subspan(24, 7)) == (pieces == 0 ? "07070400000000" : "01010101010101"));
      got += p.size() - 32;
      CHECK(((load_be16(&p[6]) & 0x2000) != 0) == (got < 100));
      ++pieces;
    }
    CHECK(got == 100);
    CHECK(pieces == 3);
    FragmentCutter none(packet, 39, 0);
    CHECK_FALSE(none.next(piece));
  }
}
