// The memory of flows, and how they are judged.
#include <doctest/doctest.h>

#include <algorithm>

#include "policy/callout.h"
#include "stack/filter_flows.h"
#include "stack/peer_names.h"
#include "stack/peer_sid.h"
#include "support/policy_samples.h"
#include "support/seeded_rng.h"

using namespace sallyport;
using namespace sallyport::support;
using ipsec::Drop;
using Way = ipsec::FlowPolicy::Ruling::Way;

namespace {

struct Judge {
  test::SeededRng rng{1};
  Engine engine{rng};
  SessionId session = *engine.open(trusted());
  stack::FilterFlows flows;
  TimePoint now{seconds(1000)};

  void add(const Filter& filter) { REQUIRE(engine.add(session, filter)); }
  void take_up() { flows.set(engine.snapshot()); }
};

wire::ip::PacketView view(const char* from, const char* to, uint16_t source_port, uint16_t destination_port,
                          uint8_t protocol = 6) {
  wire::ip::PacketView out;
  out.flow = {*IpAddr::parse(from), *IpAddr::parse(to), protocol, source_port, destination_port, true};
  out.family = out.flow.source.family();
  return out;
}

ipsec::SaRecord& sa_of(ipsec::SaRecord& record, model::ChildId child) {
  record.spec.child_id = child;
  record.spec.encr = model::EncrId::AES_GCM_16;
  return record;
}

}  // namespace

