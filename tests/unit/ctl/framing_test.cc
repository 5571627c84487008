#include "ctl/framing.h"

#include <doctest/doctest.h>

using namespace sallyport;
using namespace sallyport::ctl;

TEST_SUITE("ctl/framing") {
  TEST_CASE("a frame is its length in four octets, big-endian, then the body") {
    const Bytes body{1, 2, 3};
    CHECK(frame(body) == Bytes{0, 0, 0, 3, 1, 2, 3});
  }

  TEST_CASE("frames come out whole whatever the pieces they arrive in") {
    Bytes stream = frame(Bytes{1, 2, 3});
    append(stream, frame(Bytes{4}));
    append(stream, frame(Bytes(300, 9)));
    for (size_t piece = 1; piece <= stream.size(); ++piece) {
      FrameReader reader(1000);
      std::vector<Bytes> bodies;
      for (size_t at = 0; at < stream.size(); at += piece) {
        reader.feed(ByteView(stream).subspan(at, std::min(piece, stream.size() - at)));
        for (auto body = reader.next(); body && *body; body = reader.next()) bodies.push_back(**body);
      }
      REQUIRE(bodies.size() == 3);
      CHECK(bodies[0] == Bytes{1, 2, 3});
      CHECK(bodies[1] == Bytes{4});
      CHECK(bodies[2] == Bytes(300, 9));
      CHECK(reader.buffered() == 0);
    }
  }

  TEST_CASE("a length over the limit is refused before its body arrives, and for ever after") {
    FrameReader reader(16);
    reader.feed(Bytes{0, 0, 0, 17});
    REQUIRE_FALSE(reader.next().has_value());
    CHECK(reader.next().error().code == Errc::bad_length);
    reader.feed(frame(Bytes{1}));
    CHECK_FALSE(reader.next().has_value());
    CHECK(reader.buffered() == 0);
  }

  TEST_CASE("a frame of exactly the limit passes") {
    FrameReader reader(16);
    reader.feed(frame(Bytes(16, 7)));
    auto body = reader.next();
    REQUIRE(body.has_value());
    REQUIRE(body->has_value());
    CHECK((*body)->size() == 16);
  }

  TEST_CASE("an empty frame is refused") {
    FrameReader reader(16);
    reader.feed(Bytes{0, 0, 0, 0});
    CHECK_FALSE(reader.next().has_value());
  }
}
