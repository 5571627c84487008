#include <doctest/doctest.h>

#include "wire/ip/build.h"
#include "wire/ip/checksum.h"
#include "wire/ip/join.h"
#include "wire/ip/split.h"

using namespace sallyport;
using namespace sallyport::wire::ip;

namespace {

constexpr uint8_t kAckFlag = 0x10;

struct Ends {
  IpAddr from, to;
};

Ends ends(Family family) {
  if (family == Family::v4) return {*IpAddr::parse("10.1.0.1"), *IpAddr::parse("10.2.0.1")};
  return {*IpAddr::parse("2001:db8:1::1"), *IpAddr::parse("2001:db8:2::1")};
}

Bytes numbered(size_t octets, size_t start = 0) {
  Bytes out(octets);
  for (size_t i = 0; i < octets; ++i) out[i] = static_cast<uint8_t>((start + i) * 7 + (start + i) / 256);
  return out;
}

void fill_checksum(Bytes& packet, Family family, size_t field) {
  const size_t ip = family == Family::v4 ? 20 : 40;
  const Ends e = ends(family);
  const MutableBytes segment = MutableBytes(packet).subspan(ip);
  store_be16(&segment[field], 0);
  store_be16(&segment[field], transport_checksum(e.from, e.to, field == 16 ? 6 : 17, segment));
}

// A TCP segment with a timestamp option; its IPv4 header has DF.
Bytes tcp(Family family, uint32_t sequence, ByteView payload, uint8_t flags = kAckFlag, uint16_t id = 100) {
  Writer w;
  w.u16(40000);
  w.u16(5201);
  w.u32(sequence);
  w.u32(777);
  w.u8(0x80);  // 32 octets of header
  w.u8(flags);
  w.u16(512);
  w.u32(0);
  w.u32(0x0101080A);
  w.u32(1111);
  w.u32(2222);
  w.bytes(payload);
  const Ends e = ends(family);
  Bytes packet = ip_packet(e.from, e.to, kTcp, w.view());
  if (family == Family::v4) {
    store_be16(&packet[4], id);
    packet[6] = 0x40;
    store_be16(&packet[10], 0);
    store_be16(&packet[10], checksum(ByteView(packet).first(20)));
  }
  fill_checksum(packet, family, 16);
  return packet;
}

Bytes udp(Family family, ByteView payload) {
  const Ends e = ends(family);
  Bytes packet = udp_packet({e.from, 4000}, {e.to, 5000}, payload);
  if (family == Family::v4) {
    packet[6] = 0x40;
    store_be16(&packet[10], 0);
    store_be16(&packet[10], checksum(ByteView(packet).first(20)));
  }
  return packet;
}

Offload cut_at(Offload::Segments segments, uint16_t octets) {
  Offload out;
  out.segments = segments;
  out.segment_octets = octets;
  return out;
}

std::vector<Bytes> pieces_of(Bytes packet, const Offload& offload) {
  const auto view = PacketView::decode(packet);
  REQUIRE(view);
  auto pieces = Splitter::create(packet, *view, offload);
  REQUIRE(pieces);
  std::vector<Bytes> out;
  for (MutableBytes piece = pieces->next(); !piece.empty(); piece = pieces->next()) out.push_back(to_bytes(piece));
  CHECK(out.size() == pieces->count());
  return out;
}

// Joins as inbound() does, with the payloads laid behind each other; the packets that could not follow begin anew.
std::vector<PacketBuf> join(const std::vector<Bytes>& packets) {
  std::vector<PacketBuf> out;
  Joiner joiner;
  for (const Bytes& packet : packets) {
    const auto view = PacketView::decode(packet);
    REQUIRE(view);
    if (joiner.open() && joiner.confirm(out.back().view()) && joiner.follows(packet, *view)) {
      const ByteView payload = ByteView(packet).subspan(joiner.header_octets());
      const MutableBytes room = out.back().append(payload.size());
      std::copy(payload.begin(), payload.end(), room.begin());
      joiner.add(packet);
      continue;
    }
    if (!out.empty()) joiner.finish(out.back());
    out.emplace_back(size_t{65536});
    const MutableBytes room = out.back().append(packet.size());
    std::copy(packet.begin(), packet.end(), room.begin());
    joiner.begin(packet, *view);
  }
  if (!out.empty()) joiner.finish(out.back());
  return out;
}

}  // namespace

