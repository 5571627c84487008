// Ports rewritten, and every checksum that counts them.
#include "wire/ip/ports.h"

#include <doctest/doctest.h>

#include "support/esp_pair.h"
#include "wire/ip/build.h"

using namespace sallyport;
using namespace sallyport::wire::ip;
using support::address;

namespace {

struct Packet {
  explicit Packet(Bytes octets) : bytes(std::move(octets)), view(*PacketView::decode(bytes)) {}
  ByteView transport() const { return ByteView(bytes).subspan(view.header_octets); }
  bool checksum_holds() const {
    return transport_checksum(view.flow.source, view.flow.destination, view.flow.protocol, transport()) == 0;
  }
  Bytes bytes;
  PacketView view;
};

struct Ends {
  IpAddr here, there, other;
};
const Ends kEnds[] = {{address("203.0.113.2"), address("203.0.113.1"), address("192.168.7.12")},
                      {address("2001:db8::2"), address("2001:db8::1"), address("fd00::12")}};

Bytes udp(const IpAddr& from, const IpAddr& to, uint16_t from_port, uint16_t to_port, size_t octets = 20) {
  return support::udp_packet(from, to, octets, from_port, to_port);
}

Bytes tcp_reset(const IpAddr& from, const IpAddr& to, uint16_t from_port, uint16_t to_port) {
  return tcp_reset_packet({from, from_port}, {to, to_port}, 1234);
}

// Of "port unreachable", with the first `quoted` octets of the packet.
Bytes unreachable(const IpAddr& from, const IpAddr& to, ByteView packet, size_t quoted) {
  const bool v4 = from.is_v4();
  Bytes message{static_cast<uint8_t>(v4 ? 3 : 1), static_cast<uint8_t>(v4 ? 3 : 4), 0, 0, 0, 0, 0, 0};
  append(message, packet.first(std::min(quoted, packet.size())));
  store_be16(&message[2], v4 ? checksum(message) : transport_checksum(from, to, kIcmpv6, message));
  return ip_packet(from, to, v4 ? kIcmp : kIcmpv6, message);
}

bool error_holds(const Packet& error) {
  return error.view.family == Family::v4 ? checksum(error.transport()) == 0 : error.checksum_holds();
}

}  // namespace

