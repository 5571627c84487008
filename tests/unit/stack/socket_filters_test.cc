// The filters of secured sockets, what a group of them shares, and how the memory of flows and the keying half keep
// groups apart.
#include "stack/socket_filters.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "config/filter_settings.h"
#include "stack/filter_flows.h"
#include "stack/filter_keying.h"
#include "stack/peer_names.h"
#include "stack/peer_sid.h"
#include "support/policy_samples.h"
#include "support/seeded_rng.h"

using namespace sallyport;
using namespace sallyport::support;
using ipsec::Drop;
using stack::NamedPeer;
using stack::SocketGroup;
using stack::SocketPlace;
using stack::SocketWish;
using Way = ipsec::FlowPolicy::Ruling::Way;

namespace {

SocketPlace listener(uint16_t port = 27015) {
  return {6, *IpAddr::parse("192.0.2.1"), IpAddr::any(Family::v4), port, 0};
}
SocketPlace connection() { return {6, *IpAddr::parse("192.0.2.1"), *IpAddr::parse("192.0.2.2"), 0, 27015}; }

const Filter* at(const std::vector<Filter>& filters, Layer layer) {
  const auto found = std::find_if(filters.begin(), filters.end(), [&](const Filter& f) { return f.layer == layer; });
  return found == filters.end() ? nullptr : &*found;
}

const Condition* condition(const Filter& filter, Field field) {
  const auto found = std::find_if(filter.conditions.begin(), filter.conditions.end(),
                                  [&](const Condition& c) { return c.field == field; });
  return found == filter.conditions.end() ? nullptr : &*found;
}

wire::ip::PacketView view(const char* from, const char* to, uint16_t source_port, uint16_t destination_port,
                          uint8_t tcp_flags = wire::ip::kTcpAck) {
  wire::ip::PacketView out;
  out.flow = {*IpAddr::parse(from), *IpAddr::parse(to), 6, source_port, destination_port, true};
  out.family = Family::v4;
  out.tcp_flags = tcp_flags;
  return out;
}
wire::ip::PacketView leaving(uint16_t port, uint8_t flags = wire::ip::kTcpAck) {
  return view("192.0.2.1", "192.0.2.2", port, 27015, flags);
}
wire::ip::PacketView arriving(uint16_t port) { return view("192.0.2.2", "192.0.2.1", 27015, port); }

// One host: its engine with the built-in contexts, the memory of its flows, and its keying half.
struct Host {
  test::SeededRng rng{1};
  Engine engine{rng};
  SessionId session = *engine.open(trusted());
  stack::FilterFlows flows;
  stack::FilterKeying keying;
  TimePoint now{seconds(1000)};

  Host() {
    Provider provider;
    provider.head.key = stack::secure_socket_provider();
    provider.head.display.name = "secure sockets";
    REQUIRE(engine.add(session, provider));
    ProviderContext main_mode;
    main_mode.head.key = guid(1);
    main_mode.head.display.name = "main mode";
    main_mode.type = ContextType::IPSEC_IKEV2_MM;
    main_mode.policy = ike_policy();
    REQUIRE(engine.add(session, main_mode));
    for (const bool encrypted : {false, true}) {
      ProviderContext quick_mode;
      quick_mode.head.key = stack::secure_socket_quick_mode(encrypted);
      quick_mode.head.display.name = "quick mode";
      quick_mode.type = ContextType::IPSEC_IKEV2_QM_TRANSPORT;
      quick_mode.policy = transport_policy();
      REQUIRE(engine.add(session, quick_mode));
    }
    Filter filter = support::filter(Layer::IKEEXT_V4, ActionType::PERMIT);
    filter.head.flags |= Filter::kHasProviderContext;
    filter.provider_context = guid(1);
    REQUIRE(engine.add(session, filter));
  }
  std::shared_ptr<const SocketGroup> add(uint64_t number, const SocketPlace& place, const SocketWish& wish = {},
                                         const std::vector<NamedPeer>& names = {}) {
    auto group = std::make_shared<SocketGroup>();
    group->number = number;
    group->by_flow = place.remote_port != 0;
    group->peer_name = stack::peer_name_of(names);
    for (auto& filter : stack::socket_filters(wish, place, names, "socket", *group))
      REQUIRE(engine.add(session, std::move(filter)));
    flows.set(engine.snapshot());
    return group;
  }
  void place(uint16_t port, std::shared_ptr<const SocketGroup> group) {
    flows.place(now, stack::leaving_flow(leaving(port).flow), std::move(group));
  }
  ipsec::FlowPolicy::Ruling out(uint16_t port, uint8_t flags = wire::ip::kTcpAck) {
    return flows.outbound(now, leaving(port, flags));
  }
  stack::FilterFlows::Standing standing(uint16_t port) {
    return flows.standing(stack::leaving_flow(leaving(port).flow)).value_or(stack::FilterFlows::Standing{});
  }
  ipsec::Verdict in(const wire::ip::PacketView& packet, model::ChildId child, uint32_t reqid = 0) {
    ipsec::SaRecord record;
    record.spec.child_id = child;
    record.spec.reqid = reqid;
    record.spec.encr = model::EncrId::AES_GCM_16;
    return flows.inbound(now, packet, record);
  }
  // An SA that serves a group. answered: its reqid, where the peer asked for it.
  void sa(model::ChildId child, uint64_t group, uint32_t answered = 0, std::shared_ptr<const Token> machine = nullptr) {
    flows.learn(child, {std::move(machine), true, 0, false, group, answered});
  }
};

}  // namespace

