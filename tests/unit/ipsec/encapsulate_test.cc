#include "ipsec/encapsulate.h"

#include <doctest/doctest.h>

#include "ipsec/outer_header.h"
#include "ipsec/reassembly.h"
#include "support/sa_pair.h"
#include "wire/esp_ah/ah.h"
#include "wire/ip/fragment_cutter.h"

using namespace sallyport;
using namespace sallyport::ipsec;
using namespace sallyport::support;
using model::IntegId;
using model::Mode;
using model::Spi;

namespace {

SaChoice transport(Family outer = Family::v4, bool udp = false) {
  SaChoice out;
  out.mode = Mode::transport;
  out.outer = outer;
  out.udp = udp;
  return out;
}

// Of IPv4, with a TOS and an option.
Bytes packet_with_options(const SaPair& pair, uint8_t ttl) {
  Bytes out = *from_hex("46b80022000140000011000000000000000000000101010000000000000000000000");
  out[8] = ttl;
  std::copy_n(pair.source().bytes().begin(), 4, out.begin() + 12);
  std::copy_n(pair.destination().bytes().begin(), 4, out.begin() + 16);
  store_be16(&out[10], wire::ip::checksum(ByteView(out).first(24)));
  return out;
}

}  // namespace

TEST_SUITE("ipsec/encapsulate") {
  TEST_CASE("[RFC4303 3.1.1] transport mode keeps the IPv4 header with its options and puts ESP behind it") {
    SaPair pair{transport()};
    const Bytes packet = packet_with_options(pair, 0x37);
    const Bytes wire = pair.seal(packet);
    REQUIRE(wire.size() > 24);
    CHECK(wire[0] == 0x46);
    CHECK(wire[8] == 0x37);
    CHECK(wire[9] == 50);
    CHECK(wire::ip::checksum(ByteView(wire).first(24)) == 0);
    CHECK(load_be32(&wire[24]) == kRightSpi);
    CHECK(pair.open(wire) == packet);
  }
  TEST_CASE(
      "[RFC4303 3.1.1] IPv6: ESP and AH stand behind hop-by-hop and routing headers, before destination options") {
    for (const bool ah : {false, true}) {
      SaPair pair{ah ? ah_choice(IntegId::HMAC_SHA2_256_128, Mode::transport, Family::v6) : transport(Family::v6)};
      Bytes upper = *from_hex("3c000104000000003c0001040000000011000104000000000fa01388000a0000abcd");
      upper[8] = 60;
      const Bytes packet = ip_packet(pair.source(), pair.destination(), 0, upper);
      const Bytes wire = pair.seal(packet);
      REQUIRE(wire.size() > 48);
      CHECK(wire[6] == 0);
      CHECK(wire[40] == (ah ? 51 : 50));
      CHECK(load_be32(&wire[ah ? 52 : 48]) == kRightSpi);
      CHECK(pair.open(wire) == packet);
    }
  }
  TEST_CASE("[RFC3948 2.1] transport mode in UDP: header_not_carried where options would be lost") {
    SaPair pair{transport(Family::v4, true)};
    const Bytes wire = pair.seal(pair.sample());
    CHECK(load_be32(wire.data()) == kRightSpi);
    Bytes back = pair.open(wire);
    REQUIRE(back.size() == pair.sample().size());
    CHECK(ByteView(back).subspan(20).size() == ByteView(pair.sample()).subspan(20).size());
    CHECK(equal(ByteView(back).subspan(12), ByteView(pair.sample()).subspan(12)));
    CHECK(pair.seal(packet_with_options(pair, 64)).empty());
    CHECK(pair.left.drops[Drop::header_not_carried] == 1);
  }
  TEST_CASE(
      "[RFC3948 2.1] transport mode in UDP: what leaves together is one train, as long as TOS and size allow it") {
    SaPair pair{transport(Family::v4, true)};
    pair.out = Outputs(OutputShape{.train_packets = 8});
    std::vector<PacketBuf> packets;
    for (const size_t payload : {600u, 600u, 600u, 100u, 600u})
      packets.push_back(PacketBuf::copy_of(pair.sample(payload)));
    outbound(pair.left, pair.now, packets, pair.out);
    REQUIRE(pair.out.packets().size() == 2);
    const PacketBuf& train = pair.out.packets()[0].packet;
    const size_t segment = train.offload.segment_octets;
    CHECK(train.size() > 3 * segment);
    CHECK(train.size() < 4 * segment);
    for (size_t i = 0; i < 3; ++i) CHECK(!pair.open(train.view().subspan(i * segment, segment)).empty());
    CHECK(!pair.open(train.view().subspan(3 * segment)).empty());
    CHECK(pair.out.packets()[1].packet.size() == segment);
  }
  TEST_CASE("[RFC7296 2.23] UDP by choice: what it does not carry whole, options or size, goes as protocol 50") {
    for (const Family outer : {Family::v4, Family::v6}) {
      SaChoice choice = transport(outer, true);
      choice.native_too = true;
      SaPair pair{choice};
      const auto way = [&](size_t payload) {
        pair.seal_all(pair.sample(payload));
        REQUIRE(!pair.out.packets().empty());
        return pair.out.packets()[0].way;
      };
      CHECK(way(64) == Way::esp_udp);
      size_t last = 64;
      while (last < 1500 && way(last + 1) == Way::esp_udp) ++last;
      const size_t ip = outer == Family::v4 ? 20 : 40;
      CHECK(ip + 8 + esp_octets(pair.left_sa(), last + 8) <= 1500);
      CHECK(ip + 8 + esp_octets(pair.left_sa(), last + 9) > 1500);
    }
    SaChoice choice = transport(Family::v4, true);
    choice.native_too = true;
    SaPair pair{choice};
    const Bytes options = packet_with_options(pair, 64);
    const Bytes wire = pair.seal(options);
    REQUIRE(wire.size() > 24);
    CHECK(pair.out.packets()[0].way == Way::esp_native);
    CHECK(wire[9] == 50);
    CHECK(pair.open(wire, false) == options);
  }
  TEST_CASE("[RFC4302 2.6] the ICV is padded to 32 bits over IPv4 and to 64 bits over IPv6") {
    for (const Family outer : {Family::v4, Family::v6}) {
      for (const IntegId id : {IntegId::HMAC_SHA1_96, IntegId::HMAC_SHA2_256_128, IntegId::HMAC_SHA2_384_192,
                               IntegId::HMAC_SHA2_512_256, IntegId::AES_XCBC_96, IntegId::AES_CMAC_96,
                               IntegId::AES_128_GMAC, IntegId::AES_256_GMAC, IntegId::HMAC_MD5_96}) {
        SaPair pair{ah_choice(id, Mode::tunnel, outer)};
        REQUIRE(pair.installed);
        const Bytes wire = pair.seal(pair.sample());
        REQUIRE(!wire.empty());
        const auto header = wire::parse_ah(ByteView(wire).subspan(pair.head()));
        REQUIRE(header);
        CHECK(header->octets % (outer == Family::v4 ? 4 : 8) == 0);
        CHECK(header->octets - 12 - model::info(id)->icv_octets < 8 + 8u);
        CHECK(pair.open(wire) == pair.sample());
      }
    }
  }
  TEST_CASE("[RFC4302 3.3.3.1] AH bears changes of mutable fields and of nothing else") {
    SaPair pair{ah_choice(IntegId::HMAC_SHA2_256_128, Mode::transport)};
    const Bytes packet = pair.sample();
    for (size_t at = 0; at < 20; ++at) {
      Bytes wire = pair.seal(packet);
      wire[at] ^= 0x10;
      const bool is_mutable = at == 1 || at == 8 || at == 10 || at == 11;
      // Version, length and protocol are what the runtime reads before us; flags and offset make a fragment.
      if (at == 0 || at == 9) continue;
      CAPTURE(at);
      if (at == 6 || at == 7) {
        CHECK(pair.open(wire).empty());
        CHECK(pair.right.drops[Drop::outer_fragment] > 0);
        continue;
      }
      CHECK(pair.open(wire).empty() == !is_mutable);
    }
    CHECK(pair.right.drops[Drop::bad_icv] == 12);
    SaPair six{ah_choice(IntegId::HMAC_SHA2_256_128, Mode::transport, Family::v6)};
    for (size_t at = 1; at < 40; ++at) {
      if (at == 6) continue;
      Bytes wire = six.seal(six.sample());
      wire[at] ^= 0x01;
      CAPTURE(at);
      CHECK(six.open(wire).empty() == !(at < 4 || at == 7));
    }
  }
  TEST_CASE("no_outer_header: AH over IPv4 needs the header; IPv6 does without when nothing stood between") {
    SaPair four{ah_choice(IntegId::HMAC_SHA1_96)};
    const Bytes wire = four.seal(four.sample());
    CHECK(four.open(ByteView(wire).subspan(20), true).empty());
    CHECK(four.right.drops[Drop::no_outer_header] == 1);
    SaPair six{ah_choice(IntegId::HMAC_SHA1_96, Mode::tunnel, Family::v6)};
    const Bytes wire6 = six.seal(six.sample());
    CHECK(six.open(ByteView(wire6).subspan(40), true) == six.sample());
  }
  TEST_CASE("[RFC4302 3.4] malformed_ah: a length that this SA's ICV does not make") {
    SaPair pair{ah_choice(IntegId::HMAC_SHA2_256_128)};
    Bytes wire = pair.seal(pair.sample());
    ++wire[21];  // 64-bit alignment: let pass, and then the ICV does not fit
    CHECK(pair.open(wire).empty());
    CHECK(pair.right.drops[Drop::bad_icv] == 1);
    for (const int length : {0, 1, 4, 7, 255}) {
      wire[21] = static_cast<uint8_t>(length);
      CHECK(pair.open(wire).empty());
    }
    CHECK(pair.right.drops[Drop::malformed_ah] == 5);
  }
  TEST_CASE("[RFC3948 3.1.2] a NAT in transport mode: TCP and UDP checksums are brought to the addresses seen") {
    for (const Family family : {Family::v4, Family::v6}) {
      SaPair pair{transport(family, true)};
      const IpAddr inside = address(family == Family::v4 ? "10.1.1.1" : "fd11::1");
      const IpAddr believed = address(family == Family::v4 ? "203.0.113.9" : "fd22::9");
      pair.right.sad.remove_all();
      model::SaSpec spec = pair.spec(false);
      spec.original_source = inside;
      spec.original_destination = believed;
      REQUIRE(pair.right.sad.install(pair.now, std::move(spec)));
      const size_t head = family == Family::v4 ? 20 : 40;
      const Bytes sent = udp_packet(inside, believed, 33);
      const Bytes got = pair.open(pair.forge_inner(ByteView(sent).subspan(head), 1, 17));
      CHECK(got.size() == sent.size());
      CHECK(wire::ip::transport_checksum(pair.source(), pair.destination(), 17, ByteView(got).subspan(head)) == 0);
      Bytes none = sent;
      store_be16(&none[head + 6], 0);
      const Bytes kept = pair.open(pair.forge_inner(ByteView(none).subspan(head), 2, 17));
      CHECK(load_be16(&kept[head + 6]) == 0);
    }
  }
  TEST_CASE("[RFC4301 8.1] outer DF: copied, set or cleared; DSCP and ECN copied or fixed") {
    const auto outer_of = [](model::PacketShape shape, bool inner_df, uint8_t inner_tos) {
      SaChoice choice;
      choice.shape = shape;
      SaPair pair{choice};
      Bytes packet = pair.sample();
      packet[1] = inner_tos;
      packet[6] = inner_df ? 0x40 : 0;
      store_be16(&packet[10], 0);
      store_be16(&packet[10], wire::ip::checksum(ByteView(packet).first(20)));
      return pair.seal(packet);
    };
    model::PacketShape shape;
    CHECK((outer_of(shape, true, 0)[6] & 0x40) != 0);
    CHECK((outer_of(shape, false, 0)[6] & 0x40) == 0);
    CHECK(outer_of(shape, false, 0xB9)[1] == 0xB9);
    shape.df = model::PacketShape::Df::set;
    CHECK((outer_of(shape, false, 0)[6] & 0x40) != 0);
    shape.df = model::PacketShape::Df::clear;
    CHECK((outer_of(shape, true, 0)[6] & 0x40) == 0);
    shape.dscp = uint8_t{10};
    CHECK(outer_of(shape, true, 0xB9)[1] == (10 << 2 | 1));
    shape.ecn = false;
    CHECK(outer_of(shape, true, 0xB9)[1] == 10 << 2);
  }
  TEST_CASE("[RFC4303 2.7] TFC padding up to a size, and up to the path") {
    SaChoice choice;
    choice.shape.tfc_octets = 600;
    SaPair pair{choice};
    for (const size_t size : {0u, 100u, 500u}) {
      const Bytes wire = pair.seal(pair.sample(size));
      CHECK(wire.size() == 20 + esp_octets(pair.left_sa(), 600));
      CHECK(pair.open(wire) == pair.sample(size));
    }
    CHECK(pair.seal(pair.sample(700)).size() > 700);
    choice.shape.tfc_octets = model::PacketShape::kTfcToPath;
    SaPair path{choice};
    const Bytes full = path.seal(path.sample(3));
    CHECK(full.size() == 1500);
    CHECK(path.open(full) == path.sample(3));
  }
  TEST_CASE("[RFC4301 appendix E] ESP inside AH: both or neither; bundle_broken without the outer one") {
    for (const Mode outer_mode : {Mode::transport, Mode::tunnel}) {
      SaPair pair{transport()};
      const auto nest = [&](Shard& shard, bool left) {
        shard.sad.remove_all();
        model::SaSpec inner = pair.spec(left);
        inner.outer_reqid = 9;
        REQUIRE(shard.sad.install(pair.now, std::move(inner)));
      };
      nest(pair.left, true);
      nest(pair.right, false);
      auto policy = pair.policy(true);
      policy.push_back(policy[0]);
      policy[1].reqid = 9;
      policy[1].priority = 200;
      pair.left.spd.set(policy);
      CHECK(pair.seal(pair.sample()).empty());
      CHECK(pair.left.drops[Drop::sa_wait] == 1);
      REQUIRE(find_event<Acquire>(pair.out) != nullptr);
      CHECK(find_event<Acquire>(pair.out)->entry->reqid == 9);
      SaPair around{ah_choice(IntegId::HMAC_SHA2_256_128, outer_mode)};
      const auto install = [&](Shard& shard, bool left) {
        model::SaSpec outer = around.spec(left);
        outer.child_id = 99;
        outer.reqid = 9;
        outer.spi_in += 5;
        outer.spi_out += 5;
        outer.ts_local = pair.spec(left).ts_local;
        outer.ts_remote = pair.spec(left).ts_remote;
        REQUIRE(shard.sad.install(pair.now, std::move(outer)));
      };
      install(pair.left, true);
      install(pair.right, false);
      const Bytes wire = pair.seal(pair.sample());
      REQUIRE(wire.size() > 100);
      CHECK(pair.out.packets().size() == 1);
      CHECK(wire[9] == 51);
      CHECK(load_be32(&wire[24]) == kRightSpi + 5);
      CHECK(pair.open(wire) == pair.sample());
      CHECK(pair.opened.packets().size() == 1);
      CHECK(pair.right.drops.total() == 0);
      CHECK(pair.open(pair.forge_inner(ByteView(pair.sample()).subspan(20), 7, 17)).empty());
      CHECK(pair.right.drops[Drop::bundle_broken] == 1);
    }
  }
  TEST_CASE("[RFC4303 3.3.4] fragments from the host are put together before transport mode, and cut again after it") {
    for (const Family family : {Family::v4, Family::v6}) {
      SaPair pair{transport(family)};
      Bytes packet = pair.sample(2500);
      if (family == Family::v4) {
        packet[6] = 0;
        store_be16(&packet[10], 0);
        store_be16(&packet[10], wire::ip::checksum(ByteView(packet).first(20)));
      }
      wire::ip::FragmentCutter cutter(packet, 1400, 77);
      PacketBuf piece;
      std::vector<Bytes> wire;
      while (cutter.next(piece)) {
        auto sent = pair.seal_all(piece.view());
        if (wire.empty() && sent.empty()) continue;
        wire = std::move(sent);
      }
      REQUIRE(wire.size() == 2);
      Reassembly outer;
      DropCounters drops;
      MutableBytes whole;
      for (const Bytes& fragment : wire) {
        CHECK(fragment.size() <= 1500);
        REQUIRE(outer.add(pair.now, 0, fragment, drops, whole).passed());
      }
      REQUIRE(!whole.empty());
      CHECK(pair.open(whole) == packet);
    }
  }
  TEST_CASE("[RFC4303 3.3.4] what the host had fragmented is cut again behind two SAs, IPv6 too") {
    for (const Family family : {Family::v4, Family::v6}) {
      SaPair pair{transport(family)};
      SaPair around{ah_choice(IntegId::HMAC_SHA2_256_128, Mode::transport, family)};
      pair.left.sad.remove_all();
      model::SaSpec inner = pair.spec(true);
      inner.outer_reqid = 9;
      REQUIRE(pair.left.sad.install(pair.now, std::move(inner)));
      model::SaSpec outer = around.spec(true);
      outer.child_id = 99;
      outer.reqid = 9;
      outer.spi_in += 5;
      outer.ts_local = pair.spec(true).ts_local;
      outer.ts_remote = pair.spec(true).ts_remote;
      REQUIRE(pair.left.sad.install(pair.now, std::move(outer)));
      Bytes packet = pair.sample(2500);
      if (family == Family::v4) packet[6] = 0;
      wire::ip::FragmentCutter cutter(packet, 1400, 77);
      PacketBuf piece;
      size_t left = 0;
      while (cutter.next(piece)) left += pair.seal_all(piece.view()).size();
      CHECK(left == 2);
      CHECK(pair.left.drops.total() == 0);
    }
  }
  TEST_CASE("[RFC8200 4.5] two SAs that both count from one do not share identifications") {
    SaPair pair{transport(Family::v6)};
    const auto identifications = [&](Spi spi) {
      SaOutbound& sa = pair.left_sa();
      sa.spi = spi;
      sa.sequence = 1;
      return std::pair(fragment_identification_of(sa), identification_of(sa));
    };
    CHECK(identifications(0x1000).first != identifications(0x1001).first);
    CHECK(identifications(0x1000).second != identifications(0x1001).second);
    for (Spi spi = 0x1000; spi < 0x1000 + 100000; ++spi) REQUIRE(identifications(spi).second != 0);
  }
  TEST_CASE("[RFC4301 8.2.1] too big: ICMP to the sender, cut before or after, by DF and option") {
    const auto send = [](SaChoice choice, bool df, Drop& drop, ipsec::Way& way) {
      SaPair pair{choice};
      Bytes packet = pair.sample(1472);
      if (choice.carried() == Family::v4) {
        packet[6] = df ? 0x40 : 0;
        store_be16(&packet[10], 0);
        store_be16(&packet[10], wire::ip::checksum(ByteView(packet).first(20)));
      }
      const auto wire = pair.seal_all(packet);
      drop = pair.left.drops[Drop::too_big] != 0 ? Drop::too_big : Drop::kCount_;
      way = pair.out.packets().empty() ? Way::clear : pair.out.packets()[0].way;
      return wire;
    };
    Drop drop{};
    Way way{};
    for (const bool transport_mode : {false, true}) {
      for (const bool ah : {false, true}) {
        SaChoice choice = ah ? ah_choice(IntegId::HMAC_SHA1_96) : SaChoice{};
        choice.mode = transport_mode ? Mode::transport : Mode::tunnel;
        CAPTURE(ah);
        CAPTURE(transport_mode);
        CHECK(send(choice, true, drop, way).size() == 1);
        CHECK(drop == Drop::too_big);
        CHECK(way == Way::inner);
        CHECK(send(choice, false, drop, way).size() == 2);
        CHECK(drop == Drop::kCount_);
        choice.shape.fragment = model::PacketShape::Fragment::after;
        const auto after = send(choice, false, drop, way);
        REQUIRE(after.size() == 2);
        CHECK(after[0][9] == (ah ? 51 : 50));
        CHECK((after[0][6] & 0x20) != 0);
        choice.outer = choice.inner = Family::v6;
        CHECK(send(choice, true, drop, way).size() == 1);
        CHECK(drop == Drop::too_big);
      }
    }
    SaChoice clearing;
    clearing.shape.df = model::PacketShape::Df::clear;
    CHECK(send(clearing, true, drop, way).size() == 2);
  }
  TEST_CASE("what an SA cannot be is refused: AH in UDP, AH with a cipher, ESP without integrity, nesting in itself") {
    StepRng rng;
    Sad sad(rng);
    SaChoice ah = ah_choice(IntegId::HMAC_SHA1_96);
    ah.udp = true;
    CHECK_FALSE(SaPair{ah}.installed);
    SaChoice bare;
    bare.encr = model::EncrId::AES_CBC;
    CHECK_FALSE(SaPair{bare}.installed);
    SaChoice gmac = bare;
    gmac.integ = IntegId::AES_128_GMAC;
    CHECK_FALSE(SaPair{gmac}.installed);
    SaPair pair{SaChoice{}};
    model::SaSpec nested = pair.spec(true);
    nested.outer_reqid = nested.reqid;
    CHECK_FALSE(sad.install(pair.now, std::move(nested)));
    model::SaSpec dscp = pair.spec(true);
    dscp.shape.dscp = uint8_t{64};
    CHECK_FALSE(sad.install(pair.now, std::move(dscp)));
  }
}