TEST_SUITE("stack/filter_flows") {
  TEST_CASE("without filters nobody has an opinion") {
    Judge judge;
    judge.take_up();
    CHECK_FALSE(judge.flows.active());
    CHECK(judge.flows.outbound(judge.now, view("192.0.2.1", "192.0.2.2", 1, 2)).way == Way::none);
    CHECK(judge.flows.size() == 0);
  }

  TEST_CASE("flows that cannot be remembered are dropped by name, and idle ones make room") {
    Judge judge;
    judge.add(filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::PERMIT));
    judge.take_up();
    for (size_t i = 0; i < stack::FilterFlows::kMostFlows; ++i) {
      const auto port = static_cast<uint16_t>(i);
      REQUIRE(judge.flows.outbound(judge.now, view("192.0.2.1", "192.0.2.2", port, 53, 17)).way == Way::clear);
    }
    const auto full = judge.flows.outbound(judge.now, view("192.0.2.1", "192.0.2.3", 1, 53, 17));
    CHECK(full.way == Way::drop);
    CHECK(full.drop == Drop::flow_limit);
    REQUIRE(judge.flows.next_deadline());
    judge.now += stack::FilterFlows::kIdle + seconds(1);
    judge.flows.handle_deadline(judge.now);
    CHECK(judge.flows.size() == 0);
    CHECK_FALSE(judge.flows.next_deadline());
  }

  TEST_CASE("a flow is judged again when the policy changes") {
    Judge judge;
    judge.add(filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::PERMIT));
    judge.take_up();
    const auto packet = view("192.0.2.1", "192.0.2.2", 1000, 80);
    CHECK(judge.flows.outbound(judge.now, packet).way == Way::clear);
    judge.add(filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::BLOCK,
                     {equal(Field::IP_REMOTE_PORT, Value(uint16_t{80}))}, Value(uint8_t{9})));
    CHECK(judge.flows.outbound(judge.now, packet).way == Way::clear);  // its snapshot is still the old one
    judge.take_up();
    CHECK(judge.flows.outbound(judge.now, packet).drop == Drop::filter_block);
  }

  TEST_CASE("the direction of the first packet selects the layer for good") {
    Judge judge;
    judge.add(filter(Layer::ALE_AUTH_RECV_ACCEPT_V4, ActionType::BLOCK));
    judge.take_up();
    ipsec::SaRecord record;
    // Begun here: its answers are not judged as connections of the peer.
    CHECK(judge.flows.outbound(judge.now, view("192.0.2.1", "192.0.2.2", 1000, 80)).way == Way::none);
    CHECK(judge.flows.inbound(judge.now, view("192.0.2.2", "192.0.2.1", 80, 1000), sa_of(record, 1)).passed());
    // Begun there: the answers are not judged as connections of ours.
    CHECK(judge.flows.inbound(judge.now, view("192.0.2.2", "192.0.2.1", 2000, 22), sa_of(record, 1)) ==
          ipsec::Verdict(Drop::filter_block));
  }

  TEST_CASE("who may: the identity that the SA proved, and another peer on the same flow is asked again") {
    Judge judge;
    SecurityDescriptor clerk;
    clerk.dacl = {{Ace::Kind::allow, kActrlMatchFilter, stack::sid_of_identity("O=Example, CN=clerk")}};
    judge.add(callout_filter(Layer::ALE_AUTH_RECV_ACCEPT_V4, ActionType::CALLOUT_TERMINATING,
                             known::callout::IPSEC_INBOUND_INITIATE_SECURE_V4,
                             {equal(Field::IP_LOCAL_PORT, Value(uint16_t{5555})),
                              equal(Field::ALE_REMOTE_MACHINE_ID, Value(DescriptorValue{write_descriptor(clerk)}))}));
    judge.add(filter(Layer::ALE_AUTH_RECV_ACCEPT_V4, ActionType::BLOCK,
                     {equal(Field::IP_LOCAL_PORT, Value(uint16_t{5555}))}));
    judge.take_up();
    judge.flows.learn(1, {std::make_shared<const Token>(stack::token_of_identity("O=Example, CN=clerk"))});
    judge.flows.learn(2, {std::make_shared<const Token>(stack::token_of_identity("O=Example, CN=guest"))});
    ipsec::SaRecord record;
    const auto packet = view("192.0.2.2", "192.0.2.1", 1000, 5555);
    CHECK(judge.flows.inbound(judge.now, packet, sa_of(record, 1)).passed());
    CHECK_FALSE(judge.flows.inbound(judge.now, packet, sa_of(record, 2)).passed());
    CHECK(judge.flows.inbound(judge.now, packet, sa_of(record, 1)).passed());
    // An SA that proved nothing, a secret of many say.
    CHECK_FALSE(judge.flows.inbound(judge.now, packet, sa_of(record, 3)).passed());
    judge.flows.forget(1);
    CHECK_FALSE(judge.flows.inbound(judge.now, packet, sa_of(record, 1)).passed());
    judge.flows.forget_all_but([](model::ChildId) { return false; });
    CHECK(judge.flows.origins() == 0);
  }

  TEST_CASE(
      "[scenario 2] machine and user have to be allowed, both, and another user on the same flow is asked again") {
    Judge judge;
    const auto descriptor = [](const char* identity) {
      SecurityDescriptor out;
      out.dacl = {{Ace::Kind::allow, kActrlMatchFilter, stack::sid_of_identity(identity)}};
      return Value(DescriptorValue{write_descriptor(out)});
    };
    for (const Layer layer : {Layer::ALE_AUTH_RECV_ACCEPT_V4, Layer::ALE_AUTH_RECV_ACCEPT_V6}) {
      const bool v4 = layer == Layer::ALE_AUTH_RECV_ACCEPT_V4;
      judge.add(callout_filter(
          layer, ActionType::CALLOUT_TERMINATING,
          v4 ? known::callout::IPSEC_INBOUND_INITIATE_SECURE_V4 : known::callout::IPSEC_INBOUND_INITIATE_SECURE_V6,
          {equal(Field::IP_LOCAL_PORT, Value(uint16_t{5555})),
           equal(Field::ALE_REMOTE_MACHINE_ID, descriptor("O=Example, CN=desk")),
           equal(Field::ALE_REMOTE_USER_ID, descriptor("alice@example.org"))}));
      judge.add(filter(layer, ActionType::BLOCK, {equal(Field::IP_LOCAL_PORT, Value(uint16_t{5555}))}));
    }
    judge.take_up();
    const auto token = [](const char* identity) {
      return std::make_shared<const Token>(stack::token_of_identity(identity));
    };
    const auto learn = [&](model::ChildId child, const char* machine, const char* user) {
      stack::FilterFlows::Origin origin;
      origin.machine = token(machine);
      if (user != nullptr) origin.user = token(user);
      judge.flows.learn(child, origin);
    };
    learn(1, "O=Example, CN=desk", "alice@example.org");
    learn(2, "O=Example, CN=desk", "mallory@example.org");
    learn(3, "O=Example, CN=lobby", "alice@example.org");
    learn(4, "O=Example, CN=desk", nullptr);
    // The user's name is no machine's, and the other way round.
    learn(5, "alice@example.org", "O=Example, CN=desk");
    ipsec::SaRecord record;
    for (const bool v4 : {true, false}) {
      const auto packet =
          v4 ? view("192.0.2.2", "192.0.2.1", 1000, 5555) : view("2001:db8::2", "2001:db8::1", 1000, 5555);
      CHECK(judge.flows.inbound(judge.now, packet, sa_of(record, 1)).passed());
      for (const model::ChildId other : {2, 3, 4, 5}) {
        CAPTURE(other);
        CHECK(judge.flows.inbound(judge.now, packet, sa_of(record, other)) == ipsec::Verdict(Drop::filter_block));
      }
      CHECK(judge.flows.inbound(judge.now, packet, sa_of(record, 1)).passed());
    }
  }

  TEST_CASE("[scenario 2] the flows of two users of this host ask for SAs of their own, and a new connection anew") {
    Judge judge;
    judge.add(callout_filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
                             known::callout::IPSEC_OUTBOUND_TRANSPORT_V4));
    judge.take_up();
    const auto asks = [&](uint16_t port, bool opens) {
      auto packet = view("192.0.2.1", "192.0.2.2", port, 80);
      packet.tcp_flags = opens ? wire::ip::kTcpSyn : wire::ip::kTcpAck;
      const auto ruling = judge.flows.outbound(judge.now, packet);
      REQUIRE(ruling.decision);
      return (*ruling.decision->entry)->reqid;
    };
    const auto flow = [](uint16_t port) { return stack::leaving_flow(view("192.0.2.1", "192.0.2.2", port, 80).flow); };
    const uint32_t unknown = asks(1000, true);
    judge.flows.place_user(judge.now, flow(1000), 1002);
    judge.flows.place_user(judge.now, flow(1001), 1003);
    const uint32_t alice = asks(1000, true), carol = asks(1001, true);
    CHECK(alice == stack::reqid_of_user(unknown, 1002));
    CHECK(carol == stack::reqid_of_user(unknown, 1003));
    CHECK(asks(1000, false) == alice);
    // The port may be somebody else's by now.
    CHECK(asks(1000, true) == unknown);
  }

  TEST_CASE(
      "whom a connection may be to: what leaves is judged by the identity that its SA proved, after every change") {
    Judge judge;
    SecurityDescriptor clerk;
    clerk.dacl = {{Ace::Kind::allow, kActrlMatchFilter, stack::sid_of_identity("clerk.example")}};
    auto permit = callout_filter(
        Layer::ALE_AUTH_CONNECT_V4, ActionType::CALLOUT_TERMINATING, known::callout::IPSEC_ALE_CONNECT_V4,
        {equal(Field::ALE_REMOTE_MACHINE_ID, Value(DescriptorValue{write_descriptor(clerk)}))});
    permit.weight = Value(uint8_t{14});
    judge.add(permit);
    judge.add(filter(Layer::ALE_AUTH_CONNECT_V4, ActionType::BLOCK,
                     {{Field::FLAGS, MatchType::FLAGS_ALL_SET, Value(stack::kFlagIpsecSecured)}}, Value(uint8_t{13})));
    judge.take_up();
    judge.flows.learn(1,
                      {std::make_shared<const Token>(stack::token_of_names({"O=Example, CN=clerk", "clerk.example"}))});
    judge.flows.learn(2,
                      {std::make_shared<const Token>(stack::token_of_names({"O=Example, CN=guest", "guest.example"}))});
    ipsec::SaRecord record;
    const auto leaving = view("192.0.2.1", "192.0.2.2", 1000, 80), arriving = view("192.0.2.2", "192.0.2.1", 80, 1000);
    CHECK(judge.flows.outbound(judge.now, leaving).way != Way::drop);
    CHECK(judge.flows.inbound(judge.now, arriving, sa_of(record, 1)).passed());
    // A change that does not concern it: the peer is still who it was.
    judge.add(filter(Layer::OUTBOUND_TRANSPORT_V6, ActionType::PERMIT));
    judge.take_up();
    CHECK(judge.flows.outbound(judge.now, leaving).way != Way::drop);
    CHECK(judge.flows.inbound(judge.now, arriving, sa_of(record, 2)) == ipsec::Verdict(Drop::filter_block));
  }

  TEST_CASE("[RFC4945 3.1] a certificate proves its subject, its alternative names, whatever their case") {
    CHECK(stack::names_of_peer("gw.example", {}) == std::vector<std::string>{"gw.example"});
    const auto token = stack::token_of_names({"O=Example, CN=gw", "gw.example"});
    const auto holds = [&](const char* name) {
      const auto wanted = stack::sid_of_identity(name);
      return std::any_of(token.sids.begin(), token.sids.end(), [&](const auto& each) { return each.sid == wanted; });
    };
    CHECK(holds("O=Example, CN=gw"));
    CHECK(holds("GW.example"));
    CHECK_FALSE(holds("other.example"));
  }

  TEST_CASE("a name of a certificate has one SID, written or as it travels") {
    const auto written = stack::sid_of_identity("O=Example, CN=clerk");
    CHECK(written == stack::sid_of_identity("O=Example,CN=clerk"));
    CHECK(written != stack::sid_of_identity("CN=clerk, O=Example"));
    CHECK(written.to_string().starts_with("S-1-9-"));
    CHECK(written.parts.size() == 8);
    CHECK(stack::sid_of_identity("clerk.example") != stack::sid_of_identity("guest.example"));
  }
}
