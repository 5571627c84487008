// Transport mode in UDP packet by packet of a batch: one flow is judged once, its beginning and end each time; what is
// refused leaves nothing behind; what an SA of another kind would have made of a packet is the same.
#include <doctest/doctest.h>

#include "support/sa_pair.h"

using namespace sallyport;
using namespace sallyport::ipsec;
using namespace sallyport::support;

namespace {

SaChoice in_udp(Family family = Family::v4) {
  SaChoice out;
  out.mode = model::Mode::transport;
  out.outer = family;
  out.udp = true;
  return out;
}

// A TCP segment of one flow, whole, with `octets` of payload behind the ones sent before.
Bytes segment(const SaPair& pair, uint32_t sequence, size_t octets, uint8_t flags = wire::ip::kTcpAck) {
  Writer w;
  w.u16(40000);
  w.u16(5201);
  w.u32(sequence);
  w.u32(777);
  w.u16(static_cast<uint16_t>(0x5000 | flags));
  w.u16(512);
  w.u32(0);
  for (size_t i = 0; i < octets; ++i) w.u8(static_cast<uint8_t>(i * 7 + sequence));
  Bytes out = ip_packet(pair.source(), pair.destination(), 6, w.view());
  const size_t ip = pair.choice.outer == Family::v4 ? 20 : 40;
  store_be16(&out[ip + 16],
             wire::ip::transport_checksum(pair.source(), pair.destination(), 6, ByteView(out).subspan(ip)));
  return out;
}

struct Judge final : FlowPolicy {
  std::vector<uint8_t> asked;  // flags of TCP
  Drop broken = Drop::latch_broken;
  size_t good = ~size_t{0};  // how many packets it lets pass
  Ruling outbound(TimePoint, const wire::ip::PacketView&) override { return {}; }
  Verdict inbound(TimePoint, const wire::ip::PacketView& view, const SaRecord&) override {
    asked.push_back(view.tcp_flags);
    return asked.size() > good ? Verdict(broken) : Verdict::pass();
  }
};

struct Arrival {
  Outputs opened{OutputShape{1, true}};
  explicit Arrival(SaPair& pair, const std::vector<Bytes>& wire) {
    std::vector<Incoming> in(wire.size());
    for (size_t i = 0; i < wire.size(); ++i) {
      in[i].packet = wire[i];
      in[i].from = pair.from;
      in[i].to = {end_of(pair.choice.outer, false), 4500};
      in[i].udp = true;
    }
    inbound(pair.right, pair.now, in, opened);
  }
};

std::vector<Bytes> sealed(SaPair& pair, const std::vector<Bytes>& packets) {
  std::vector<Bytes> out;
  for (const Bytes& packet : packets) out.push_back(pair.seal(packet));
  return out;
}

}  // namespace

TEST_SUITE("ipsec/transport_trains") {
  TEST_CASE("[RFC4301 5.2] segments of one flow are judged once, and where it begins or ends again") {
    constexpr uint8_t kFin = wire::ip::kTcpFin | wire::ip::kTcpAck;
    for (const Family family : {Family::v4, Family::v6}) {
      SaPair pair(in_udp(family));
      Judge judge;
      pair.right.flows = &judge;
      Arrival arrival(pair, sealed(pair, {segment(pair, 0, 500), segment(pair, 500, 500), segment(pair, 1000, 500),
                                          segment(pair, 1500, 0, kFin), segment(pair, 9000, 0, wire::ip::kTcpSyn)}));
      CHECK(judge.asked == std::vector<uint8_t>{wire::ip::kTcpAck, kFin, wire::ip::kTcpSyn});
      REQUIRE(arrival.opened.packets().size() == 3);
      CHECK(arrival.opened.packets()[0].packet.offload.segment_octets == 500);
      CHECK(pair.right.drops.total() == 0);
    }
  }

  TEST_CASE("[RFC5660 4] a segment that breaks its latch becomes a reset in its place, alone or in the middle") {
    for (const size_t good : {size_t{0}, size_t{1}}) {
      SaPair pair(in_udp());
      Judge judge;
      judge.good = good;
      pair.right.flows = &judge;
      const uint8_t push = wire::ip::kTcpAck | wire::ip::kTcpFin;
      Arrival arrival(pair, sealed(pair, {segment(pair, 0, 400), segment(pair, 400, 400, push)}));
      CHECK(pair.right.drops[Drop::latch_broken] == 2 - good);
      REQUIRE(arrival.opened.packets().size() == 2);
      if (good == 1)
        CHECK(to_bytes(arrival.opened.packets()[0].packet.view().subspan(20)) ==
              to_bytes(ByteView(segment(pair, 0, 400)).subspan(20)));
      const auto reset = wire::ip::PacketView::decode(arrival.opened.packets()[1].packet.view());
      REQUIRE(reset);
      CHECK((reset->tcp_flags & wire::ip::kTcpRst) != 0);
    }
  }

  TEST_CASE("[RFC4303 3.4.3] of a segment that is not authentic, or refused, no octet is left in the joined packet") {
    for (const bool refused : {false, true}) {
      SaPair pair(in_udp());
      Judge judge;
      judge.good = 1;
      judge.broken = Drop::other_sa;
      pair.right.flows = &judge;
      auto wire =
          sealed(pair, {segment(pair, 0, 300), segment(pair, 300, 300),
                        segment(pair, 600, 300, refused ? wire::ip::kTcpFin | wire::ip::kTcpAck : wire::ip::kTcpAck),
                        segment(pair, 900, 300)});
      if (!refused) wire[2][60] ^= 1;
      Arrival arrival(pair, wire);
      CHECK(pair.right.drops[refused ? Drop::other_sa : Drop::bad_icv] >= 1);
      REQUIRE_FALSE(arrival.opened.packets().empty());
      Bytes expected = to_bytes(ByteView(segment(pair, 0, 300)).subspan(40));
      append(expected, ByteView(segment(pair, 300, 300)).subspan(40));
      CHECK(to_bytes(arrival.opened.packets()[0].packet.view().subspan(40)) == expected);
    }
  }

  TEST_CASE("[RFC4303 2.6] a dummy packet in transport mode is dropped without a complaint") {
    SaPair pair(in_udp());
    const Bytes plain{1, 2, 3, 4, 1, 2, 2, 59};
    CHECK(pair.open(pair.forge(plain, 1)).empty());
    CHECK(pair.right.drops[Drop::dummy_packet] == 1);
  }

  TEST_CASE("[RFC4303 3.3.2] what is sealed where it stands is what takes the long way around, octet by octet") {
    for (const Family family : {Family::v4, Family::v6}) {
      SaPair fast(in_udp(family)), slow(in_udp(family));
      slow.left_sa().plain_transport = false;
      for (const size_t octets : {size_t{0}, size_t{1}, size_t{3}, size_t{1200}}) {
        const Bytes packet = segment(fast, 0, octets);
        const Bytes one = fast.seal(packet), other = slow.seal(packet);
        CHECK_FALSE(one.empty());
        CHECK(one == other);
        CHECK(fast.out.packets()[0].tos == slow.out.packets()[0].tos);
        CHECK(fast.out.packets()[0].dont_fragment == slow.out.packets()[0].dont_fragment);
        CHECK(fast.out.packets()[0].way == Way::esp_udp);
        slow.right_sa().plain_transport = false;
        CHECK(fast.open(one) == slow.open(other));
      }
    }
  }
}
