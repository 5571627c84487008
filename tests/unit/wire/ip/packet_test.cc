#include <doctest/doctest.h>

#include "wire/ip/build.h"
#include "wire/ip/checksum.h"
#include "wire/ip/packet_view.h"

using namespace sallyport;
using namespace sallyport::wire::ip;

static IpAddr addr(const char* text) { return *IpAddr::parse(text); }

// An IPv6 packet whose extension headers are given, each without its next header octet filled in.
static Bytes with_extensions(std::initializer_list<std::pair<uint8_t, Bytes>> headers, uint8_t last,
                             const Bytes& transport) {
  Bytes payload;
  uint8_t first = last;
  std::vector<std::pair<uint8_t, Bytes>> list(headers);
  for (size_t i = 0; i < list.size(); ++i) {
    if (i == 0) first = list[0].first;
    Bytes header = list[i].second;
    header[0] = i + 1 < list.size() ? list[i + 1].first : last;
    append(payload, header);
  }
  append(payload, transport);
  return ip_packet(addr("2001:db8::1"), addr("2001:db8::2"), first, payload);
}

TEST_SUITE("wire/ip/packet_view") {
  TEST_CASE("[RFC1071] a known sum, odd lengths included") {
    CHECK(checksum(*from_hex("0001f203f4f5f6f7")) == 0x220d);
    CHECK(checksum(Bytes{0x01}) == 0xFEFF);
  }
  TEST_CASE("ports and ICMP types become the flow") {
    const Bytes udp = udp_packet({addr("10.0.0.1"), 53}, {addr("10.0.0.2"), 4242}, Bytes{1, 2, 3});
    const auto view = PacketView::decode(udp);
    REQUIRE(view);
    CHECK(view->flow == model::FlowKey{addr("10.0.0.1"), addr("10.0.0.2"), 17, 53, 4242, true});
    const Bytes echo = icmp_echo_packet(addr("::1"), addr("::2"), {false, 1, 2, {}});
    CHECK(PacketView::decode(echo)->flow.source_port == 128 << 8);
  }
  TEST_CASE("[D5] IPv6 extension headers are walked to the transport header") {
    const Bytes options = {0, 0, 1, 4, 0, 0, 0, 0};
    const Bytes transport = {0, 80, 1, 0, 0, 0, 0, 0};
    const Bytes packet = with_extensions({{0, options}, {60, options}, {43, options}}, kTcp, transport);
    const auto view = PacketView::decode(packet);
    REQUIRE(view);
    CHECK(view->flow.protocol == kTcp);
    CHECK(view->flow.source_port == 80);
    CHECK(view->header_octets == 40 + 24);
  }
  TEST_CASE("[D5] a later fragment has no ports, a first one has") {
    const Bytes later = {0, 0, 0, 9, 0, 0, 0, 1};
    const Bytes first = {0, 0, 0, 1, 0, 0, 0, 1};
    const Bytes transport = {0, 80, 1, 0, 0, 0, 0, 0};
    const auto a = PacketView::decode(with_extensions({{44, later}}, kTcp, transport));
    const auto b = PacketView::decode(with_extensions({{44, first}}, kTcp, transport));
    REQUIRE(a);
    REQUIRE(b);
    CHECK(a->later_fragment);
    CHECK_FALSE(a->flow.ports_known);
    CHECK(b->fragment);
    CHECK(b->flow.ports_known);
  }
  TEST_CASE("[RFC4301 4.4.1.1] AH and the mobility header end the walk; the mobility type stands for the port") {
    const Bytes options = {0, 0, 1, 4, 0, 0, 0, 0};
    const auto ah = PacketView::decode(with_extensions({{0, options}}, 51, Bytes(24, 0)));
    REQUIRE(ah);
    CHECK(ah->flow.protocol == 51);
    CHECK_FALSE(ah->flow.ports_known);
    const auto mobility = PacketView::decode(with_extensions({{60, options}}, kMobility, {59, 0, 5, 0, 0, 0, 0, 0}));
    REQUIRE(mobility);
    CHECK(mobility->flow.protocol == kMobility);
    CHECK(mobility->flow.source_port == 5 << 8);
    CHECK(mobility->flow.ports_known);
    CHECK_FALSE(PacketView::decode(with_extensions({{60, options}}, kMobility, {59, 0})));
  }
  TEST_CASE("[P11] a chain of extension headers without end is refused") {
    Bytes payload;
    for (int i = 0; i < 100; ++i) append(payload, Bytes{60, 0, 1, 4, 0, 0, 0, 0});
    CHECK(PacketView::decode(ip_packet(addr("::1"), addr("::2"), 60, payload)).error().code == Errc::too_many);
  }
  TEST_CASE("every truncation is refused, no bit flip does harm") {
    const Bytes options = {0, 0, 1, 4, 0, 0, 0, 0};
    const Bytes packets[] = {udp_packet({addr("10.0.0.1"), 53}, {addr("10.0.0.2"), 4242}, Bytes{1, 2, 3}),
                             with_extensions({{0, options}, {44, options}}, kUdp, Bytes(8, 0))};
    for (const Bytes& packet : packets) {
      for (size_t n = 0; n < packet.size(); ++n) CHECK_FALSE(PacketView::decode(ByteView(packet).first(n)));
      for (size_t bit = 0; bit < packet.size() * 8; ++bit) {
        Bytes copy = packet;
        copy[bit / 8] = static_cast<uint8_t>(copy[bit / 8] ^ (1 << (bit % 8)));
        const auto view = PacketView::decode(copy);
        if (view) CHECK(view->header_octets <= copy.size());
      }
    }
  }
}

TEST_SUITE("wire/ip/build") {
  TEST_CASE("[RFC792] [RFC4443] echo packets read back, a broken checksum does not") {
    for (const auto& [from, to] : {std::pair{"10.0.0.1", "10.0.0.2"}, {"2001:db8::1", "2001:db8::2"}}) {
      const Bytes data = {1, 2, 3};
      Bytes packet = icmp_echo_packet(addr(from), addr(to), {true, 7, 9, data});
      const auto view = PacketView::decode(packet);
      REQUIRE(view);
      const auto echo = parse_icmp_echo(addr(from), addr(to), ByteView(packet).subspan(view->header_octets));
      REQUIRE(echo);
      CHECK(echo->reply);
      CHECK(echo->sequence == 9);
      CHECK(equal(echo->payload, data));
      packet.back() ^= 1;
      CHECK_FALSE(parse_icmp_echo(addr(from), addr(to), ByteView(packet).subspan(view->header_octets)));
    }
  }
  TEST_CASE("[RFC768] UDP reads back; IPv6 without checksum does not") {
    Bytes packet = udp_packet({addr("::1"), 7}, {addr("::2"), 8}, Bytes{5});
    CHECK(parse_udp(addr("::1"), addr("::2"), ByteView(packet).subspan(40))->payload[0] == 5);
    packet[46] = packet[47] = 0;
    CHECK_FALSE(parse_udp(addr("::1"), addr("::2"), ByteView(packet).subspan(40)));
  }
}
