#include "ipsec/path_mtu.h"

#include <doctest/doctest.h>

#include "ipsec/inbound_outer.h"
#include "ipsec/mss_clamp.h"
#include "support/sa_pair.h"
#include "wire/ip/fragment_cutter.h"

using namespace sallyport;
using namespace sallyport::ipsec;
using namespace sallyport::support;

namespace {

// What a router on the way answers to `wire`.
Bytes too_big(ByteView wire, uint16_t mtu) {
  PacketBuf answer;
  REQUIRE(write_too_big(wire, mtu, answer));
  return to_bytes(answer.view());
}

void hear(SaPair& pair, ByteView icmp) {
  Outputs out;
  inbound_outer(pair.left, pair.now, {&icmp, 1}, out);
}

}  // namespace

TEST_SUITE("ipsec/path_mtu") {
  TEST_CASE("[RFC4301 8.2.1] [RFC1191 6.3] an ICMP error about our packet lowers the SA's path MTU, for ten minutes") {
    for (const Family outer : {Family::v4, Family::v6}) {
      for (const bool ah : {false, true}) {
        SaChoice choice = ah ? ah_choice(model::IntegId::HMAC_SHA2_256_128) : SaChoice{};
        choice.outer = outer;
        SaPair pair(choice);
        Bytes wire = pair.seal(pair.sample(1000));
        hear(pair, too_big(wire, 1300));
        CHECK(pair.left_sa().path_mtu == 1300);
        CHECK(pair.seal(pair.sample(1272)).empty());
        CHECK(pair.left.drops[Drop::too_big] == 1);
        hear(pair, too_big(wire, 1400));
        CHECK(pair.left.drops[Drop::icmp_no_news] == 1);
        hear(pair, too_big(wire, 100));
        CHECK(pair.left_sa().path_mtu == (outer == Family::v4 ? 576 : 1280));
        pair.left.sad.handle_deadline(pair.now + seconds(599), pair.out);
        CHECK(pair.left_sa().path_mtu != 1500);
        pair.left.sad.handle_deadline(pair.now + seconds(601), pair.out);
        CHECK(pair.left_sa().path_mtu == 1500);
      }
    }
  }
  TEST_CASE("icmp_not_ours: other SPI, other addresses, a number not sent yet, a broken checksum, every truncation") {
    SaPair pair{SaChoice{}};
    const Bytes wire = pair.seal(pair.sample(1000));
    const auto refused = [&](ByteView icmp) {
      const uint64_t before = pair.left.drops[Drop::icmp_not_ours];
      hear(pair, icmp);
      CHECK(pair.left.drops[Drop::icmp_not_ours] == before + 1);
      CHECK(pair.left_sa().path_mtu == 1500);
    };
    Bytes other = wire;
    other[23] ^= 1;
    refused(too_big(other, 1300));
    other = wire;
    other[16] ^= 1;
    refused(too_big(other, 1300));
    other = wire;
    store_be32(&other[24], 2);
    refused(too_big(other, 1300));
    other = wire;
    other[9] = 51;
    refused(too_big(other, 1300));
    Bytes broken = too_big(wire, 1300);
    broken[22] ^= 1;
    refused(broken);
    Bytes unreachable = too_big(wire, 1300);
    unreachable[21] = 1;
    store_be16(&unreachable[22], 0);
    store_be16(&unreachable[22], wire::ip::checksum(ByteView(unreachable).subspan(20)));
    refused(unreachable);
    for (const size_t quoted : {0u, 19u, 20u, 27u}) {
      Bytes cut = too_big(wire, 1300);
      cut.resize(28 + quoted);
      store_be16(&cut[2], static_cast<uint16_t>(cut.size()));
      store_be16(&cut[22], 0);
      store_be16(&cut[22], wire::ip::checksum(ByteView(cut).subspan(20)));
      refused(cut);
    }
  }
  TEST_CASE("[RFC1191 7.1] a router that tells no MTU: the plateau below the quoted packet") {
    SaPair pair{SaChoice{}};
    hear(pair, too_big(pair.seal(pair.sample(1400)), 0));
    CHECK(pair.left_sa().path_mtu == 1006);
  }
  TEST_CASE("[RFC4303 3.4.1] outer fragments are put together before ESP; not_ipsec is counted") {
    for (const Family outer : {Family::v4, Family::v6}) {
      SaChoice choice;
      choice.outer = outer;
      SaPair pair(choice);
      const Bytes wire = pair.seal(pair.sample(1200));
      wire::ip::FragmentCutter cutter(wire, 800, 3);
      PacketBuf piece;
      Outputs out;
      while (cutter.next(piece)) {
        const ByteView one = piece.view();
        inbound_outer(pair.right, pair.now, {&one, 1}, out);
      }
      REQUIRE(out.packets().size() == 1);
      CHECK(to_bytes(out.packets()[0].packet.view()) == pair.sample(1200));
      const Bytes udp = pair.sample();
      const ByteView clear = udp;
      inbound_outer(pair.right, pair.now, {&clear, 1}, out);
      CHECK(pair.right.drops[Drop::not_ipsec] == 1);
    }
  }
  TEST_CASE("[RFC9293 3.7.1] the segment size of a SYN is lowered to what fits, its checksum kept right") {
    for (const size_t shift : {0u, 1u}) {
      Bytes tcp = *from_hex(
          "0fa01388000000010000000080021000000000000204"
          "05b4"
          "01010101010101"
          "01");
      tcp.resize(32, 1);
      if (shift == 1)
        tcp = *from_hex(
            "0fa0138800000001000000008002100000000000"
            "01"
            "020405b4"
            "01010101010101");
      tcp.resize(32, 0);
      tcp[12] = 0x80;
      const IpAddr from = inner_left(Family::v4);
      const IpAddr to = inner_right(Family::v4);
      store_be16(&tcp[16], wire::ip::transport_checksum(from, to, 6, tcp));
      Bytes packet = ip_packet(from, to, 6, tcp);
      const auto view = *wire::ip::PacketView::decode(packet);
      CHECK_FALSE(clamp_mss(packet, view, 1500));
      REQUIRE(clamp_mss(packet, view, 1400));
      CHECK(load_be16(&packet[20 + 22 + shift]) == 1360);
      CHECK(wire::ip::transport_checksum(from, to, 6, ByteView(packet).subspan(20)) == 0);
      packet[33] = 0x10;
      CHECK_FALSE(clamp_mss(packet, view, 1300));
    }
    SaChoice choice;
    choice.shape.clamp_mss = true;
    SaPair pair(choice);
    Bytes tcp = *from_hex("0fa0138800000001000000006002100000000000020405b4");
    store_be16(&tcp[16], wire::ip::transport_checksum(pair.source(), pair.destination(), 6, tcp));
    const Bytes got = pair.open(pair.seal(ip_packet(pair.source(), pair.destination(), 6, tcp)));
    REQUIRE(got.size() == 44);
    CHECK(load_be16(&got[42]) == pair.left_sa().inner_mtu - 40);
  }
  TEST_CASE("[RFC4303 2.6] dummy packets fill pauses and are dropped with a counter") {
    SaChoice choice;
    choice.shape.dummy_interval = seconds(1);
    SaPair pair(choice);
    pair.seal(pair.sample());
    Outputs out;
    size_t dummies = 0;
    for (int i = 1; i <= 10; ++i) {
      pair.now += seconds(1);
      out.clear();
      pair.left.sad.handle_deadline(pair.now, out);
      for (const Outgoing& slot : out.packets()) {
        ++dummies;
        CHECK(pair.open(slot.packet.view()).empty());
      }
    }
    CHECK(dummies == 10);
    CHECK(pair.right.drops[Drop::dummy_packet] == 10);
  }
  TEST_CASE("[RFC4303 A3] ESN: after the loss of whole subspaces the high half is found again, and not for nothing") {
    for (const bool ah : {false, true}) {
      SaChoice choice = ah ? ah_choice(model::IntegId::HMAC_SHA2_256_128) : SaChoice{};
      choice.esn = true;
      SaPair pair(choice);
      CHECK_FALSE(pair.open(pair.seal(pair.sample())).empty());
      pair.left_sa().sequence = (uint64_t{5} << 32) + 1000;
      int lost = 0;
      while (lost < 200 && pair.open(pair.seal(pair.sample())).empty()) ++lost;
      CHECK(lost == 64);
      CHECK(pair.right_sa().replay.highest() == (uint64_t{5} << 32) + 1065);
      CHECK_FALSE(pair.open(pair.seal(pair.sample())).empty());
    }
  }
  TEST_CASE(
      "[RFC4301 7] policy with ports: fragments are put together before they are judged, and on arrival by option") {
    SaChoice choice;
    choice.shape.reassemble = true;
    SaPair pair(choice);
    auto narrow = [&](Shard& shard, bool left) {
      auto policy = pair.policy(left);
      auto& ports = left ? policy[0].remote : policy[0].local;
      ports = {*model::parse_selector("10.2.0.0/24[udp/5000]")};
      shard.spd.set(policy);
      shard.sad.remove_all();
      model::SaSpec spec = pair.spec(left);
      (left ? spec.ts_remote : spec.ts_local) = ports;
      REQUIRE(shard.sad.install(pair.now, std::move(spec)));
    };
    narrow(pair.left, true);
    narrow(pair.right, false);
    Bytes packet = pair.sample(2000);
    packet[6] = 0;
    store_be16(&packet[10], 0);
    store_be16(&packet[10], wire::ip::checksum(ByteView(packet).first(20)));
    wire::ip::FragmentCutter cutter(packet, 1300, 0);
    PacketBuf piece;
    std::vector<Bytes> wire;
    while (cutter.next(piece)) wire = pair.seal_all(piece.view());
    REQUIRE(wire.size() == 2);
    CHECK(pair.open(wire[0]).empty());
    CHECK(pair.open(wire[1]) == packet);
    CHECK(pair.right.drops.total() == 0);
  }
}
