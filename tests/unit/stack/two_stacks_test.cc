// The daemon's whole job in memory: negotiate, carry packets, rekey, take down, fail with a sentence.
#include <doctest/doctest.h>

#include "support/stack_pair.h"

using namespace sallyport;
using namespace sallyport::test;

namespace {

void load(StackPair& pair, std::shared_ptr<model::IkePolicySet> east, std::shared_ptr<model::IkePolicySet> west,
          const char* east_secret = "a long enough secret", const char* west_secret = "a long enough secret") {
  pair.east.keys.secrets["site-psk"] = east_secret;
  pair.west.keys.secrets["site-psk"] = west_secret;
  pair.east.control.handle_command(pair.now, stack::ReloadCommand{0, std::move(east)});
  pair.west.control.handle_command(pair.now, stack::ReloadCommand{0, std::move(west)});
  pair.settle();
}

const stack::CommandResult& up(StackPair& pair) {
  pair.east.control.handle_command(pair.now, stack::UpCommand{77, "site", "net"});
  pair.run(minutes(2));
  REQUIRE(pair.east.results.size() == 1);
  return pair.east.results.front();
}

size_t pings_answered(StackPair& pair, int n) {
  size_t answered = 0;
  for (int i = 0; i < n; ++i) {
    REQUIRE(pair.east.dataplane.ping(pair.now, 1, *IpAddr::parse("10.2.0.1"), static_cast<uint16_t>(i), 56));
    pair.run(milliseconds(10));
    while (pair.east.dataplane.poll_pong()) ++answered;
  }
  return answered;
}

}  // namespace

