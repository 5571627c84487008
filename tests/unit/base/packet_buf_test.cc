#include "base/packet_buf.h"

#include <doctest/doctest.h>

using namespace sallyport;

TEST_SUITE("base/packet_buf") {
  TEST_CASE("headers go in front and trailers behind without moving the packet") {
    PacketBuf p = PacketBuf::copy_of(Bytes{1, 2, 3});
    const uint8_t* where = p.data();
    CHECK(p.headroom() == PacketBuf::kHeadroom);
    CHECK(p.tailroom() >= PacketBuf::kTailroom);
    p.prepend(2)[0] = 9;
    p.append(1)[0] = 8;
    CHECK(p.size() == 6);
    CHECK(p.data() == where - 2);
    CHECK(p.view()[0] == 9);
    CHECK(p.view()[5] == 8);
    p.trim_front(2);
    p.trim_back(1);
    CHECK(to_bytes(p.view()) == Bytes{1, 2, 3});
  }
  TEST_CASE("a moved-from packet owns nothing and keeps no offload") {
    PacketBuf a = PacketBuf::copy_of(Bytes{1, 2, 3});
    a.offload.segment_octets = 1400;
    PacketBuf b = std::move(a);
    CHECK(a.capacity() == 0);
    CHECK(a.empty());
    CHECK(a.offload == Offload{});
    CHECK(b.offload.segment_octets == 1400);
    PacketBuf c;
    c = std::move(b);
    CHECK(to_bytes(c.view()) == Bytes{1, 2, 3});
    CHECK(b.capacity() == 0);
  }
  TEST_CASE("reserve keeps memory that is large enough and grows memory that is not") {
    PacketBuf p(100);
    const uint8_t* where = p.data();
    p.reserve(100);
    CHECK(p.data() == where);
    p.reserve(5000);
    CHECK(p.tailroom() >= 5000 + PacketBuf::kTailroom);
    CHECK(p.headroom() == PacketBuf::kHeadroom);
    p.assign(Bytes(3000, 7));
    CHECK(p.size() == 3000);
  }
}
