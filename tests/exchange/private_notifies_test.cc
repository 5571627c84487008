// What two daemons of this project tell each other besides the RFCs: docs/private-notifies.md.
#include "ike/v2/private_notifies.h"

#include <doctest/doctest.h>

#include "support/ike_pair.h"
#include "wire/ike2/message.h"

TEST_SUITE_BEGIN("exchange/private_notifies");

namespace sallyport::test {

namespace {

namespace notifies = ike::v2::private_notifies;

void change(IkePair& pair, const PairPolicy& words, bool first, const std::function<void(model::ChildPolicy&)>& how) {
  model::IkePolicySet set = *policy_of(first, words);
  how(set.connections[0].children[0]);
  IkePeer& peer = first ? pair.a : pair.b;
  peer.command(pair.now, ike::SetPolicy{std::make_shared<model::IkePolicySet>(std::move(set))});
}

const model::SaSpec& newest(const IkePeer& peer) {
  REQUIRE_FALSE(peer.sad.empty());
  return peer.sad.rbegin()->second.spec;
}

wire::ike2::Message read(const ike::Datagram& datagram) {
  auto message = wire::ike2::parse_message(datagram.payload);
  REQUIRE(message);
  return std::move(*message);
}

// The oldest datagram on its way from `peer` no longer carries the vendor ID.
void strip_vendor_id(IkePeer& peer) {
  REQUIRE_FALSE(peer.out.empty());
  wire::ike2::Message message = read(peer.out.front());
  REQUIRE(std::erase_if(message.payloads, [](const auto& payload) {
            return std::holds_alternative<wire::ike2::VendorPayload>(payload);
          }) == 1);
  peer.out.front().payload = wire::ike2::write_message(message);
}

void initiate(IkePair& pair) { pair.a.command(pair.now, ike::Initiate{"net", ""}); }

}  // namespace

TEST_CASE("[RFC7296 3.12] both sides announce themselves in IKE_SA_INIT") {
  IkePair pair;
  initiate(pair);
  CHECK(notifies::announced(read(pair.a.out.front()).payloads));
  REQUIRE(pair.a_to_b());
  CHECK(notifies::announced(read(pair.b.out.front()).payloads));
}

TEST_CASE("[scenario 4] who was not announced to announces nothing, and says and hears no private notify") {
  const PairPolicy words;
  SUBCASE("the initiator is a stranger") {
    IkePair pair;
    initiate(pair);
    strip_vendor_id(pair.a);
    REQUIRE(pair.a_to_b());
    CHECK_FALSE(notifies::announced(read(pair.b.out.front()).payloads));
  }
  SUBCASE("the responder seems to be a stranger") {
    IkePair pair;
    change(pair, words, true, [](auto& child) { child.boundary = child.guaranteed_encryption = true; });
    initiate(pair);
    REQUIRE(pair.a_to_b());
    strip_vendor_id(pair.b);
    REQUIRE(pair.b_to_a());
    REQUIRE(pair.a_to_b());
    CHECK_FALSE(newest(pair.b).peer_boundary);
    CHECK_FALSE(newest(pair.b).guaranteed_encryption);
  }
}

TEST_CASE("[scenario 3] the boundary property is told, by each side of itself, and kept over rekeys") {
  const PairPolicy words;
  for (const bool a_is : {true, false}) {
    for (const bool b_is : {true, false}) {
      IkePair pair;
      change(pair, words, true, [&](auto& child) { child.boundary = a_is; });
      change(pair, words, false, [&](auto& child) { child.boundary = b_is; });
      pair.up();
      CHECK(newest(pair.a).peer_boundary == b_is);
      CHECK(newest(pair.b).peer_boundary == a_is);
      CHECK(pair.a.endpoint.status().at(0).children.at(0).peer_boundary == b_is);
      pair.b.command(pair.now, ike::RekeyChild{"net", "lan0", std::nullopt});
      pair.run();
      CHECK(newest(pair.a).replaces.has_value());
      CHECK(newest(pair.a).peer_boundary == b_is);
      CHECK(newest(pair.b).peer_boundary == a_is);
      // Also in an IKE SA that has taken the place of the first.
      pair.a.command(pair.now, ike::RekeyIke{"net"});
      pair.run();
      pair.a.command(pair.now, ike::RekeyChild{"net", "lan0", std::nullopt});
      pair.run();
      CHECK(newest(pair.b).peer_boundary == a_is);
      CHECK(pair.agreement() == "");
    }
  }
}

TEST_CASE("[scenario 6] guaranteed encryption is told, and an answer that only authenticates is refused") {
  PairPolicy words;
  SUBCASE("encrypted") {
    IkePair pair;
    change(pair, words, true, [](auto& child) { child.guaranteed_encryption = true; });
    pair.up();
    CHECK(newest(pair.a).guaranteed_encryption);
    CHECK(newest(pair.b).guaranteed_encryption);
    CHECK(pair.b.endpoint.status().at(0).children.at(0).guaranteed_encryption);
  }
  SUBCASE("nothing said") {
    IkePair pair;
    pair.up();
    CHECK_FALSE(newest(pair.b).guaranteed_encryption);
  }
  SUBCASE("authentication alone") {
    words.child = "null-sha256";
    IkePair pair(words);
    change(pair, words, true, [](auto& child) { child.guaranteed_encryption = true; });
    pair.up();
    CHECK(pair.a.sad.empty());
    CHECK(pair.b.sad.empty());
    REQUIRE_FALSE(pair.b.complaints.empty());
    CHECK(pair.b.complaints[0].find("must be encrypted") != std::string::npos);
  }
}

}  // namespace sallyport::test

TEST_SUITE_END();
