// Wireshark's tables.
#include <doctest/doctest.h>

#include "runtime/key_log.h"

using namespace sallyport;
using namespace sallyport::runtime;

TEST_SUITE("runtime/key_log") {
  TEST_CASE("an IKE SA with an AEAD has empty SK_a and NONE") {
    ike::KeyLog::Ike keys;
    keys.spi_i = 0x0102030405060708;
    keys.spi_r = 0x1;
    keys.encr = model::EncrId::AES_GCM_16;
    keys.key_bits = 256;
    keys.sk_ei = SecretBytes(Bytes{0xaa, 0xbb});
    keys.sk_er = SecretBytes(Bytes{0xcc});
    CHECK(*ike_key_line(keys) ==
          "0102030405060708,0000000000000001,aabb,cc,\"AES-GCM-256 with 16 octet ICV [RFC5282]\",,,\"NONE [RFC4306]\"");
  }

  TEST_CASE("an IKE SA with CBC and HMAC") {
    ike::KeyLog::Ike keys;
    keys.encr = model::EncrId::AES_CBC;
    keys.key_bits = 128;
    keys.integ = model::IntegId::HMAC_SHA2_256_128;
    keys.sk_ai = SecretBytes(Bytes{1});
    keys.sk_ar = SecretBytes(Bytes{2});
    CHECK(*ike_key_line(keys) ==
          "0000000000000000,0000000000000000,,,\"AES-CBC-128 [RFC3602]\",01,02,\"HMAC_SHA2_256_128 [RFC4868]\"");
  }

  TEST_CASE("one line for each direction of a Child SA") {
    ike::KeyLog::Child keys;
    keys.source = *IpAddr::parse("192.0.2.1");
    keys.destination = *IpAddr::parse("192.0.2.2");
    keys.spi = 0xc0ffee;
    keys.encr = model::EncrId::AES_CBC;
    keys.key_bits = 128;
    keys.integ = model::IntegId::HMAC_SHA2_256_128;
    keys.key = SecretBytes(Bytes{0x01});
    keys.integ_key = SecretBytes(Bytes{0x02});
    CHECK(*esp_key_line(keys) ==
          "\"IPv4\",\"*\",\"*\",\"0x00c0ffee\",\"AES-CBC [RFC3602]\",\"0x01\",\"HMAC-SHA-256-128 "
          "[RFC4868]\","
          "\"0x02\"");
  }

  TEST_CASE("an SA of AH has a line of its own kind") {
    ike::KeyLog::Child keys;
    keys.source = *IpAddr::parse("2001:db8::1");
    keys.protocol = model::Protocol::AH;
    keys.spi = 0x100;
    keys.integ = model::IntegId::AES_128_GMAC;
    keys.integ_key = SecretBytes(Bytes{0x02});
    CHECK(*esp_key_line(keys) == "\"IPv6\",\"*\",\"*\",\"0x00000100\",\"AH\",\"0x\",\"AES-GMAC [RFC4543]\",\"0x02\"");
  }

  TEST_CASE("an algorithm the tables cannot name gives no line") {
    ike::KeyLog::Ike keys;
    keys.encr = model::EncrId::CHACHA20_POLY1305;
    keys.key_bits = 256;
    CHECK_FALSE(ike_key_line(keys));
  }
}
