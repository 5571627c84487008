#include "ctl/messages.h"

#include <doctest/doctest.h>

#include "ctl/wire_text.h"

using namespace sallyport;
using namespace sallyport::ctl;

namespace {

IpAddr addr(std::string_view text) { return IpAddr::parse(text).value(); }

template <class T>
T round(const T& request) {
  auto back = decode_request(encode(RequestFrame{7, request}));
  REQUIRE(back.has_value());
  CHECK(back->id == 7);
  REQUIRE(std::holds_alternative<T>(back->request));
  return std::get<T>(back->request);
}
template <class T>
T round_reply(const T& reply) {
  auto back = decode_reply(encode(ReplyFrame{9, reply}));
  REQUIRE(back.has_value());
  CHECK(back->id == 9);
  REQUIRE(std::holds_alternative<T>(back->reply));
  return std::get<T>(back->reply);
}

StatusReply full_status() {
  StatusReply status;
  status.daemon = {"1.0",        42, 60, "/etc/s.toml", 500,  4500, true,      "tun", "sp0", 1400,
                   {"10.0.0.1"}, 3,  4,  true,          true, true, "a reason"};
  ChildSaEntry child{"west",
                     "net",
                     "INSTALLED",
                     5,
                     0xc0000001,
                     0xffffffff,
                     "aes128gcm16",
                     "tunnel",
                     true,
                     true,
                     true,
                     "AH",
                     true,
                     "ipsec-mb",
                     3,
                     {"10.1.0.0/24"},
                     {"10.2.0.0/24", "fd00::/64"},
                     1,
                     2,
                     3,
                     4,
                     5,
                     6,
                     7,
                     8,
                     9,
                     10};
  IkeSaEntry ike{"west",
                 "ESTABLISHED",
                 3,
                 0x1122334455667788,
                 ~uint64_t{0},
                 true,
                 {addr("192.0.2.1"), 4500},
                 {addr("2001:db8::2"), 500},
                 "east.example",
                 "west.example",
                 "O=Example, CN=alice",
                 "O=Example, CN=bob",
                 true,
                 true,
                 "aes256gcm16-prfsha256-x25519",
                 12,
                 99,
                 {child}};
  status.ike_sas = {ike};
  status.connections = {{"west",
                         "up",
                         {"192.0.2.1"},
                         {"peer.example"},
                         "a",
                         "b",
                         true,
                         "any",
                         "p",
                         true,
                         "No answer.",
                         3,
                         {{"net", "up", "down", {"10.1.0.0/24"}, {"10.2.0.0/24"}, "aes128gcm16"}}}};
  status.drops = {{"replay", 3}};
  status.counters = {{"half_open", 1}};
  return status;
}

}  // namespace