TEST_SUITE("stack/socket_filters") {
  TEST_CASE("a listener's filters name its port and decide alone") {
    const auto filters = stack::socket_filters({}, listener(), {}, "socket 1", {7, false, {}});
    const Filter* inbound = at(filters, Layer::INBOUND_TRANSPORT_V4);
    REQUIRE(inbound != nullptr);
    CHECK(condition(*inbound, Field::IP_LOCAL_PORT) != nullptr);
    CHECK(inbound->action.type == ActionType::CALLOUT_TERMINATING);
    CHECK(stack::group_of(*inbound) == SocketGroup{7, false, {}});
    CHECK(at(filters, Layer::ALE_AUTH_RECV_ACCEPT_V4) != nullptr);
    CHECK(at(filters, Layer::ALE_AUTH_CONNECT_V4) == nullptr);
  }

  TEST_CASE("a group's filters name its peer and no port of its own, and leave flows of others alone") {
    const auto filters = stack::socket_filters({}, connection(), {}, "sockets", {9, true, {}});
    for (const Filter& filter : filters) {
      CHECK(condition(filter, Field::IP_LOCAL_PORT) == nullptr);
      CHECK(condition(filter, Field::IP_REMOTE_PORT) != nullptr);
      CHECK(stack::group_of(filter) == SocketGroup{9, true, {}});
      CHECK((filter.action.type != ActionType::CALLOUT_TERMINATING || filter.may_pass_on));
    }
    CHECK(at(filters, Layer::IPSEC_V4) != nullptr);
  }

  TEST_CASE("what has no group, and what only looks like one, is in none") {
    Filter filter = support::filter(Layer::IPSEC_V4, ActionType::PERMIT);
    filter.head.provider_data = Bytes(9, 1);
    CHECK(stack::group_of(filter) == SocketGroup{});
    filter.head.provider = stack::secure_socket_provider();
    CHECK(stack::group_of(filter).number != 0);
    filter.head.provider_data = Bytes(8, 1);
    CHECK(stack::group_of(filter) == SocketGroup{});
    CHECK(stack::serves({}, 5));
    CHECK(stack::serves({5, true, {}}, 5));
    CHECK_FALSE(stack::serves({5, true, {}}, 6));
    CHECK_FALSE(stack::serves({5, true, {}}, 0));
    CHECK(stack::serves({5, false, {}}, 0));
  }

  TEST_CASE("names that sockets expect tell them apart, however they are written") {
    const NamedPeer alice{IpAddr::any(Family::v4), 0, stack::identities_of_name("host/alice.example")};
    const NamedPeer bob{IpAddr::any(Family::v4), 0, stack::identities_of_name("host/bob.example")};
    CHECK(stack::peer_name_of({}).empty());
    CHECK(stack::peer_name_of({alice}) != stack::peer_name_of({bob}));
    const auto filters = stack::socket_filters({}, connection(), {alice}, "s", {1, true, stack::peer_name_of({alice})});
    CHECK(std::count_if(filters.begin(), filters.end(), [](const Filter& f) {
            return f.layer == Layer::ALE_AUTH_CONNECT_V4 && condition(f, Field::PEER_NAME) != nullptr;
          }) == 2);
  }

  TEST_CASE("a flow that nobody has placed is asked for; placed in its group it is protected by the group's filter") {
    Host host;
    const auto one = host.add(1, connection()), two = host.add(2, connection());
    CHECK(host.out(4000, wire::ip::kTcpSyn).filter == stack::kAskForEndpoint);
    host.place(4000, one);
    const auto ruling = host.out(4000, wire::ip::kTcpSyn);
    CHECK(ruling.way == Way::protect);
    CHECK(ruling.filter != stack::kAskForEndpoint);
    host.place(4001, two);
    CHECK(host.out(4001).filter != ruling.filter);
    host.place(4002, one);
    CHECK(host.out(4002).filter == ruling.filter);
    // One reqid, so that one SA serves both.
    CHECK((*host.out(4002).decision->entry)->reqid == (*host.out(4000).decision->entry)->reqid);
  }

  TEST_CASE("a connection that begins on a flow of before may be another program's: it is asked for again") {
    Host host;
    const auto group = host.add(1, connection());
    host.place(4000, group);
    CHECK(host.out(4000, wire::ip::kTcpSyn).filter != stack::kAskForEndpoint);
    CHECK(host.out(4000).filter != stack::kAskForEndpoint);
    CHECK(host.out(4000, wire::ip::kTcpSyn).filter == stack::kAskForEndpoint);
    host.place(4000, group);
    host.flows.unplace(stack::leaving_flow(leaving(4000).flow), 2);
    CHECK(host.out(4000).filter != stack::kAskForEndpoint);
    host.flows.unplace(stack::leaving_flow(leaving(4000).flow), 1);
    CHECK(host.out(4000).filter == stack::kAskForEndpoint);
  }

  TEST_CASE("who is placed where no filter takes it is not asked for without end") {
    Host host;
    host.add(1, connection());
    auto elsewhere = std::make_shared<SocketGroup>();
    elsewhere->number = 99;
    elsewhere->by_flow = true;
    host.place(4000, elsewhere);
    CHECK(host.out(4000, wire::ip::kTcpSyn).way == Way::none);
  }

  TEST_CASE("what comes by the SA of other sockets is dropped by name, and what is no socket's is too") {
    Host host;
    const auto one = host.add(1, connection());
    host.add(2, connection());
    host.sa(11, 1);
    host.sa(12, 2);
    host.place(4000, one);
    CHECK(host.out(4000, wire::ip::kTcpSyn).way == Way::protect);
    CHECK(host.in(arriving(4000), 11).passed());
    CHECK(host.in(arriving(4000), 12) == ipsec::Verdict(Drop::other_sa));
    CHECK(host.in(arriving(4000), 11).passed());
    CHECK(host.in(arriving(4001), 11) == ipsec::Verdict(Drop::other_sa));
  }

  TEST_CASE("a name is expected of every SA of a group that gave one, and of no other") {
    Host host;
    const NamedPeer alice{IpAddr::any(Family::v4), 0, stack::identities_of_name("alice.example")};
    const auto named = host.add(1, connection(), {}, {alice});
    const auto unnamed = host.add(2, connection());
    const auto mallory = std::make_shared<const Token>(stack::token_of_names({"mallory.example"}));
    const auto right = std::make_shared<const Token>(stack::token_of_names({"alice.example"}));
    host.sa(11, 1, 0, mallory);
    host.sa(12, 2, 0, mallory);
    host.sa(13, 1, 0, right);
    host.place(4000, named);
    host.place(4001, unnamed);
    CHECK(host.out(4000, wire::ip::kTcpSyn).way == Way::protect);
    CHECK(host.out(4001, wire::ip::kTcpSyn).way == Way::protect);
    CHECK(host.in(arriving(4000), 11) == ipsec::Verdict(Drop::filter_block));
    CHECK(host.in(arriving(4001), 12).passed());
    CHECK(host.in(arriving(4000), 13).passed());
  }

  TEST_CASE("a connection is answered by the SA that it came by, while that one stands") {
    Host host;
    host.add(1, listener());
    host.sa(11, 1, 0x80000011);
    host.sa(12, 1, 0x80000012);
    const auto syn = view("192.0.2.2", "192.0.2.1", 5000, 27015, wire::ip::kTcpSyn);
    const auto more = view("192.0.2.2", "192.0.2.1", 5000, 27015);
    const auto answer = view("192.0.2.1", "192.0.2.2", 27015, 5000);
    CHECK(host.in(syn, 11, 0x80000011).passed());
    CHECK((*host.flows.outbound(host.now, answer).decision->entry)->reqid == 0x80000011);
    CHECK_FALSE(host.flows.outbound(host.now, answer).negotiate);
    CHECK(host.in(more, 12, 0x80000012) == ipsec::Verdict(Drop::other_sa));
    // Rekeyed: the new one has the reqid of the old one.
    host.sa(13, 1, 0x80000011);
    host.flows.retire(11);
    CHECK(host.in(more, 13, 0x80000011).passed());
    CHECK(host.in(more, 12, 0x80000012) == ipsec::Verdict(Drop::other_sa));
    host.flows.retire(13);
    CHECK(host.flows.outbound(host.now, answer).negotiate);
    CHECK(host.flows.standing(stack::leaving_flow(answer.flow))->reqid == 0x80000011);
    CHECK(host.in(more, 12, 0x80000012).passed());
    CHECK(host.flows.standing(stack::leaving_flow(answer.flow))->reqid == 0x80000012);
    CHECK((*host.flows.outbound(host.now, answer).decision->entry)->reqid == 0x80000012);
  }

  TEST_CASE("a new connection on the same ports may come by another SA") {
    Host host;
    host.add(1, listener());
    host.sa(11, 1, 0x80000011);
    host.sa(12, 1, 0x80000012);
    CHECK(host.in(view("192.0.2.2", "192.0.2.1", 5000, 27015, wire::ip::kTcpSyn), 11, 0x80000011).passed());
    CHECK(host.in(view("192.0.2.2", "192.0.2.1", 5000, 27015, wire::ip::kTcpSyn), 12, 0x80000012).passed());
  }

  TEST_CASE("[RFC9293 3.6] flows of closed connections do not stay for hours; placed ones until they are forgotten") {
    using namespace wire::ip;
    Host host;
    const auto group = host.add(1, connection());
    host.add(2, listener());
    host.sa(11, 2, 0x80000011);
    host.place(4000, group);
    for (const uint16_t port : {uint16_t{5000}, uint16_t{5001}, uint16_t{5002}}) {
      CHECK(host.in(view("192.0.2.2", "192.0.2.1", port, 27015, kTcpSyn), 11, 0x80000011).passed());
      CHECK(host.flows.outbound(host.now, view("192.0.2.1", "192.0.2.2", 27015, port)).way == Way::protect);
    }
    CHECK(host.in(view("192.0.2.2", "192.0.2.1", 5000, 27015, kTcpFin | kTcpAck), 11, 0x80000011).passed());
    (void)host.flows.outbound(host.now, view("192.0.2.1", "192.0.2.2", 27015, 5000, kTcpFin | kTcpAck));
    CHECK(host.in(view("192.0.2.2", "192.0.2.1", 5001, 27015, kTcpRst), 11, 0x80000011).passed());
    // One half of 5002 alone is closed.
    CHECK(host.in(view("192.0.2.2", "192.0.2.1", 5002, 27015, kTcpFin | kTcpAck), 11, 0x80000011).passed());
    CHECK(host.flows.size() == 4);
    host.now += stack::FilterFlows::kIdle + seconds(1);
    host.flows.handle_deadline(host.now);
    CHECK(host.flows.size() == 2);
    host.now += ipsec::FlowLife::kIdleTcp + seconds(1);
    host.flows.handle_deadline(host.now);
    CHECK(host.flows.size() == 1);
    host.flows.unplace(stack::leaving_flow(leaving(4000).flow), 1);
    CHECK(host.flows.size() == 0);
  }

  TEST_CASE("a thousand groups are paired each with its own policy, not each with every other's") {
    Host host;
    for (uint16_t number = 1; number <= 1000; ++number) host.add(number, listener(number));
    const auto counted = [&] {
      host.keying.set(host.engine.snapshot(), {});
      size_t children = 0;
      for (const auto& each : host.keying.connections()) children += each.children.size();
      return children;
    };
    CHECK(counted() == 2000);  // each with encryption guaranteed, and without
    CHECK(host.keying.problems().empty());
  }

  TEST_CASE("the policy of a group's own context is not asked for on behalf of another") {
    Host host;
    SocketWish encrypts;
    encrypts.guarantee_encryption = true;
    host.add(1, connection(), encrypts);
    const auto two = host.add(2, connection());
    host.keying.set(host.engine.snapshot(), {});
    host.place(4000, two);
    const auto ruling = host.out(4000, wire::ip::kTcpSyn);
    const auto wanted = host.keying.look_up(stack::leaving_flow(leaving(4000).flow), ruling.filter, false);
    REQUIRE(wanted);
    const auto* origin = host.keying.origin_of(wanted->connection, wanted->child);
    REQUIRE(origin != nullptr);
    CHECK(stack::group_of(**host.engine.snapshot()->filters_by_id.find(origin->quick_mode)).number == 2);
    CHECK(stack::group_of(**host.engine.snapshot()->filters_by_id.find(origin->outbound)).number == 2);
  }

  TEST_CASE("[RFC5660 2] a connection keeps the peer it began with, and is over when it would go on with another") {
    const auto alice = std::make_shared<const Token>(stack::token_of_identity("O=Example, CN=alice"));
    const auto again = std::make_shared<const Token>(stack::token_of_identity("O=Example, CN=alice"));
    const auto mallory = std::make_shared<const Token>(stack::token_of_identity("O=Example, CN=mallory"));
    const IpAddr peer = *IpAddr::parse("192.0.2.2"), elsewhere = *IpAddr::parse("192.0.2.3");
    Host host;
    host.place(4000, host.add(1, connection()));
    host.sa(1, 1, 0, alice);
    CHECK(host.out(4000, wire::ip::kTcpSyn).way == Way::protect);
    CHECK(host.in(arriving(4000), 1).passed());
    host.sa(2, 1, 0, again);  // a rekey to the same peer
    CHECK(host.in(arriving(4000), 2).passed());
    CHECK(host.out(4000).way == Way::protect);
    host.flows.learn(3, {mallory, true, 0, false, 1, 0}, elsewhere);  // of another host
    CHECK(host.out(4000).way == Way::protect);
    SUBCASE("before anything is sent by the new SA") {
      host.flows.learn(4, {mallory, true, 0, false, 1, 0}, peer);
      CHECK(host.out(4000).way == Way::reset);
      CHECK(host.out(4000).drop == Drop::latch_broken);
    }
    SUBCASE("by a packet that comes, and for good") {
      host.sa(4, 1, 0, mallory);
      const auto refused = host.in(arriving(4000), 4);
      REQUIRE_FALSE(refused.passed());
      CHECK(refused.drop() == Drop::latch_broken);
      CHECK_FALSE(host.in(arriving(4000), 1).passed());
      CHECK(host.out(4000).way == Way::reset);
    }
    CHECK(host.standing(4000).broken == stack::FilterFlows::Broken::other_peer);
    // The next connection of the same ports is another one.
    CHECK(host.out(4000, wire::ip::kTcpSyn).way != Way::reset);
    CHECK(host.standing(4000).broken == stack::FilterFlows::Broken::no);
  }

  TEST_CASE("[RFC5660 2] a connection that was encrypted does not go on with authentication alone") {
    Host host;
    host.place(4000, host.add(1, connection()));
    host.sa(1, 1);
    CHECK(host.in(arriving(4000), 1).passed());
    host.flows.learn(2, {nullptr, true, 0, false, 1, 0}, *IpAddr::parse("192.0.2.2"), false);
    CHECK(host.out(4000).way == Way::reset);
    CHECK(host.standing(4000).broken == stack::FilterFlows::Broken::less_protection);
  }

  TEST_CASE("[RFC5660 2] another peer's opening segment does not take a connection's ports while it stands") {
    const auto alice = std::make_shared<const Token>(stack::token_of_identity("O=Example, CN=alice"));
    const auto mallory = std::make_shared<const Token>(stack::token_of_identity("O=Example, CN=mallory"));
    Host host;
    host.add(1, listener());
    const auto to_us = [](uint8_t flags) { return view("192.0.2.2", "192.0.2.1", 4000, 27015, flags); };
    host.sa(1, 1, 11, alice);
    host.sa(2, 1, 12, mallory);
    CHECK(host.in(to_us(wire::ip::kTcpSyn), 1, 11).passed());
    CHECK(host.in(to_us(wire::ip::kTcpAck), 1, 11).passed());
    const auto refused = host.in(to_us(wire::ip::kTcpSyn), 2, 12);
    REQUIRE_FALSE(refused.passed());
    CHECK(refused.drop() == Drop::other_sa);
    CHECK(host.in(to_us(wire::ip::kTcpAck), 1, 11).passed());
    CHECK(host.in(to_us(wire::ip::kTcpRst), 1, 11).passed());  // it is over
    CHECK(host.in(to_us(wire::ip::kTcpSyn), 2, 12).passed());
  }
}
