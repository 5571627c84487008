#include "ctl/session.h"

#include <doctest/doctest.h>

using namespace sallyport;
using namespace sallyport::ctl;

namespace {

Bytes sent(uint64_t id, Request request) { return frame(encode(RequestFrame{id, std::move(request)})); }

std::vector<ReplyFrame> answers(ServerSession& session) {
  FrameReader reader(kMaxReplyOctets);
  reader.feed(session.take_output());
  std::vector<ReplyFrame> out;
  for (auto body = reader.next(); body && *body; body = reader.next()) out.push_back(decode_reply(**body).value());
  return out;
}

ServerSession greeted() {
  ServerSession session("1.0");
  REQUIRE(session.feed(sent(1, Hello{})).has_value());
  session.take_output();
  return session;
}

}  // namespace

TEST_SUITE("ctl/session") {
  TEST_CASE("Hello is answered by Welcome and Done, and does not come out as a request") {
    ServerSession session("1.0");
    REQUIRE(session.feed(sent(1, Hello{1, 5, "test"})).has_value());
    const auto got = answers(session);
    REQUIRE(got.size() == 2);
    CHECK(std::get<Welcome>(got[0].reply).version == kProtocolVersion);
    CHECK(std::get<Done>(got[1].reply).code == ResultCode::ok);
    CHECK_FALSE(session.next_request().has_value());
    CHECK_FALSE(session.open(1));
  }

  TEST_CASE("a client of another version is told so and sent away") {
    ServerSession session("1.0");
    CHECK_FALSE(session.feed(sent(1, Hello{2, 3, "future"})).has_value());
    const auto got = answers(session);
    REQUIRE(got.size() == 1);
    CHECK(std::get<Done>(got[0].reply).code == ResultCode::usage);
    CHECK(std::get<Done>(got[0].reply).sentence.find("versions 2 to 3") != std::string::npos);
  }

  TEST_CASE("a request before Hello, a second Hello, an id in use and id 0 end the connection") {
    ServerSession early("1.0");
    CHECK_FALSE(early.feed(sent(1, Version{})).has_value());
    ServerSession twice = greeted();
    CHECK_FALSE(twice.feed(sent(2, Hello{})).has_value());
    ServerSession again = greeted();
    CHECK(again.feed(sent(2, Watch{})).has_value());
    CHECK_FALSE(again.feed(sent(2, Version{})).has_value());
    ServerSession zero = greeted();
    CHECK_FALSE(zero.feed(sent(0, Version{})).has_value());
  }

  TEST_CASE("replies carry the id of their request; Done ends it") {
    ServerSession session = greeted();
    REQUIRE(session.feed(sent(8, Watch{})).has_value());
    REQUIRE(session.feed(sent(9, Version{})).has_value());
    CHECK(session.next_request()->id == 8);
    CHECK(session.next_request()->id == 9);
    session.reply(8, Event{});
    session.reply(9, VersionReply{});
    session.reply(9, Done{});
    session.reply(9, VersionReply{});  // after its Done: nobody listens
    session.reply(8, Event{});
    const auto got = answers(session);
    REQUIRE(got.size() == 4);
    CHECK(got[0].id == 8);
    CHECK(got[1].id == 9);
    CHECK(got[3].id == 8);
    CHECK(session.open(8));
    CHECK_FALSE(session.open(9));
    CHECK(session.feed(sent(9, Version{})).has_value());  // the number is free again
  }

  TEST_CASE("a request that is not understood is answered and the connection goes on") {
    ServerSession session = greeted();
    REQUIRE(session.feed(frame(Bytes{0x08, 0x05, 0xfa, 0x06, 0x00})).has_value());
    const auto got = answers(session);
    REQUIRE(got.size() == 1);
    CHECK(got[0].id == 5);
    CHECK(std::get<Done>(got[0].reply).code == ResultCode::usage);
    CHECK(session.feed(sent(5, Version{})).has_value());
  }

  TEST_CASE("more open requests than the limit, or a frame over it, end the connection") {
    ServerSession session = greeted();
    for (uint64_t id = 2; id < 2 + kMaxOpenRequests; ++id) REQUIRE(session.feed(sent(id, Watch{})).has_value());
    CHECK(session.feed(sent(1000, Watch{})).error().code == Errc::too_many);
    ServerSession large = greeted();
    CHECK(large.feed(Bytes{0x00, 0x11, 0x00, 0x01}).error().code == Errc::bad_length);
  }

  TEST_CASE("an answer over the frame limit becomes a refusal, not a broken stream") {
    ServerSession session = greeted();
    REQUIRE(session.feed(sent(2, Log{})).has_value());
    session.reply(2, LogLine{0, "info", std::string(kMaxReplyOctets, 'x')});
    const auto got = answers(session);
    REQUIRE(got.size() == 1);
    CHECK(std::get<Done>(got[0].reply).code == ResultCode::failed);
  }
}
