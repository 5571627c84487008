#include "wire/esp_ah/ah.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace sallyport;
using namespace sallyport::wire;

namespace {

Bytes hex(std::string_view text) { return *from_hex(text); }

Bytes muted(Bytes headers) {
  REQUIRE(mute_headers(headers));
  return headers;
}

}  // namespace

TEST_SUITE("wire/esp_ah/ah") {
  TEST_CASE("[RFC4302 2.2] lengths: 12 octets of ICV make 24, alignment is 4 or 8") {
    CHECK(ah_octets(12, Family::v4) == 24);
    CHECK(ah_octets(12, Family::v6) == 24);
    CHECK(ah_octets(16, Family::v4) == 28);
    CHECK(ah_octets(16, Family::v6) == 32);
    CHECK(ah_octets(24, Family::v6) == 40);
    CHECK(ah_octets(32, Family::v4) == 44);
    CHECK(ah_octets(32, Family::v6) == 48);
  }
  TEST_CASE("[RFC4302 2] what is written is parsed; every truncation and a length below the fixed part are refused") {
    Bytes header(28, 0xAA);
    write_ah(header, 6, 0x01020304, 7);
    CHECK(to_hex(ByteView(header).first(12)) == "060500000102030400000007");
    CHECK(std::all_of(header.begin() + 12, header.end(), [](uint8_t octet) { return octet == 0; }));
    header[27] = 9;
    const auto parsed = parse_ah(header);
    REQUIRE(parsed);
    CHECK(parsed->next_header == 6);
    CHECK(parsed->spi == 0x01020304);
    CHECK(parsed->sequence == 7);
    CHECK(parsed->octets == 28);
    CHECK(parsed->icv.size() == 16);
    CHECK(parsed->icv[15] == 9);
    for (size_t n = 0; n < header.size(); ++n) CHECK_FALSE(parse_ah(ByteView(header).first(n)));
    header[1] = 0;
    CHECK(parse_ah(header).error().code == Errc::bad_length);
  }
  TEST_CASE("[RFC4302 3.3.3.1.1] IPv4: TOS, flags, offset, TTL and checksum become zero") {
    CHECK(to_hex(muted(hex("45b9003412344000403306fac0000201c0000202"))) == "450000341234000000330000c0000201c0000202");
  }
  TEST_CASE("[RFC4302 A1] IPv4 options: router alert and security stay, record route and unknown ones are zeroed") {
    const auto options = [](std::string_view text) {
      Bytes header =
          hex("45000034123400000033"
              "0000c0000201c0000202");
      append(header, hex(text));
      header[0] = static_cast<uint8_t>(0x40 | header.size() / 4);
      return to_hex(ByteView(muted(header)).subspan(20));
    };
    CHECK(options("9404000001010000") == "9404000001010000");
    CHECK(options("820c0102030405060708090a") == "820c0102030405060708090a");
    CHECK(options("0707040a00000100") == "0000000000000000");
    CHECK(options("5e04010200000000") == "0000000000000000");
    CHECK(options("44080500aabbccdd") == "0000000000000000");
    CHECK(options("01019404000000ff") == "01019404000000ff");
    Bytes bad =
        hex("46000034123400000033"
            "0000c0000201c0000202"
            "94090000");
    CHECK(mute_headers(bad).error().code == Errc::bad_length);
    bad[21] = 1;
    CHECK(mute_headers(bad).error().code == Errc::bad_length);
  }
  TEST_CASE("[RFC4302 3.3.3.1.1] a source route still to be followed: the destination is its last address") {
    const auto destination = [](std::string_view option) {
      Bytes header =
          hex("48000034123400000033"
              "0000c0000201c0000202");
      append(header, hex(option));
      return to_hex(ByteView(muted(header)).subspan(16, 4));
    };
    CHECK(destination("830b040a0000010a00000200") == "0a000002");
    CHECK(destination("890b080a0000010a00000200") == "0a000002");
    CHECK(destination("830b0c0a0000010a00000200") == "c0000202");
  }
  TEST_CASE("[RFC4302 3.3.3.1.2] IPv6: class, flow label and hop limit become zero; options by their third bit") {
    Bytes header = hex("6abcdef0002000ff");
    header[6] = 0;
    append(header, hex("20010db8000000000000000000000001"
                       "20010db8000000000000000000000002"));
    append(header, hex("3c00"
                       "3e02aabb"
                       "0000"));
    append(header, hex("3300"
                       "1e02aabb"
                       "0100"));
    const Bytes out = muted(header);
    CHECK(to_hex(ByteView(out).first(8)) == "6000000000200000");
    CHECK(to_hex(ByteView(out).subspan(40)) ==
          "3c003e0200000000"
          "33001e02aabb0100");
    for (size_t n = 1; n < header.size(); ++n) {
      if (n == 40 || n == 48) continue;
      Bytes cut(header.begin(), header.begin() + static_cast<std::ptrdiff_t>(n));
      CHECK_FALSE(mute_headers(cut));
    }
    Bytes lying = header;
    lying[43] = 3 + 2;
    CHECK_FALSE(mute_headers(lying));
  }
  TEST_CASE("[RFC4302 A2] a routing header is taken as it arrives: addresses have moved on, none is left") {
    Bytes sent =
        hex("600000000000"
            "2b40"
            "20010db8000000000000000000000001"
            "20010db800000000000000000000000a");
    Bytes arrived = sent;
    append(sent, hex("3304000200000000"
                     "20010db800000000000000000000000b"
                     "20010db800000000000000000000000c"));
    append(arrived, hex("3304000000000000"
                        "20010db800000000000000000000000a"
                        "20010db800000000000000000000000b"));
    arrived[39] = 0x0C;
    CHECK(muted(sent) == muted(arrived));
    sent[42] = 4;
    CHECK(mute_headers(sent).error().code == Errc::unsupported);
  }
}