TEST_SUITE("stack/two_stacks") {
  TEST_CASE("a tunnel comes up and carries pings") {
    StackPair pair;
    load(pair, psk_policy(false), psk_policy(true));
    const auto& result = up(pair);
    CHECK_MESSAGE(!result.error, result.sentence);
    CHECK(pings_answered(pair, 5) == 5);
    CHECK(pair.east.control.ike_sas().size() == 1);
    CHECK(pair.west.dataplane.sas(pair.now).size() == 1);
  }
  TEST_CASE("[RFC4301 5.1] traffic asks for its SA and the packet that asked is not lost") {
    StackPair pair;
    load(pair, psk_policy(false, "aes128gcm16-prfsha256-x25519", "aes128gcm16", model::ChildPolicy::Start::route),
         psk_policy(true));
    REQUIRE(pair.east.dataplane.ping(pair.now, 1, *IpAddr::parse("10.2.0.1"), 1, 56));
    pair.run(seconds(5));
    CHECK(pair.east.dataplane.poll_pong());
  }
  TEST_CASE("[RFC7296 2.8] rekeys of Child and IKE SA lose no packet") {
    StackPair pair;
    load(pair, psk_policy(false, "aes128gcm16-prfsha256-x25519", "aes128gcm16-x25519"),
         psk_policy(true, "aes128gcm16-prfsha256-x25519", "aes128gcm16-x25519"));
    CHECK_FALSE(up(pair).error);
    for (int i = 0; i < 4; ++i) {
      auto& node = i % 2 == 0 ? pair.east : pair.west;
      node.control.handle_command(pair.now, stack::RekeyCommand{1, "site", "net"});
      CHECK(pings_answered(pair, 3) == 3);
      node.control.handle_command(pair.now, stack::RekeyCommand{2, "site", ""});
      CHECK(pings_answered(pair, 3) == 3);
    }
    pair.run(seconds(30));
    CHECK(pair.east.control.ike_sas().size() == 1);
    CHECK(pair.east.dataplane.sas(pair.now).size() == 1);
    CHECK(pair.west.dataplane.sas(pair.now).size() == 1);
  }
  TEST_CASE("a wrong secret is one clear sentence on both sides, and no packet leaves") {
    StackPair pair;
    load(pair, psk_policy(false), psk_policy(true), "a long enough secret", "another long secret");
    const auto& result = up(pair);
    REQUIRE(result.error);
    CHECK(*result.error == Errc::authentication_failed);
    CHECK_FALSE(result.sentence.empty());
    const bool told = std::any_of(pair.west.notices.begin(), pair.west.notices.end(), [](const stack::Notice& n) {
      return n.kind == stack::Notice::Kind::attempt_failed && n.code == Errc::authentication_failed;
    });
    CHECK(told);
    CHECK(pair.west.dataplane.sas(pair.now).empty());
  }
  TEST_CASE("no common proposal names both sides") {
    StackPair pair;
    load(pair, psk_policy(false, "aes256gcm16-prfsha256-x25519"), psk_policy(true, "aes128gcm16-prfsha256-ecp256"));
    const auto& result = up(pair);
    REQUIRE(result.error);
    CHECK(*result.error == Errc::no_proposal_chosen);
    CHECK(result.ours.find("aes256gcm16") != std::string::npos);
    const bool told = std::any_of(pair.west.notices.begin(), pair.west.notices.end(), [](const stack::Notice& n) {
      return n.kind == stack::Notice::Kind::attempt_failed && n.peers.find("aes256gcm16") != std::string::npos;
    });
    CHECK(told);
  }
  TEST_CASE("selectors that do not overlap are refused with a sentence") {
    StackPair pair;
    auto west = psk_policy(true);
    west->connections[0].children[0].local = {*model::parse_selector("10.9.0.0/24")};
    load(pair, psk_policy(false), west);
    const auto& result = up(pair);
    REQUIRE(result.error);
    CHECK(*result.error == Errc::ts_unacceptable);
  }
  TEST_CASE("an absent peer is a timeout, said once") {
    StackPair pair;
    load(pair, psk_policy(false), psk_policy(true));
    pair.west.address = *IpAddr::parse("192.0.2.99");
    pair.east.control.handle_command(pair.now, stack::UpCommand{77, "site", "net"});
    pair.run(minutes(5));
    REQUIRE(pair.east.results.size() == 1);
    CHECK(*pair.east.results[0].error == Errc::timeout);
  }
  TEST_CASE("[RFC7296 1.4.1] down deletes on both sides and the wire held nothing but IKE and ESP") {
    StackPair pair;
    load(pair, psk_policy(false), psk_policy(true));
    CHECK_FALSE(up(pair).error);
    CHECK(pings_answered(pair, 1) == 1);
    pair.east.control.handle_command(pair.now, stack::DownCommand{78, "site", ""});
    pair.run(seconds(30));
    CHECK(pair.east.control.ike_sas().empty());
    CHECK(pair.west.control.ike_sas().empty());
    CHECK(pair.west.dataplane.sas(pair.now).empty());
    const Bytes inner = *from_hex("0a0100010a020001");
    for (const WirePacket& p : pair.wire_log)
      CHECK(std::search(p.payload.begin(), p.payload.end(), inner.begin(), inner.end()) == p.payload.end());
  }
  TEST_CASE("up right after down negotiates anew, before the old SAs are gone") {
    StackPair pair;
    load(pair, psk_policy(false), psk_policy(true));
    CHECK_FALSE(up(pair).error);
    for (const char* child : {"", "net"}) {
      const auto before = pair.east.control.ike_sas();
      pair.east.results.clear();
      pair.east.control.handle_command(pair.now, stack::DownCommand{78, "site", child});
      pair.east.control.handle_command(pair.now, stack::UpCommand{79, "site", "net"});
      pair.run(seconds(30));
      REQUIRE(pair.east.results.size() == 2);
      CHECK(pair.east.results[1].token == 79);
      CHECK_FALSE(pair.east.results[1].error);
      CHECK(pair.east.results[1].sentence == "\"site/net\" is up");
      for (StackNode* node : {&pair.east, &pair.west}) {
        REQUIRE(node->control.ike_sas().size() == 1);
        REQUIRE(node->control.ike_sas()[0].children.size() == 1);
      }
      REQUIRE(before.size() == 1);
      CHECK(pair.east.control.ike_sas()[0].children[0].spi_in != before[0].children[0].spi_in);
      CHECK(pings_answered(pair, 1) == 1);
    }
  }
  TEST_CASE("[RFC7296 2.4] a peer that dies is noticed and keep_up brings the tunnel back") {
    StackPair pair;
    auto east = psk_policy(false, "aes128gcm16-prfsha256-x25519", "aes128gcm16", model::ChildPolicy::Start::up);
    east->connections[0].keep_up = true;
    east->connections[0].dpd_delay = seconds(5);
    load(pair, east, psk_policy(true));
    pair.run(seconds(5));
    CHECK(pings_answered(pair, 1) == 1);
    pair.west.address = *IpAddr::parse("192.0.2.99");
    pair.run(minutes(3));
    const bool noticed = std::any_of(pair.east.notices.begin(), pair.east.notices.end(),
                                     [](const stack::Notice& n) { return n.kind == stack::Notice::Kind::ike_down; });
    CHECK(noticed);
    pair.west.address = *IpAddr::parse("192.0.2.2");
    pair.run(minutes(3));
    CHECK(pings_answered(pair, 1) == 1);
  }
  TEST_CASE("the same seed and inputs give the same sizes and order on the wire") {
    std::vector<size_t> sizes[2];
    for (auto& list : sizes) {
      StackPair pair(42);
      load(pair, psk_policy(false), psk_policy(true));
      CHECK_FALSE(up(pair).error);
      for (const WirePacket& p : pair.wire_log) list.push_back(p.payload.size());
    }
    CHECK(sizes[0] == sizes[1]);
  }
}
