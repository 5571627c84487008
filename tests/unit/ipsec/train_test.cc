// Packets cut and joined on their way: what a device leaves to the data plane (TSO, USO) and what it may take (GRO).
#include <doctest/doctest.h>

#include "support/esp_pair.h"
#include "support/sa_pair.h"

using namespace sallyport;
using namespace sallyport::ipsec;
using namespace sallyport::support;

namespace {

constexpr size_t kSegment = 1300;

// A TCP packet with `octets` of payload as a host hands it down, its checksum only begun.
PacketBuf large_tcp(const IpAddr& source, const IpAddr& destination, size_t octets, uint16_t segment = kSegment) {
  const Family family = source.family();
  Writer w;
  w.u16(40000);
  w.u16(5201);
  w.u32(1000);
  w.u32(777);
  w.u16(0x5010);  // 20 octets of header, ACK
  w.u16(512);
  w.u32(0);
  for (size_t i = 0; i < octets; ++i) w.u8(static_cast<uint8_t>(i * 3 + i / 251));
  PacketBuf out = PacketBuf::copy_of(ip_packet(source, destination, 6, w.view()));
  const size_t ip = family == Family::v4 ? 20 : 40;
  store_be16(out.data() + ip + 16, wire::ip::pseudo_header_sum(source, destination, 6, out.size() - ip));
  out.offload.segments = family == Family::v4 ? Offload::Segments::tcp4 : Offload::Segments::tcp6;
  out.offload.segment_octets = segment;
  out.offload.checksum_wanted = true;
  out.offload.checksum_start = static_cast<uint16_t>(ip);
  out.offload.checksum_offset = 16;
  return out;
}
PacketBuf large_tcp(Family family, size_t octets, uint16_t segment = kSegment) {
  return large_tcp(inner_left(family), inner_right(family), octets, segment);
}

Incoming as_incoming(const Outgoing& out) {
  Incoming in;
  in.packet = out.packet.view();
  in.segment_octets = out.packet.offload.segment_octets;
  in.udp = true;
  return in;
}

Bytes payload_of(ByteView packet, Family family) {
  return to_bytes(packet.subspan((family == Family::v4 ? 20 : 40) + 20));
}

}  // namespace

