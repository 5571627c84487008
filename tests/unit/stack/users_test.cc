// Users beside the machines, as policy asks for them: two whole stacks in memory. RFC 4739; WFP 13.4, 20.6.
#include <doctest/doctest.h>

#include "policy/app_id.h"
#include "policy/callout.h"
#include "stack/net_events.h"
#include "support/filter_scenarios.h"

using namespace sallyport;
using namespace sallyport::test;
namespace s = sallyport::support;

namespace {

constexpr uint32_t kAlice = 1000, kCarol = 1001;

model::AccountUser account(uint32_t uid, const std::string& name) {
  return {uid, {*model::Identity::parse(name + "@example.org"), name}};
}

// An IPv4 TCP segment without data.
Bytes segment(const IpAddr& from, const IpAddr& to, uint16_t source, uint16_t destination, uint8_t flags) {
  Bytes out(40);
  out[0] = 0x45;
  store_be16(&out[2], 40);
  out[8] = 64;
  out[9] = 6;
  std::copy(from.bytes().begin(), from.bytes().end(), out.begin() + 12);
  std::copy(to.bytes().begin(), to.bytes().end(), out.begin() + 16);
  store_be16(&out[20], source);
  store_be16(&out[22], destination);
  out[32] = 0x50;
  out[33] = flags;
  store_be16(&out[34], 1024);
  return out;
}

struct UserPair : FilterPair {
  // East begins; its users are of accounts, and west demands one.
  void install_both(std::vector<model::AccountUser> users = {account(kAlice, "alice"), account(kCarol, "carol")}) {
    FilterScenario client, server;
    client.em = extended_mode(true, false);
    client.users = std::move(users);
    server.em = extended_mode(false, true);
    install(east, now, client);
    install(west, now, server);
  }
  void connect(uint16_t port) {
    PacketBuf packet = PacketBuf::copy_of(segment(east.address, west.address, port, 80, 0x02));
    east.dataplane.handle_inner_packets(now, {&packet, 1});
    east.drain(now);
    run(seconds(3));
  }
  std::set<std::string> users_at(StackNode& node, bool remote) {
    std::set<std::string> out;
    for (const auto& sa : node.control.ike_sas()) out.insert(remote ? sa.remote_user : sa.local_user);
    return out;
  }
};

}  // namespace