TEST_SUITE("wire/ip/split") {
  TEST_CASE("[RFC9293 3.1] a large TCP packet becomes the segments its sender would have made") {
    for (Family family : {Family::v4, Family::v6}) {
      const Bytes data = numbered(3500);
      const auto segments = family == Family::v4 ? Offload::Segments::tcp4 : Offload::Segments::tcp6;
      const auto pieces = pieces_of(tcp(family, 0xFFFFFF00, data, kAckFlag | 0x08), cut_at(segments, 1000));
      REQUIRE(pieces.size() == 4);
      for (size_t i = 0; i < 4; ++i) {
        const ByteView part = ByteView(data).subspan(i * 1000, i < 3 ? 1000 : 500);
        const auto id = static_cast<uint16_t>(100 + i);
        const uint8_t flags = i < 3 ? kAckFlag : kAckFlag | 0x08;
        CHECK(pieces[i] == tcp(family, static_cast<uint32_t>(0xFFFFFF00u + i * 1000), part, flags, id));
      }
    }
  }
  TEST_CASE("[RFC3168 6.1.2] CWR stays with the first segment, FIN with the last") {
    const auto pieces =
        pieces_of(tcp(Family::v4, 1, numbered(300), kAckFlag | 0x81), cut_at(Offload::Segments::tcp4, 100));
    REQUIRE(pieces.size() == 3);
    CHECK(pieces[0][33] == (kAckFlag | 0x80));
    CHECK(pieces[1][33] == kAckFlag);
    CHECK(pieces[2][33] == (kAckFlag | 0x01));
  }
  TEST_CASE("[RFC768] a large UDP packet becomes datagrams of its segment's size") {
    for (Family family : {Family::v4, Family::v6}) {
      const Bytes data = numbered(250);
      const auto pieces = pieces_of(udp(family, data), cut_at(Offload::Segments::udp, 100));
      REQUIRE(pieces.size() == 3);
      CHECK(to_bytes(ByteView(pieces[1]).last(108)) ==
            to_bytes(ByteView(udp(family, ByteView(data).subspan(100, 100))).last(108)));
      CHECK(PacketView::decode(pieces[2]));
      CHECK(pieces[2].size() == udp(family, Bytes(50)).size());
    }
  }
  TEST_CASE("an offload that does not describe its packet is refused") {
    Bytes packet = tcp(Family::v4, 1, numbered(100));
    const auto view = PacketView::decode(packet);
    REQUIRE(view);
    CHECK_FALSE(Splitter::create(packet, *view, cut_at(Offload::Segments::tcp6, 50)));
    CHECK_FALSE(Splitter::create(packet, *view, cut_at(Offload::Segments::udp, 50)));
    CHECK_FALSE(Splitter::create(packet, *view, cut_at(Offload::Segments::tcp4, 0)));
    packet[32] = 0xF0;  // a TCP header of 60 octets, into the payload
    CHECK(Splitter::create(packet, *view, cut_at(Offload::Segments::tcp4, 50)));
    Bytes bare = tcp(Family::v4, 1, {});
    const auto bare_view = PacketView::decode(bare);
    REQUIRE(bare_view);
    CHECK_FALSE(Splitter::create(bare, *bare_view, cut_at(Offload::Segments::tcp4, 50)));
    bare[32] = 0x40;  // shorter than any TCP header
    CHECK_FALSE(Splitter::create(bare, *bare_view, cut_at(Offload::Segments::tcp4, 50)));
  }
  TEST_CASE("a checksum that the host only began is finished") {
    for (Family family : {Family::v4, Family::v6}) {
      const Bytes whole = tcp(family, 1, numbered(99));
      Bytes begun = whole;
      const size_t ip = family == Family::v4 ? 20 : 40;
      const Ends e = ends(family);
      store_be16(&begun[ip + 16], pseudo_header_sum(e.from, e.to, kTcp, begun.size() - ip));
      Offload offload;
      offload.checksum_wanted = true;
      offload.checksum_start = static_cast<uint16_t>(ip);
      offload.checksum_offset = 16;
      REQUIRE(finish_checksum(begun, offload));
      CHECK(begun == whole);
      offload.checksum_offset = static_cast<uint16_t>(begun.size() - ip - 1);
      CHECK_FALSE(finish_checksum(begun, offload));
    }
  }
}