TEST_SUITE("wire/ip/ports") {
  TEST_CASE("[RFC1624 3] either port of TCP and UDP is rewritten, and the checksum stays right") {
    for (const Ends& ends : kEnds) {
      for (const bool tcp : {false, true}) {
        for (uint32_t port = 0; port < 65536; port += 257) {
          Packet packet{tcp ? tcp_reset(ends.there, ends.here, 1701, 80) : udp(ends.there, ends.here, 1701, 80)};
          REQUIRE(has_ports(packet.bytes, packet.view));
          set_port(packet.bytes, packet.view, End::source, static_cast<uint16_t>(port));
          CHECK(packet.checksum_holds());
          set_port(packet.bytes, packet.view, End::destination, static_cast<uint16_t>(port ^ 0x5555u));
          CHECK(packet.checksum_holds());
          CHECK(packet.view.flow == PacketView::decode(packet.bytes)->flow);
          CHECK(packet.view.flow.source_port == port);
          CHECK((tcp || load_be16(&packet.transport()[6]) != 0));
        }
      }
    }
  }

  TEST_CASE("[RFC768] no UDP checksum stays none, and one that comes out as zero is written as ones") {
    Packet none{udp(kEnds[0].there, kEnds[0].here, 1701, 1701)};
    store_be16(&none.bytes[26], 0);
    set_port(none.bytes, none.view, End::source, 40000);
    CHECK(load_be16(&none.bytes[26]) == 0);
    // To the port that makes the sum all ones.
    Packet packet{udp(kEnds[0].there, kEnds[0].here, 1701, 1701)};
    const uint32_t sum = load_be16(&packet.bytes[26]) + 1701u;
    const auto port = static_cast<uint16_t>((sum & 0xffff) + (sum >> 16));
    set_port(packet.bytes, packet.view, End::source, port);
    CHECK(load_be16(&packet.bytes[26]) == 0xffff);
    CHECK(packet.checksum_holds());
  }

  TEST_CASE("a checksum that a device is to finish counts no ports yet; damage done before still shows") {
    Packet begun{udp(kEnds[0].there, kEnds[0].here, 1701, 1701)};
    store_be16(&begun.bytes[26], pseudo_header_sum(kEnds[0].there, kEnds[0].here, kUdp, begun.transport().size()));
    const uint16_t before = load_be16(&begun.bytes[26]);
    set_port(begun.bytes, begun.view, End::source, 40000, true);
    CHECK(load_be16(&begun.bytes[26]) == before);
    Packet damaged{udp(kEnds[0].there, kEnds[0].here, 1701, 1701)};
    damaged.bytes.back() ^= 1;
    set_port(damaged.bytes, damaged.view, End::source, 40000);
    CHECK_FALSE(damaged.checksum_holds());
  }

  TEST_CASE("fragments, other protocols and what ends before its checksum have no ports to rewrite") {
    Packet packet{udp(kEnds[0].there, kEnds[0].here, 1701, 1701)};
    packet.view.fragment = true;
    CHECK_FALSE(has_ports(packet.bytes, packet.view));
    const Packet sctp{ip_packet(kEnds[0].there, kEnds[0].here, kSctp, Bytes(20))};
    CHECK_FALSE(has_ports(sctp.bytes, sctp.view));
    const Packet cut{ip_packet(kEnds[0].there, kEnds[0].here, kTcp, Bytes(17))};
    CHECK_FALSE(has_ports(cut.bytes, cut.view));
    CHECK_FALSE(quoted_packet(cut.bytes, cut.view));
  }

  TEST_CASE("[RFC5508 3] the identifier of an ICMP query is rewritten, and its checksum holds") {
    for (const Ends& ends : kEnds) {
      Packet packet{icmp_echo_packet(ends.there, ends.here, {false, 77, 1, {}})};
      CHECK(icmp_kind(packet.view) == IcmpKind::request);
      REQUIRE(echo_identifier(packet.bytes, packet.view) == 77);
      set_echo_identifier(packet.bytes, packet.view, 4711);
      const auto echo = parse_icmp_echo(ends.there, ends.here, packet.transport());
      REQUIRE(echo);
      CHECK(echo->identifier == 4711);
    }
    const Packet cut{ip_packet(kEnds[0].there, kEnds[0].here, kIcmp, Bytes{8, 0, 0, 0})};
    CHECK_FALSE(echo_identifier(cut.bytes, cut.view));
  }

  TEST_CASE("[RFC792] [RFC4443 2.4] an error's quotation gets other addresses and ports, and every checksum holds") {
    for (const Ends& ends : kEnds) {
      for (const bool tcp : {false, true}) {
        const Bytes whole = tcp ? tcp_reset(ends.here, ends.other, 80, 1701) : udp(ends.here, ends.other, 80, 1701);
        Packet error{unreachable(ends.there, ends.here, whole, whole.size())};
        const auto quoted = quoted_packet(error.bytes, error.view);
        REQUIRE(quoted);
        CHECK(quoted->flow == PacketView::decode(whole)->flow);
        model::FlowKey flow = quoted->flow;
        flow.destination = ends.there;
        flow.destination_port = 40000;
        set_quoted(error.bytes, error.view, *quoted, flow);
        CHECK(error_holds(error));
        const Packet inside{to_bytes(ByteView(error.bytes).subspan(quoted->header_at))};
        CHECK(inside.view.flow == flow);
        CHECK(inside.checksum_holds());
        if (ends.here.is_v4()) CHECK(checksum(ByteView(inside.bytes).first(20)) == 0);
      }
    }
  }

  TEST_CASE("[RFC792] eight octets of a packet are enough, and none of what was cut off is written") {
    const Bytes whole = tcp_reset(kEnds[0].here, kEnds[0].other, 80, 1701);
    for (size_t quoted = 0; quoted < whole.size(); ++quoted) {
      Packet error{unreachable(kEnds[0].there, kEnds[0].here, whole, quoted)};
      const size_t octets = error.bytes.size();
      const auto found = quoted_packet(error.bytes, error.view);
      CHECK(found.has_value() == (quoted >= 20));
      if (!found) continue;
      CHECK(found->flow.ports_known == (quoted >= 24));
      model::FlowKey flow = found->flow;
      flow.destination = kEnds[0].there;
      flow.destination_port = 9;
      set_quoted(error.bytes, error.view, *found, flow);
      CHECK(error.bytes.size() == octets);
      CHECK(error_holds(error));
    }
  }

  TEST_CASE("[RFC792] what is quoted of an echo, a later fragment, another version, extension headers") {
    const Ends& v4 = kEnds[0];
    const Bytes reply = icmp_echo_packet(v4.here, v4.there, {true, 77, 1, {}});
    Packet error{unreachable(v4.there, v4.here, reply, 28)};
    const auto quoted = quoted_packet(error.bytes, error.view);
    REQUIRE(quoted);
    CHECK(quoted->icmp_reply);
    model::FlowKey flow = quoted->flow;
    CHECK(flow.destination_port == 77);
    flow.destination_port = 78;
    set_quoted(error.bytes, error.view, *quoted, flow);
    CHECK(error_holds(error));
    CHECK(parse_icmp_echo(v4.here, v4.there, ByteView(error.bytes).subspan(quoted->transport_at))->identifier == 78);
    Bytes later = udp(v4.here, v4.there, 80, 1701);
    later[7] = 1;
    const Packet about_later{unreachable(v4.there, v4.here, later, 28)};
    REQUIRE(quoted_packet(about_later.bytes, about_later.view));
    CHECK_FALSE(quoted_packet(about_later.bytes, about_later.view)->flow.ports_known);
    Bytes six = udp(v4.here, v4.there, 80, 1701);
    six[0] = 0x60;
    const Packet about_six{unreachable(v4.there, v4.here, six, 48)};
    CHECK_FALSE(quoted_packet(about_six.bytes, about_six.view));
    const Bytes extended = ip_packet(kEnds[1].here, kEnds[1].there, 60, Bytes{17, 0, 1, 4, 0, 0, 0, 0});
    const Packet about_extended{unreachable(kEnds[1].there, kEnds[1].here, extended, 48)};
    CHECK_FALSE(quoted_packet(about_extended.bytes, about_extended.view));
  }
}