TEST_SUITE("stack/users") {
  TEST_CASE("[scenario 2] two users of one client machine get two IKE SAs and two SA pairs, which they do not share") {
    UserPair pair;
    pair.install_both();
    pair.east.owners = {{2000, kAlice}, {2001, kCarol}, {2002, kAlice}};
    for (const uint16_t port : {uint16_t{2000}, uint16_t{2001}, uint16_t{2002}}) pair.connect(port);
    CHECK(pair.users_at(pair.east, false) == std::set<std::string>{"alice@example.org", "carol@example.org"});
    CHECK(pair.users_at(pair.west, true) == std::set<std::string>{"alice@example.org", "carol@example.org"});
    CHECK(pair.east.control.ike_sas().size() == 2);
    REQUIRE(pair.east.dataplane.sas(pair.now).size() == 2);
    CHECK(pair.west.dataplane.sas(pair.now).size() == 2);
    uint64_t carried = 0;
    for (const auto& sa : pair.east.dataplane.sas(pair.now)) {
      CHECK(sa.packets_out > 0);
      carried += sa.packets_out;
    }
    CHECK(carried == 3);
    CHECK(pair.east.clear.empty());
    CHECK(pair.east.control.tables().negotiations == 0);
  }

  TEST_CASE("[scenario 2] the SAs of an account go with its certificate, and the others' stay") {
    UserPair pair;
    pair.install_both();
    pair.east.owners = {{2000, kAlice}, {2001, kCarol}};
    for (const uint16_t port : {uint16_t{2000}, uint16_t{2001}}) pair.connect(port);
    REQUIRE(pair.east.control.ike_sas().size() == 2);
    auto fewer = std::make_shared<model::IkePolicySet>(*pair.east.control.policy());
    std::erase_if(fewer->users, [](const auto& each) { return each.uid == kCarol; });
    pair.east.control.handle_command(pair.now, stack::ReloadCommand{0, fewer});
    pair.east.drain(pair.now);
    pair.run(seconds(2));
    CHECK(pair.users_at(pair.east, false) == std::set<std::string>{"alice@example.org"});
    CHECK(pair.east.dataplane.sas(pair.now).size() == 1);
  }

  TEST_CASE("[WFP 13.4] whoever has no user gets no SA, and both ends tell of it as a failure of extended mode") {
    UserPair pair;
    pair.install_both();
    pair.connect(3000);  // a socket that nobody knows
    CHECK(pair.east.control.ike_sas().empty());
    CHECK(pair.east.dataplane.sas(pair.now).empty());
    CHECK(pair.east.clear.empty());
    const auto theirs = events<policy::EmFailure>(pair.west);
    REQUIRE_FALSE(theirs.empty());
    CHECK(theirs[0].second.point == policy::FailurePoint::ME);
    CHECK(theirs[0].second.role == policy::SaRole::RESPONDER);
    CHECK(theirs[0].second.method == policy::AuthMethodType::CERTIFICATE);
    CHECK(theirs[0].second.filter == filter_at(pair.west, policy::Layer::IPSEC_V4));
    CHECK(events<policy::MmFailure>(pair.west).empty());
  }

  TEST_CASE("[WFP 13.4] a user whom nobody vouches for: PEER at his end, ME at the other") {
    UserPair pair;
    pair.install_both();
    pair.west.keys.untrusting = true;
    pair.east.owners = {{2000, kAlice}};
    pair.connect(2000);
    CHECK(pair.east.dataplane.sas(pair.now).empty());
    const auto ours = events<policy::EmFailure>(pair.east), theirs = events<policy::EmFailure>(pair.west);
    REQUIRE_FALSE(ours.empty());
    REQUIRE_FALSE(theirs.empty());
    CHECK(ours[0].second.code == 13801);  // ERROR_IPSEC_IKE_AUTH_FAIL
    CHECK(ours[0].second.point == policy::FailurePoint::PEER);
    CHECK(ours[0].second.role == policy::SaRole::INITIATOR);
    CHECK(ours[0].second.filter == filter_at(pair.east, policy::Layer::IPSEC_V4));
    CHECK(theirs[0].second.point == policy::FailurePoint::ME);
  }

  TEST_CASE("[WFP 13.4] what one user cannot have another can: failures are of the user that failed") {
    UserPair pair;
    pair.install_both({account(kAlice, "alice")});
    pair.east.owners = {{2000, kAlice}, {2001, kCarol}};
    pair.connect(2001);
    CHECK(pair.east.dataplane.sas(pair.now).empty());
    pair.connect(2000);
    pair.run(seconds(2));
    CHECK(pair.users_at(pair.east, false) == std::set<std::string>{"alice@example.org"});
    CHECK(pair.east.dataplane.sas(pair.now).size() == 1);
  }

  TEST_CASE(
      "[WFP ALE_APP_ID] both ends of a protected connection ask whose socket it is, and packets wait for the "
      "answer") {
    UserPair pair;
    for (StackNode* node : {&pair.east, &pair.west}) {
      const bool connects = node == &pair.east;
      const auto layer = connects ? policy::Layer::ALE_AUTH_CONNECT_V4 : policy::Layer::ALE_AUTH_RECV_ACCEPT_V4;
      const auto app = policy::Value(policy::Blob{policy::app_id_of("/bin/good")});
      FilterScenario asking;
      asking.more = {s::filter(layer, policy::ActionType::PERMIT, {s::equal(policy::Field::ALE_APP_ID, app)},
                               policy::Value(uint8_t{9})),
                     s::filter(layer, policy::ActionType::BLOCK, {}, policy::Value(uint8_t{1}))};
      install(*node, pair.now, asking);
    }
    const auto runs = [](const char* path) {
      auto out = std::make_shared<stack::SocketOwner>();
      out->user = std::make_shared<const policy::Token>(stack::token_of_account(kAlice, {}));
      out->program = policy::app_id_of(path);
      return out;
    };
    pair.east.socket_owners = {{2000, runs("/bin/good")}, {2001, runs("/bin/bad")}};
    pair.west.socket_owners = {{80, runs("/bin/good")}};
    pair.connect(2000);
    CHECK(pair.west.dataplane.drops().total() == 0);
    CHECK(pair.east.owner_questions.size() == 2);  // its SYN again, when it has waited for the SA
    REQUIRE(pair.west.owner_questions.size() == 1);
    CHECK(pair.west.owner_questions[0].accepted);
    pair.connect(2001);
    CHECK(pair.east.dataplane.drops()[ipsec::Drop::filter_block] == 1);
    pair.connect(2002);  // nobody can say whose that is
    CHECK(pair.east.dataplane.drops()[ipsec::Drop::owner_unknown] == 1);
    pair.west.socket_owners = {{80, runs("/bin/bad")}};
    pair.east.socket_owners[2003] = runs("/bin/good");
    pair.connect(2003);
    CHECK(pair.west.dataplane.drops()[ipsec::Drop::filter_block] == 1);
    pair.west.socket_owners.clear();
    pair.east.socket_owners[2004] = runs("/bin/good");
    pair.connect(2004);
    CHECK(pair.west.dataplane.drops()[ipsec::Drop::owner_unknown] == 1);
    CHECK(pair.east.clear.empty());
  }
}