TEST_SUITE("ctl/messages") {
  TEST_CASE("every request comes back as it was") {
    CHECK(round(Hello{1, 3, "test"}).version_max == 3);
    const Up up = round(Up{"west", "net", milliseconds(2500)});
    CHECK(up.connection == "west");
    CHECK(up.child == "net");
    CHECK(up.wait == milliseconds(2500));
    CHECK(round(Down{"west", "net", 7}).ike_id == 7);
    CHECK_FALSE(round(Down{"west", "", {}}).ike_id.has_value());
    CHECK(round(Rekey{"west", "net", 0xffffffff}).spi == 0xffffffff);
    CHECK(round(Status{"west"}).connection == "west");
    round(Watch{});
    CHECK(round(Check{"/a/b"}).path == "/a/b");
    const Explain explain = round(Explain{addr("10.1.0.1"), addr("10.2.0.1"), 6, 1000, 443});
    Explain owned{addr("10.1.0.1"), addr("10.2.0.1"), 6, 1000, 443};
    owned.uid = 0;
    owned.gids = {5, 6};
    owned.program = "/usr/bin/curl";
    const Explain asked = round(owned);
    CHECK(asked.uid == 0u);
    CHECK(asked.gids == std::vector<uint32_t>{5, 6});
    CHECK(asked.program == "/usr/bin/curl");
    CHECK_FALSE(explain.uid);
    CHECK(explain.destination == addr("10.2.0.1"));
    CHECK(explain.destination_port == 443);
    CHECK(round(Log{"debug", 5, true}).follow);
    round(Version{});
    const Ping ping = round(Ping{addr("fd00::2"), addr("fd00::1"), 3, 100, milliseconds(200), seconds(3)});
    CHECK(ping.source == addr("fd00::1"));
    CHECK(ping.timeout == seconds(3));
    round(Reload{});
    CHECK(round(Cancel{8}).id == 8);
    CHECK(round(NetEvents{true}).follow);
    CHECK(round(ListPolicy{ListPolicy::What::contexts}).what == ListPolicy::What::contexts);
    const auto call = round(PolicyCall{14, {0, 1, 0xff}});
    CHECK(call.function == 14);
    CHECK(call.octets == Bytes{0, 1, 0xff});
  }

  TEST_CASE("a full status comes back field by field") {
    const StatusReply sent = full_status();
    const StatusReply got = round_reply(sent);
    CHECK(encode(ReplyFrame{1, got}) == encode(ReplyFrame{1, sent}));
    REQUIRE(got.ike_sas.size() == 1);
    CHECK(got.ike_sas[0].spi_i == 0x1122334455667788);
    CHECK(got.ike_sas[0].remote.to_string() == "[2001:db8::2]:500");
    CHECK(got.ike_sas[0].rekey_in == 99);
    CHECK(got.ike_sas[0].local_user == "O=Example, CN=alice");
    CHECK(got.ike_sas[0].remote_user == "O=Example, CN=bob");
    REQUIRE(got.ike_sas[0].children.size() == 1);
    CHECK(got.ike_sas[0].children[0].rekey_packets == 10);
    CHECK(got.ike_sas[0].children[0].remote.size() == 2);
    REQUIRE(got.connections.size() == 1);
    CHECK(got.connections[0].retry_in == 3);
    CHECK(got.connections[0].proves_user);
    CHECK(got.connections[0].remote_user == "any");
    CHECK(got.connections[0].children[0].start == "up");
    CHECK(got.daemon.device_addresses.front() == "10.0.0.1");
    CHECK(got.daemon.key_log);
    CHECK(got.drops[0].name == "replay");
  }

  TEST_CASE("every other reply comes back as it was") {
    const Done done = round_reply(Done{ResultCode::peer_refused, "No proposal in common.", "a", "b"});
    CHECK(done.code == ResultCode::peer_refused);
    CHECK(done.peers == "b");
    CHECK(round_reply(Welcome{1, "1.0"}).daemon_version == "1.0");
    CHECK(round_reply(Event{"ike_up", 5, "west", "net", "timeout", "s", "o", "p"}).peers == "p");
    CHECK_FALSE(round_reply(Event{"ike_up", 5, "west", "net", "timeout", "s", "o", "p"}).ike_id);
    const Event moved =
        round_reply(Event{"ike_state", 5, "west", "", "", "s", "", "", 7, "row", "INIT_SENT", "INIT_DONE"});
    CHECK(moved.ike_id == 7);
    CHECK(moved.row == "row");
    CHECK(moved.from == "INIT_SENT");
    CHECK(moved.to == "INIT_DONE");
    CHECK(round_reply(LogLine{-5, "info", "text"}).unix_milliseconds == -5);
    const NetEvent event = round_reply(NetEvent{-7, "T", "a", "b", 6, 1, 2, 3, "me", "responder", ~uint64_t{0}, "L",
                                                0x1234, "n", "m", "inbound", "s"});
    CHECK(event.unix_milliseconds == -7);
    CHECK(event.type + event.local + event.remote + event.point + event.role == "Tabmeresponder");
    CHECK(event.layer + event.local_name + event.remote_name + event.direction + event.sentence == "Lnminbounds");
    CHECK(event.protocol + event.local_port + event.remote_port + event.code == 12);
    CHECK(event.filter == ~uint64_t{0});
    CHECK(event.spi == 0x1234);
    const CheckReply check = round_reply(CheckReply{{"/a"}, {{"/a", 3, "daemon.x", "No."}}});
    CHECK(check.problems.at(0).line == 3);
    CHECK(round_reply(ExplainReply{"PROTECT", "w", "n", "e", 1, "s"}).spi_out == 1);
    const ExplainReply layered =
        round_reply(ExplainReply{"PROTECT", "w", "n", "e", 1, "s", {{"L", "PERMIT", 7, "f", "t"}}});
    REQUIRE(layered.layers.size() == 1);
    CHECK(layered.layers[0].filter == 7);
    CHECK(layered.layers[0].sentence == "t");
    const PolicyListing listing =
        round_reply(PolicyListing{{{7, "k", "n", "l", "s", 9, "a", 2, {"c", "d"}, "x", "p"}}});
    REQUIRE(listing.rows.size() == 1);
    CHECK(listing.rows[0].weight == 9);
    CHECK(listing.rows[0].conditions.size() == 2);
    CHECK(listing.rows[0].provider == "p");
    CHECK(round_reply(VersionReply{"1", "g++", "3", 1}).openssl == "3");
    CHECK(round_reply(PingAnswer{1, true, 56, 123456, ""}).nanoseconds == 123456);
    const auto answer = round_reply(PolicyAnswer{0x80320009, 3, {0, 7}});
    CHECK(answer.code == 0x80320009);
    CHECK(answer.index == 3);
    CHECK(answer.octets == Bytes{0, 7});
    CHECK(round_reply(PolicyNotice{{9}}).octets == Bytes{9});
  }

  TEST_CASE("octets that are no UTF-8 travel as question marks instead of failing the message") {
    CHECK(utf8("abc\xff") == "abc?");
    CHECK(utf8("\xc0\xaf") == "??");            // overlong
    CHECK(utf8("\xed\xa0\x80") == "???");       // surrogate
    CHECK(utf8("\xf4\x90\x80\x80") == "????");  // past U+10FFFF
    CHECK(utf8("\xe2\x82") == "??");            // cut short
    CHECK(utf8("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80") == "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    CHECK(round_reply(LogLine{0, "info", "x\xfey"}).text == "x?y");
  }

  TEST_CASE("values out of range are refused") {
    // Explain with destination_port 65536, and with addresses of two families; written by hand as protobuf.
    const auto explain = [](std::string_view source, std::string_view destination, Bytes more) {
      Bytes inner{0x0a, static_cast<uint8_t>(source.size())};
      append(inner, as_bytes(source));
      inner.push_back(0x12);
      inner.push_back(static_cast<uint8_t>(destination.size()));
      append(inner, as_bytes(destination));
      append(inner, more);
      Bytes out{0x08, 0x01, 0x4a, static_cast<uint8_t>(inner.size())};
      append(out, inner);
      return out;
    };
    CHECK(decode_request(explain("10.0.0.1", "10.0.0.2", {0x28, 0x35})).has_value());
    CHECK_FALSE(decode_request(explain("10.0.0.1", "10.0.0.2", {0x28, 0x80, 0x80, 0x04})).has_value());
    CHECK_FALSE(decode_request(explain("10.0.0.1", "fd00::1", {})).has_value());
    CHECK_FALSE(decode_request(explain("10.0.0.1", "nonsense", {})).has_value());
    CHECK_FALSE(decode_request(encode(RequestFrame{1, Hello{3, 2, ""}})).has_value());
    CHECK_FALSE(decode_request(encode(RequestFrame{1, Up{std::string(300, 'x'), "", {}}})).has_value());
    CHECK_FALSE(decode_request(encode(RequestFrame{1, Check{std::string("a\0b", 3)}})).has_value());
  }

  TEST_CASE("an unknown kind is refused but still has an id to answer to") {
    const Bytes unknown{0x08, 0x05, 0xfa, 0x06, 0x00};  // id 5, field 111 empty
    CHECK_FALSE(decode_request(unknown).has_value());
    CHECK(decode_request_id(unknown).value() == 5);
    CHECK_FALSE(decode_request_id(Bytes{0xff}).has_value());
  }

  TEST_CASE("every truncation and bit flip of a full status is a value, never a crash") {
    const Bytes whole = encode(ReplyFrame{1, full_status()});
    for (size_t n = 0; n < whole.size(); ++n) (void)decode_reply(ByteView(whole).first(n));
    Bytes flipped = whole;
    for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
      flipped[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
      if (auto reply = decode_reply(flipped)) CHECK(decode_reply(encode(*reply)).has_value());
      flipped[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    }
  }

  TEST_CASE("exit codes tell refusal, silence and distrust apart") {
    CHECK(result_code(Errc::no_proposal_chosen) == ResultCode::peer_refused);
    CHECK(result_code(Errc::ts_unacceptable) == ResultCode::peer_refused);
    CHECK(result_code(Errc::timeout) == ResultCode::timeout);
    CHECK(result_code(Errc::authentication_failed) == ResultCode::authentication_failed);
    CHECK(result_code(Errc::bad_certificate) == ResultCode::authentication_failed);
    CHECK(result_code(Errc::not_found) == ResultCode::not_found);
    CHECK(result_code(Errc::io) == ResultCode::failed);
  }
}
