// What this host's TCP gets when a connection's protection is not what it began with.
#include "ipsec/tcp_reset.h"

#include <doctest/doctest.h>

#include "wire/ip/build.h"
#include "wire/ip/checksum.h"

TEST_SUITE_BEGIN("unit/tcp_reset");

namespace sallyport::ipsec {
namespace {

namespace ip = wire::ip;

const IpEndpoint kUs[] = {{*IpAddr::parse("192.0.2.1"), 4000}, {*IpAddr::parse("2001:db8::1"), 4000}};
const IpEndpoint kPeer[] = {{*IpAddr::parse("192.0.2.2"), 80}, {*IpAddr::parse("2001:db8::2"), 80}};

Bytes segment(const IpEndpoint& from, const IpEndpoint& to, uint32_t sequence, uint32_t acknowledgment, uint8_t flags) {
  Writer out;
  out.u16(from.port);
  out.u16(to.port);
  out.u32(sequence);
  out.u32(acknowledgment);
  out.u8(5 << 4);
  out.u8(flags);
  out.u16(1000);
  out.u32(0);
  out.u8('x');
  return ip::ip_packet(from.addr, to.addr, ip::kTcp, out.view());
}

ip::PacketView decoded(ByteView packet) {
  const auto view = ip::PacketView::decode(packet);
  REQUIRE(view);
  return *view;
}

}  // namespace

TEST_CASE("[RFC9293 3.5.3] the sender of a segment gets a reset with the number that it has acknowledged") {
  for (const size_t i : {0, 1}) {
    const Bytes packet = segment(kUs[i], kPeer[i], 100, 7000, ip::kTcpAck);
    const auto reset = reset_for_sender(packet, decoded(packet));
    REQUIRE(reset);
    const ip::PacketView view = decoded(*reset);
    CHECK(view.flow.source == kPeer[i].addr);
    CHECK(view.flow.destination == kUs[i].addr);
    CHECK(view.flow.destination_port == 4000);
    CHECK(view.tcp_flags == ip::kTcpRst);
    const ByteView tcp = ByteView(*reset).subspan(view.header_octets);
    CHECK(load_be32(tcp.data() + 4) == 7000);
    CHECK(ip::transport_checksum(kPeer[i].addr, kUs[i].addr, ip::kTcp, tcp) == 0);
  }
}

TEST_CASE("[RFC9293 3.5.3] the receiver gets one in place of the segment, with its number") {
  for (const size_t i : {0, 1}) {
    const Bytes packet = segment(kPeer[i], kUs[i], 7000, 100, ip::kTcpAck);
    const auto reset = reset_in_place_of(packet, decoded(packet));
    REQUIRE(reset);
    const ip::PacketView view = decoded(*reset);
    CHECK(view.flow == decoded(packet).flow);
    CHECK(view.tcp_flags == ip::kTcpRst);
    CHECK(load_be32(reset->data() + view.header_octets + 4) == 7000);
  }
}

TEST_CASE("[RFC9293 3.10.7.1] nobody is told who breaks off himself, has nothing acknowledged, or speaks no TCP") {
  Bytes packet = segment(kUs[0], kPeer[0], 100, 0, ip::kTcpSyn);
  CHECK_FALSE(reset_for_sender(packet, decoded(packet)));
  CHECK(reset_in_place_of(packet, decoded(packet)));
  packet = segment(kUs[0], kPeer[0], 100, 7000, ip::kTcpRst | ip::kTcpAck);
  CHECK_FALSE(reset_for_sender(packet, decoded(packet)));
  CHECK_FALSE(reset_in_place_of(packet, decoded(packet)));
  packet = ip::udp_packet(kUs[0], kPeer[0], Bytes(30, 0));
  CHECK_FALSE(reset_for_sender(packet, decoded(packet)));
  CHECK_FALSE(reset_in_place_of(packet, decoded(packet)));
  packet = segment(kUs[0], kPeer[0], 100, 7000, ip::kTcpAck);
  const ip::PacketView view = decoded(packet);
  CHECK_FALSE(reset_for_sender(ByteView(packet).first(view.header_octets + 12), view));
}

}  // namespace sallyport::ipsec

TEST_SUITE_END();
