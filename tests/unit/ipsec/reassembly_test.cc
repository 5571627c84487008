#include "ipsec/reassembly.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/esp_pair.h"
#include "wire/ip/fragment_cutter.h"

using namespace sallyport;
using namespace sallyport::ipsec;
using namespace sallyport::support;

namespace {

struct Heap {
  Reassembly reassembly;
  DropCounters drops;
  TimePoint now = kStart;
  MutableBytes whole;
  Verdict add(ByteView fragment, uint64_t context = 0) { return reassembly.add(now, context, fragment, drops, whole); }
};

std::vector<Bytes> cut(ByteView packet, size_t mtu = 576, uint32_t id = 5) {
  wire::ip::FragmentCutter cutter(packet, mtu, id);
  std::vector<Bytes> out;
  PacketBuf piece;
  while (cutter.next(piece)) out.push_back(to_bytes(piece.view()));
  return out;
}

Bytes packet_of(Family family, size_t octets, uint16_t id = 0x1234) {
  Bytes packet = udp_packet(inner_left(family), inner_right(family), octets);
  if (family == Family::v4) {
    packet[6] = 0;
    store_be16(&packet[4], id);
    store_be16(&packet[10], 0);
    store_be16(&packet[10], wire::ip::checksum(ByteView(packet).first(20)));
  }
  return packet;
}

}  // namespace

TEST_SUITE("ipsec/reassembly") {
  TEST_CASE("[RFC791 3.2] [RFC8200 4.5] pieces in any order make the packet again") {
    for (const Family family : {Family::v4, Family::v6}) {
      const Bytes packet = packet_of(family, 4000);
      std::vector<Bytes> pieces = cut(packet);
      REQUIRE(pieces.size() > 6);
      Heap heap;
      for (int round = 0; round < 50; ++round) {
        for (const Bytes& piece : pieces) {
          CHECK(heap.whole.empty());
          REQUIRE(heap.add(piece).passed());
        }
        CHECK(to_bytes(heap.whole) == packet);
        CHECK(heap.reassembly.waiting() == 0);
        heap.whole = {};
        std::next_permutation(pieces.begin(), pieces.end());
      }
    }
  }
  TEST_CASE("[RFC8200 4.5] an atomic fragment is whole at once") {
    const Bytes packet = packet_of(Family::v6, 100);
    const auto one = cut(packet, 1500);
    REQUIRE(one.size() == 1);
    CHECK(one[0].size() == packet.size() + 8);
    Heap heap;
    REQUIRE(heap.add(one[0]).passed());
    CHECK(to_bytes(heap.whole) == packet);
  }
  TEST_CASE("[RFC5722 3] fragment_overlap: the whole packet is given up; an exact copy does no harm") {
    for (const Family family : {Family::v4, Family::v6}) {
      const auto pieces = cut(packet_of(family, 2000));
      Heap heap;
      REQUIRE(heap.add(pieces[0]).passed());
      REQUIRE(heap.add(pieces[0]).passed());
      Bytes other = pieces[0];
      other.back() ^= 1;
      CHECK(heap.add(other) == Verdict(Drop::fragment_overlap));
      CHECK(heap.reassembly.waiting() == 0);
      REQUIRE(heap.add(pieces.back()).passed());
      Bytes second_end = pieces[1];
      const size_t field = family == Family::v4 ? 6 : 42;
      if (family == Family::v4) {
        second_end[field] &= 0xDF;
      } else {
        second_end[field + 1] &= 0xFE;
      }
      CHECK(heap.add(second_end) == Verdict(Drop::fragment_overlap));
    }
  }
  TEST_CASE("fragment_limit: so many of one source, so many in all") {
    Heap heap;
    size_t taken = 0;
    for (uint16_t id = 1; id <= 100; ++id) taken += heap.add(cut(packet_of(Family::v4, 2000, id))[0]).passed() ? 1 : 0;
    CHECK(taken == Reassembly::kMostPerSource);
    CHECK(heap.add(cut(packet_of(Family::v4, 2000, 999))[0]) == Verdict(Drop::fragment_limit));
    for (uint32_t host = 1; host <= 100; ++host) {
      const IpAddr source = IpAddr::v4(0x0A030000 + host);
      Bytes packet = udp_packet(source, inner_right(Family::v4), 2000);
      packet[6] = 0;
      taken += heap.add(cut(packet)[0]).passed() ? 1 : 0;
    }
    CHECK(taken == Reassembly::kMostPackets);
    CHECK(heap.reassembly.waiting() == Reassembly::kMostPackets);
  }
  TEST_CASE("fragment_timeout: what is not complete in time makes room") {
    Heap heap;
    for (uint16_t id = 1; id <= 16; ++id) REQUIRE(heap.add(cut(packet_of(Family::v4, 2000, id))[0]).passed());
    heap.now += Reassembly::kPatience;
    const auto pieces = cut(packet_of(Family::v4, 2000, 77));
    for (const Bytes& piece : pieces) REQUIRE(heap.add(piece).passed());
    CHECK(heap.drops[Drop::fragment_timeout] == 16);
    CHECK(!heap.whole.empty());
  }
  TEST_CASE("pieces that came by different SAs are of different packets") {
    Heap heap;
    const auto pieces = cut(packet_of(Family::v4, 1000));
    REQUIRE(pieces.size() == 2);
    REQUIRE(heap.add(pieces[0], 1).passed());
    REQUIRE(heap.add(pieces[1], 2).passed());
    CHECK(heap.whole.empty());
    CHECK(heap.reassembly.waiting() == 2);
  }
  TEST_CASE("[RFC3168 5.3] a congestion mark on one piece is on the packet; pieces that disagree are dropped") {
    auto pieces = cut(packet_of(Family::v4, 1000));
    for (Bytes& piece : pieces) piece[1] = 2;
    pieces[1][1] = 3;
    Heap heap;
    for (const Bytes& piece : pieces) REQUIRE(heap.add(piece).passed());
    REQUIRE(!heap.whole.empty());
    CHECK((heap.whole[1] & 3) == 3);
    pieces[0][1] = 0;
    REQUIRE(heap.add(pieces[0]).passed());
    CHECK(heap.add(pieces[1]) == Verdict(Drop::ecn_ce_on_not_ect));
  }
  TEST_CASE("malformed: odd middle pieces, beyond the largest packet, every truncation") {
    auto pieces = cut(packet_of(Family::v4, 1000));
    Heap heap;
    Bytes odd = pieces[0];
    odd.pop_back();
    store_be16(&odd[2], static_cast<uint16_t>(odd.size()));
    CHECK(heap.add(odd) == Verdict(Drop::malformed_inner));
    Bytes far = pieces[1];
    store_be16(&far[6], 0x1FFF);
    CHECK(heap.add(far) == Verdict(Drop::malformed_inner));
    for (const Family family : {Family::v4, Family::v6}) {
      const Bytes piece = cut(packet_of(family, 1000))[0];
      for (size_t n = 0; n < piece.size(); ++n)
        CHECK(heap.add(ByteView(piece).first(n)) == Verdict(Drop::malformed_inner));
    }
    CHECK(heap.reassembly.waiting() == 0);
  }
}