TEST_SUITE("ipsec/trains") {
  TEST_CASE("no more datagrams are joined than every kernel takes as one packet, and none is lost") {
    EspPair pair{EspChoice{.udp = true}};
    std::vector<Bytes> sealed;
    for (int i = 0; i < 150; ++i) sealed.push_back(pair.seal(pair.sample(36)));
    std::vector<Incoming> in(sealed.size());
    for (size_t i = 0; i < sealed.size(); ++i) {
      in[i].packet = sealed[i];
      in[i].udp = true;
    }
    Outputs out(OutputShape{1, true});
    inbound(pair.right, pair.now, in, out);
    size_t datagrams = 0;
    for (const Outgoing& slot : out.packets()) {
      const size_t count = (slot.packet.size() - 28) / 36;
      CHECK(count <= 64);
      datagrams += count;
    }
    CHECK(out.packets().size() == 3);
    CHECK(datagrams == 150);
  }

  TEST_CASE("[RFC4303 3.3] a large TCP packet leaves as one train of ESP packets and comes out joined") {
    for (Family family : {Family::v4, Family::v6}) {
      EspPair pair{EspChoice{.udp = true, .inner = family}};
      PacketBuf sent = large_tcp(family, 10 * kSegment + 77);
      const Bytes data = payload_of(sent.view(), family);
      const Offload asked = sent.offload;
      Outputs out(OutputShape{64, true});
      outbound(pair.left, pair.now, {&sent, 1}, out);
      REQUIRE(out.packets().size() == 1);
      CHECK(pair.left_sa().sequence == 11);
      const Incoming in = as_incoming(out.packets()[0]);
      CHECK(in.packet.size() > 10 * in.segment_octets);

      Outputs opened(OutputShape{64, true});
      inbound(pair.right, pair.now, {&in, 1}, opened);
      REQUIRE(opened.packets().size() == 1);
      const PacketBuf& joined = opened.packets()[0].packet;
      CHECK(payload_of(joined.view(), family) == data);
      CHECK(joined.offload.segments == asked.segments);
      CHECK(joined.offload.segment_octets == kSegment);
      CHECK(pair.right.drops.total() == 0);
      // Who takes no joined packets gets every segment by itself.
      Outputs single;
      EspPair other{EspChoice{.udp = true, .inner = family}};
      inbound(other.right, other.now, {&in, 1}, single);
      CHECK(single.packets().size() == 11);
    }
  }
  TEST_CASE("[RFC4303 3.1.1] segments in transport mode come out joined, around what belongs to somebody else") {
    for (Family family : {Family::v4, Family::v6}) {
      SaChoice choice;
      choice.mode = model::Mode::transport;
      choice.outer = family;
      choice.udp = true;
      SaPair pair(choice);
      REQUIRE(pair.installed);
      PacketBuf sent = large_tcp(pair.source(), pair.destination(), 10 * kSegment + 77);
      const Bytes data = payload_of(sent.view(), family);
      Outputs out(OutputShape{1, true});
      outbound(pair.left, pair.now, {&sent, 1}, out);
      std::vector<Bytes> wire;
      for (const Outgoing& slot : out.packets()) wire.push_back(to_bytes(slot.packet.view()));
      REQUIRE(wire.size() == 11);
      wire.insert(wire.begin() + 4, pair.seal(pair.sample()));
      std::vector<Incoming> in(wire.size());
      for (size_t i = 0; i < wire.size(); ++i) {
        in[i].packet = wire[i];
        in[i].from = pair.from;
        in[i].to = {end_of(family, false), 4500};
        in[i].udp = true;
      }
      Outputs opened(OutputShape{1, true});
      inbound(pair.right, pair.now, in, opened);
      CHECK(pair.right.drops.total() == 0);
      REQUIRE(opened.packets().size() == 3);
      Bytes joined = payload_of(opened.packets()[0].packet.view(), family);
      CHECK(joined.size() == 4 * kSegment);
      const size_t ip = family == Family::v4 ? 20 : 40;  // its header was left out on the way
      CHECK(to_bytes(opened.packets()[1].packet.view().subspan(ip)) == to_bytes(ByteView(pair.sample()).subspan(ip)));
      append(joined, payload_of(opened.packets()[2].packet.view(), family));
      CHECK(joined == data);
      CHECK(opened.packets()[2].packet.offload.segment_octets == kSegment);
    }
  }

  TEST_CASE("[RFC4303 3.4.3] a packet of a train that is not authentic is missing, and no octet of it is left") {
    EspPair pair{EspChoice{.udp = true}};
    PacketBuf sent = large_tcp(Family::v4, 8 * kSegment);
    const Bytes data = payload_of(sent.view(), Family::v4);
    Outputs out(OutputShape{64, true});
    outbound(pair.left, pair.now, {&sent, 1}, out);
    REQUIRE(out.packets().size() == 1);
    Outgoing& train = out.packets()[0];
    train.packet.data()[3 * train.packet.offload.segment_octets + 100] ^= 1;
    const Incoming in = as_incoming(train);
    Outputs opened(OutputShape{64, true});
    inbound(pair.right, pair.now, {&in, 1}, opened);
    CHECK(pair.right.drops[Drop::bad_icv] == 1);
    REQUIRE(opened.packets().size() == 2);
    CHECK(payload_of(opened.packets()[0].packet.view(), Family::v4) ==
          Bytes(data.begin(), data.begin() + 3 * kSegment));
    CHECK(payload_of(opened.packets()[1].packet.view(), Family::v4) == Bytes(data.begin() + 4 * kSegment, data.end()));
  }
  TEST_CASE("small packets that go the same way share a train; DSCP, size and count part them") {
    EspPair pair{EspChoice{.udp = true}};
    std::vector<PacketBuf> inner;
    for (int i = 0; i < 5; ++i) inner.push_back(PacketBuf::copy_of(pair.sample(200)));
    inner.push_back(PacketBuf::copy_of(pair.sample(400)));  // longer than those before it
    inner.push_back(PacketBuf::copy_of(pair.sample(100)));  // shorter: the last of its train
    inner.push_back(PacketBuf::copy_of(pair.sample(100)));
    Outputs out(OutputShape{4, false});
    outbound(pair.left, pair.now, inner, out);
    std::vector<size_t> counts;
    size_t delivered = 0;
    for (const Outgoing& train : out.packets()) {
      const size_t segment = train.packet.offload.segment_octets;
      counts.push_back((train.packet.size() + segment - 1) / segment);
      const Incoming in = as_incoming(train);
      Outputs opened;
      inbound(pair.right, pair.now, {&in, 1}, opened);
      delivered += opened.packets().size();
    }
    CHECK(counts == std::vector<size_t>{4, 1, 2, 1});
    CHECK(delivered == 8);
    Bytes marked = pair.sample(200);
    marked[1] = 0xB8;
    PacketBuf two[] = {PacketBuf::copy_of(pair.sample(200)), PacketBuf::copy_of(marked)};
    out.clear();
    outbound(pair.left, pair.now, two, out);
    CHECK(out.packets().size() == 2);
  }
  TEST_CASE("native ESP trains repeat the outer header before each packet") {
    EspPair pair{EspChoice{}};
    PacketBuf sent = large_tcp(Family::v4, 3 * kSegment);
    Outputs out(OutputShape{64, false});
    outbound(pair.left, pair.now, {&sent, 1}, out);
    REQUIRE(out.packets().size() == 1);
    const size_t segment = out.packets()[0].packet.offload.segment_octets;
    ByteView rest = out.packets()[0].packet.view();
    REQUIRE(rest.size() == 3 * segment);
    for (; !rest.empty(); rest = rest.subspan(segment)) {
      CHECK(load_be16(rest.data() + 2) == segment);
      CHECK_FALSE(pair.open(rest.first(segment).subspan(20)).empty());
    }
  }
  TEST_CASE("[RFC4301 8.2.1] segments larger than the path are answered once") {
    EspPair pair{EspChoice{.udp = true}};
    pair.left.sad.set_path_mtu(1060);
    PacketBuf sent = large_tcp(Family::v4, 5 * kSegment);
    Outputs out(OutputShape{64, true});
    outbound(pair.left, pair.now, {&sent, 1}, out);
    REQUIRE(out.packets().size() == 1);
    CHECK(out.packets()[0].way == Way::inner);
    CHECK(pair.left.drops[Drop::too_big] == 1);
  }
  TEST_CASE("a large packet that has to wait for its SA stays as it was") {
    EspPair pair{EspChoice{.udp = true}};
    pair.left.sad.remove_all();
    PacketBuf sent = large_tcp(Family::v4, 5 * kSegment);
    const Bytes before = to_bytes(sent.view());
    Outputs out(OutputShape{64, true});
    outbound(pair.left, pair.now, {&sent, 1}, out);
    REQUIRE(find_event<Acquire>(out) != nullptr);
    CHECK(to_bytes(sent.view()) == before);
    CHECK(sent.offload.segment_octets == kSegment);
  }
  TEST_CASE("an offload that lies about its packet is malformed_inner") {
    EspPair pair{EspChoice{.udp = true}};
    PacketBuf sent = large_tcp(Family::v4, 100);
    sent.offload.segments = Offload::Segments::udp;
    Outputs out(OutputShape{64, true});
    outbound(pair.left, pair.now, {&sent, 1}, out);
    CHECK(out.packets().empty());
    CHECK(pair.left.drops[Drop::malformed_inner] == 1);
  }
}
