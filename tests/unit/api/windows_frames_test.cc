// The control protocol by hand says what the generated code says.
#include "api/windows/frames.h"

#include <doctest/doctest.h>

#include "ctl/messages.h"

using namespace sallyport;
using namespace sallyport::api::windows;

TEST_SUITE("api/windows/frames") {
  TEST_CASE("requests are read by the daemon's decoder as they were meant") {
    const auto hello = ctl::decode_request(write_hello(7, ctl::kProtocolVersion, "program"));
    REQUIRE(hello);
    CHECK(hello->id == 7);
    CHECK(std::get<ctl::Hello>(hello->request).version_max == ctl::kProtocolVersion);
    CHECK(std::get<ctl::Hello>(hello->request).program == "program");
    for (const size_t size : {size_t{0}, size_t{1}, size_t{127}, size_t{128}, size_t{100000}}) {
      const Bytes octets(size, 0xab);
      const auto call = ctl::decode_request(write_call(uint64_t{1} << 40, 300, octets));
      REQUIRE(call);
      CHECK(call->id == uint64_t{1} << 40);
      CHECK(std::get<ctl::PolicyCall>(call->request).function == 300);
      CHECK(std::get<ctl::PolicyCall>(call->request).octets == octets);
    }
  }

  TEST_CASE("replies of the daemon's encoder are read as they were meant; others are passed over") {
    const auto answer = parse_reply(ctl::encode(ctl::ReplyFrame{9, ctl::PolicyAnswer{0x80320009, 5, {1, 0, 2}}}));
    REQUIRE(answer);
    CHECK(answer->kind == Reply::Kind::answer);
    CHECK(answer->id == 9);
    CHECK(answer->code == 0x80320009);
    CHECK(answer->index == 5);
    CHECK(answer->octets == Bytes{1, 0, 2});
    const auto empty = parse_reply(ctl::encode(ctl::ReplyFrame{9, ctl::PolicyAnswer{}}));
    REQUIRE(empty);
    CHECK(empty->kind == Reply::Kind::answer);
    CHECK(empty->code == 0);
    const auto notice = parse_reply(ctl::encode(ctl::ReplyFrame{3, ctl::PolicyNotice{{4}}}));
    REQUIRE(notice);
    CHECK(notice->kind == Reply::Kind::notice);
    CHECK(notice->octets == Bytes{4});
    const auto done = parse_reply(ctl::encode(ctl::ReplyFrame{3, ctl::Done{ctl::ResultCode::usage, "why", "", ""}}));
    REQUIRE(done);
    CHECK(done->kind == Reply::Kind::done);
    CHECK(done->code == static_cast<uint32_t>(ctl::ResultCode::usage));
    CHECK(parse_reply(ctl::encode(ctl::ReplyFrame{3, ctl::Welcome{1, "x"}}))->kind == Reply::Kind::other);
  }

  TEST_CASE("a reply that is cut is refused or is a shorter one, never read beyond its end") {
    const Bytes whole = ctl::encode(ctl::ReplyFrame{9, ctl::PolicyAnswer{1, 2, {1, 2, 3}}});
    for (size_t length = 1; length < whole.size(); ++length) {
      const auto cut = parse_reply(ByteView(whole).first(length));
      if (cut) CHECK(cut->kind == Reply::Kind::other);
    }
    CHECK_FALSE(parse_reply(Bytes{0x07}));
    CHECK_FALSE(parse_reply(Bytes{0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}));
    CHECK_FALSE(parse_reply(Bytes{0x5a, 0xff, 0x01}));
  }
}
