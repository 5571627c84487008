#include "ipsec/pmtu.h"

#include <doctest/doctest.h>

#include "support/esp_pair.h"
#include "wire/ip/packet_view.h"

using namespace sallyport;
using namespace sallyport::ipsec;
using namespace sallyport::support;

TEST_SUITE("ipsec/pmtu") {
  TEST_CASE("[RFC4301 8.2] inner_mtu is the largest that fits: one octet more does not") {
    for (auto encr : {model::EncrId::AES_GCM_16, model::EncrId::AES_CBC}) {
      for (bool udp : {false, true}) {
        EspChoice choice{encr, 128,
                         encr == model::EncrId::AES_CBC ? model::IntegId::HMAC_SHA2_256_128 : model::IntegId::NONE};
        choice.udp = udp;
        EspPair pair(choice);
        for (uint16_t path = 600; path < 1600; ++path) {
          const SaOutbound& sa = pair.left_sa();
          const uint16_t most = inner_mtu(sa, path);
          REQUIRE(outer_octets(sa) + esp_octets(sa, most) <= path);
          REQUIRE(outer_octets(sa) + esp_octets(sa, most + 1u) > path);
        }
        CHECK(inner_mtu(pair.left_sa(), 40) == 0);
      }
    }
  }
  TEST_CASE("[RFC1191 4][RFC4443 3.2] too_big: the sender is told the MTU, and the answer quotes the packet") {
    for (Family f : {Family::v4, Family::v6}) {
      EspPair pair{EspChoice{.inner = f}};
      const Bytes inner = pair.sample(1480);
      CHECK(pair.seal(inner).empty());
      CHECK(pair.left.drops[Drop::too_big] == 1);
      REQUIRE(pair.out.packets().size() == 1);
      CHECK(pair.out.packets()[0].way == Way::inner);
      const ByteView answer = pair.out.packets()[0].packet.view();
      const auto view = wire::ip::PacketView::decode(answer);
      REQUIRE(view);
      CHECK(view->flow.destination == inner_left(f));
      const ByteView icmp = answer.subspan(view->header_octets);
      const uint16_t mtu = pair.left_sa().inner_mtu;
      if (f == Family::v4) {
        CHECK(load_be16(icmp.data()) == 0x0304);
        CHECK(load_be16(icmp.data() + 6) == mtu);
        CHECK(wire::ip::checksum(icmp) == 0);
        CHECK(wire::ip::checksum(answer.first(20)) == 0);
      } else {
        CHECK(load_be16(icmp.data()) == 0x0200);
        CHECK(load_be32(icmp.data() + 4) == mtu);
        CHECK(wire::ip::transport_checksum(view->flow.source, view->flow.destination, 58, icmp) == 0);
        CHECK(answer.size() <= 1280);
      }
      CHECK(equal(icmp.subspan(8), ByteView(inner).first(icmp.size() - 8)));
      // What fits is not answered.
      CHECK_FALSE(pair.seal(pair.sample(mtu - (f == Family::v4 ? 28 : 48))).empty());
    }
  }
  TEST_CASE("[RFC1122 3.2.2][RFC4443 2.4] no answer to ICMP errors, later fragments, multicast or nobody") {
    PacketBuf out;
    const IpAddr a = address("10.1.0.1"), b = address("10.2.0.1");
    const auto icmp = [&](uint8_t type) { return ip_packet(a, b, 1, Bytes{type, 0, 0, 0, 0, 0, 0, 0}); };
    CHECK(write_too_big(icmp(8), 1000, out));
    CHECK_FALSE(write_too_big(icmp(3), 1000, out));
    CHECK_FALSE(write_too_big(icmp(11), 1000, out));
    CHECK_FALSE(write_too_big(udp_packet(a, address("224.0.0.1"), 8), 1000, out));
    CHECK_FALSE(write_too_big(udp_packet(address("0.0.0.0"), b, 8), 1000, out));
    Bytes later = udp_packet(a, b, 8);
    later[7] = 5;
    CHECK_FALSE(write_too_big(later, 1000, out));
    const IpAddr a6 = address("fd01::1"), b6 = address("fd02::1");
    CHECK(write_too_big(ip_packet(a6, b6, 58, Bytes{128, 0, 0, 0}), 1280, out));
    CHECK_FALSE(write_too_big(ip_packet(a6, b6, 58, Bytes{1, 0, 0, 0}), 1280, out));
    CHECK_FALSE(write_too_big(udp_packet(a6, address("ff02::1"), 8), 1280, out));
    CHECK_FALSE(write_too_big(Bytes{0x45}, 1280, out));
    CHECK_FALSE(write_too_big(Bytes(20, 0x60), 1280, out));
  }
  TEST_CASE("[RFC4443 2.4] answers are limited to a hundred a second") {
    TooBigLimit limit;
    int answered = 0;
    for (int i = 0; i < 1000; ++i) answered += limit.take(kStart) ? 1 : 0;
    CHECK(answered == 100);
    CHECK(limit.take(kStart + seconds(1)));
  }
  TEST_CASE("[RFC4301 8.2] an IPv4 packet without DF is fragmented before encryption, and its pieces make the whole") {
    EspPair pair{EspChoice{}};
    Bytes inner = pair.sample(4000);
    inner[6] = 0;
    pair.seal(inner);
    const size_t pieces = pair.out.packets().size();
    CHECK(pieces == 3);
    std::vector<Bytes> sent;
    for (const Outgoing& o : pair.out.packets()) {
      CHECK(o.packet.size() <= 1500);
      sent.push_back(to_bytes(o.packet.view().subspan(o.outer_octets)));
    }
    Bytes payload;
    for (size_t i = 0; i < sent.size(); ++i) {
      const Bytes got = pair.open(sent[i]);
      REQUIRE_FALSE(got.empty());
      CHECK(wire::ip::checksum(ByteView(got).first(20)) == 0);
      const uint16_t where = load_be16(got.data() + 6);
      CHECK((where & 0x1FFFu) * 8 == payload.size());
      CHECK(((where & 0x2000) != 0) == (i + 1 < sent.size()));
      append(payload, ByteView(got).subspan(20));
    }
    CHECK(equal(payload, ByteView(inner).subspan(20)));
  }
}