TEST_SUITE("wire/ip/join") {
  TEST_CASE("segments that follow each other become one packet, which splits into the same again") {
    for (Family family : {Family::v4, Family::v6}) {
      std::vector<Bytes> sent;
      for (size_t i = 0; i < 5; ++i) {
        const uint8_t flags = i < 4 ? kAckFlag : kAckFlag | 0x08;
        sent.push_back(tcp(family, static_cast<uint32_t>(5000 + i * 1000), numbered(i < 4 ? 1000 : 300, i), flags,
                           static_cast<uint16_t>(100 + i)));
      }
      const auto joined = join(sent);
      REQUIRE(joined.size() == 1);
      CHECK(joined[0].offload.segment_octets == 1000);
      CHECK(joined[0].offload.checksum_wanted);
      const auto view = PacketView::decode(joined[0].view());
      REQUIRE(view);
      CHECK(pieces_of(to_bytes(joined[0].view()), joined[0].offload) == sent);
    }
  }
  TEST_CASE("datagrams of one size become one packet, which splits into the same again") {
    const std::vector<Bytes> sent = {udp(Family::v6, numbered(100)), udp(Family::v6, numbered(100, 5)),
                                     udp(Family::v6, numbered(40, 9))};
    const auto joined = join(sent);
    REQUIRE(joined.size() == 1);
    CHECK(joined[0].offload.segments == Offload::Segments::udp);
    CHECK(pieces_of(to_bytes(joined[0].view()), joined[0].offload) == sent);
  }
  TEST_CASE("what differs in anything but its place in the stream is not joined") {
    const Bytes first = tcp(Family::v4, 1000, numbered(100));
    const auto alone = [&](const Bytes& second) { return join({first, second}).size() == 2; };
    CHECK_FALSE(alone(tcp(Family::v4, 1100, numbered(100))));
    CHECK(alone(tcp(Family::v4, 1101, numbered(100))));        // a gap
    CHECK(alone(tcp(Family::v4, 1000, numbered(100))));        // again
    CHECK(alone(tcp(Family::v4, 1100, numbered(101))));        // longer
    CHECK(alone(tcp(Family::v4, 1100, numbered(100), 0x11)));  // FIN
    CHECK(alone(tcp(Family::v4, 1100, numbered(100), 0x30)));  // URG
    CHECK(alone(tcp(Family::v4, 1100, {})));                   // a pure acknowledgement
    CHECK(alone(tcp(Family::v6, 1100, numbered(100))));
    CHECK(alone(udp(Family::v4, numbered(100))));
    for (size_t octet : {1u, 8u, 20u, 28u, 34u, 44u}) {  // TOS, TTL, port, acknowledgement, window, option
      Bytes other = tcp(Family::v4, 1100, numbered(100));
      other[octet] ^= 1;
      fill_checksum(other, Family::v4, 16);
      CHECK(alone(other));
    }
    Bytes may_be_cut = tcp(Family::v4, 1100, numbered(100));
    may_be_cut[6] = 0;
    CHECK(alone(may_be_cut));
  }
  TEST_CASE("the end of a write and a short segment end the packet") {
    CHECK(join({tcp(Family::v4, 0, numbered(100), 0x18), tcp(Family::v4, 100, numbered(100))}).size() == 2);
    CHECK(join({tcp(Family::v4, 0, numbered(100)), tcp(Family::v4, 100, numbered(50)),
                tcp(Family::v4, 150, numbered(50))})
              .size() == 2);
  }
  TEST_CASE("a wrong checksum is handed on, never covered by a right one") {
    Bytes first = tcp(Family::v4, 0, numbered(100));
    Bytes second = tcp(Family::v4, 100, numbered(100));
    first[70] ^= 1;
    auto joined = join({first, second});
    REQUIRE(joined.size() == 2);
    CHECK(to_bytes(joined[0].view()) == first);
    first[70] ^= 1;
    second[90] ^= 1;
    joined = join({first, second});
    REQUIRE(joined.size() == 2);
    CHECK(to_bytes(joined[1].view()) == second);
  }
  TEST_CASE("a joined packet is never longer than an IP packet may be") {
    std::vector<Bytes> sent;
    for (size_t i = 0; i < 60; ++i)
      sent.push_back(tcp(Family::v4, static_cast<uint32_t>(i * 1400), numbered(1400, i), kAckFlag,
                         static_cast<uint16_t>(100 + i)));
    const auto joined = join(sent);
    REQUIRE(joined.size() == 2);
    CHECK(joined[0].size() <= 65535);
    CHECK(joined[0].size() + joined[1].size() == 60 * 1400 + 2 * 52);
  }
}
