// Peers behind one NAT with the same ports, through the whole data plane.
#include <doctest/doctest.h>

#include "ipsec/nat_peers.h"
#include "policy/callout.h"
#include "stack/peer_names.h"
#include "stack/peer_sid.h"
#include "support/nat_clients.h"
#include "support/policy_samples.h"
#include "support/seeded_rng.h"
#include "wire/ip/ports.h"

using namespace sallyport;
using namespace sallyport::support;
using ipsec::Drop;
using wire::ip::PacketView;

namespace {

constexpr uint16_t kL2tp = 1701;

Bytes udp_of(uint8_t client, uint16_t from = kL2tp, uint16_t to = kL2tp) {
  return wire::ip::udp_packet({private_address(client), from}, {kServer, to}, as_bytes("question"));
}
Bytes udp_to(uint16_t port, uint16_t from = kL2tp) {
  return wire::ip::udp_packet({kServer, from}, {kNat, port}, as_bytes("answer"));
}
Bytes tcp_segment(const IpEndpoint& from, const IpEndpoint& to, uint8_t flags, ByteView payload = {}) {
  Bytes segment(20);
  store_be16(&segment[0], from.port);
  store_be16(&segment[2], to.port);
  segment[12] = 0x50;
  segment[13] = flags;
  append(segment, payload);
  store_be16(&segment[16], wire::ip::transport_checksum(from.addr, to.addr, 6, segment));
  return wire::ip::ip_packet(from.addr, to.addr, 6, segment);
}
Bytes tcp_of(uint8_t client, uint8_t flags = wire::ip::kTcpSyn) {
  return tcp_segment({private_address(client), 50000}, {kServer, 80}, flags);
}
Bytes tcp_to(uint16_t port, uint8_t flags = wire::ip::kTcpAck) {
  return tcp_segment({kServer, 80}, {kNat, port}, flags);
}

bool checksum_holds(ByteView packet) {
  const auto view = PacketView::decode(packet);
  return view && wire::ip::transport_checksum(view->flow.source, view->flow.destination, view->flow.protocol,
                                              packet.subspan(view->header_octets)) == 0;
}
// The port that the host sees the packet come from; 0: it saw none.
uint16_t source_port(const std::optional<Bytes>& packet) {
  if (!packet) return 0;
  CHECK(checksum_holds(*packet));
  const auto view = PacketView::decode(*packet);
  CHECK(view->flow.source == kNat);
  return view->flow.source_port;
}
void check_answer(const std::optional<NatClients::Answer>& answer, uint8_t client, uint16_t port) {
  REQUIRE(answer);
  CHECK(answer->client == client);
  CHECK(checksum_holds(answer->packet));
  const auto view = PacketView::decode(answer->packet);
  REQUIRE(view);
  CHECK(view->flow.destination == private_address(client));
  CHECK(view->flow.destination_port == port);
}

// "Port unreachable" about a packet, as its receiver quotes it.
Bytes unreachable(const IpAddr& from, const IpAddr& to, ByteView about) {
  Bytes message{3, 3, 0, 0, 0, 0, 0, 0};
  append(message, about.first(std::min<size_t>(about.size(), 40)));
  store_be16(&message[2], wire::ip::checksum(message));
  return wire::ip::ip_packet(from, to, 1, message);
}
model::FlowKey quoted_flow(ByteView error) {
  const auto view = PacketView::decode(error);
  REQUIRE(view);
  CHECK(wire::ip::checksum(error.subspan(view->header_octets)) == 0);
  const auto quoted = wire::ip::quoted_packet(error, *view);
  REQUIRE(quoted);
  return quoted->flow;
}

}  // namespace

TEST_SUITE("stack/nat_clients") {
  TEST_CASE(
      "[RFC3948 5.2] [scenario 10] the same UDP ports behind one NAT: the first keeps its own, each gets its answers") {
    NatClients host;
    host.join(1);
    host.join(2);
    CHECK(source_port(host.ask(1, udp_of(1))) == kL2tp);
    const uint16_t seen = source_port(host.ask(2, udp_of(2)));
    CHECK(seen != kL2tp);
    REQUIRE(seen >= 1024);
    check_answer(host.answer(udp_to(kL2tp)), 1, kL2tp);
    check_answer(host.answer(udp_to(seen)), 2, kL2tp);
    CHECK(source_port(host.ask(2, udp_of(2))) == seen);
    CHECK(source_port(host.ask(1, udp_of(1))) == kL2tp);
    // Other ports are as they are, whoever has them, and answered by whom they came from.
    CHECK(source_port(host.ask(1, udp_of(1, 2000))) == 2000);
    CHECK(source_port(host.ask(2, udp_of(2, 3000))) == 3000);
    check_answer(host.answer(udp_to(2000)), 1, 2000);
    check_answer(host.answer(udp_to(3000)), 2, 3000);
    CHECK(host.remembered() == 4);
  }

  TEST_CASE("[RFC3948 5.2] the same for TCP, of three, and a port that one was given is nobody else's") {
    NatClients host;
    for (uint8_t client = 1; client <= 3; ++client) host.join(client);
    CHECK(source_port(host.ask(1, tcp_of(1))) == 50000);
    const uint16_t second = source_port(host.ask(2, tcp_of(2))), third = source_port(host.ask(3, tcp_of(3)));
    CHECK(second != third);
    check_answer(host.answer(tcp_to(second)), 2, 50000);
    check_answer(host.answer(tcp_to(third)), 3, 50000);
    // The first one uses the very port that the second was given.
    const uint16_t other =
        source_port(host.ask(1, tcp_segment({private_address(1), second}, {kServer, 80}, wire::ip::kTcpSyn)));
    CHECK(other != second);
    check_answer(host.answer(tcp_to(other)), 1, second);
    check_answer(host.answer(tcp_to(second)), 2, 50000);
  }

  TEST_CASE("[RFC4787 4.2.1] a well-known port is replaced by a well-known one") {
    NatClients host;
    host.join(1);
    host.join(2);
    CHECK(source_port(host.ask(1, udp_of(1, 500))) == 500);
    const uint16_t seen = source_port(host.ask(2, udp_of(2, 500)));
    CHECK(seen != 0);
    CHECK(seen < 1024);
  }

  TEST_CASE("[RFC7296 2.8] a rekey changes no port, and answers leave by the new SA") {
    NatClients host;
    host.join(1);
    host.join(2);
    (void)host.ask(1, udp_of(1));
    const uint16_t seen = source_port(host.ask(2, udp_of(2)));
    host.join(2, false, 100);
    host.leave(2);
    check_answer(host.answer(udp_to(seen)), 2, kL2tp);
    CHECK(source_port(host.ask(2, udp_of(2))) == seen);
    host.join(1, false, 100);
    host.leave(1);
    CHECK(source_port(host.ask(1, udp_of(1))) == kL2tp);
    check_answer(host.answer(udp_to(kL2tp)), 1, kL2tp);
  }

  TEST_CASE("a flow of a peer that is gone: sa_gone for a port of ours, and its own port is the next one's") {
    NatClients host;
    for (uint8_t client = 1; client <= 3; ++client) host.join(client);
    (void)host.ask(1, udp_of(1));
    const uint16_t seen = source_port(host.ask(2, udp_of(2)));
    host.leave(2);
    CHECK_FALSE(host.answer(udp_to(seen)));
    CHECK(host.drops(Drop::sa_gone) == 1);
    host.leave(1);
    CHECK(source_port(host.ask(3, udp_of(3))) == kL2tp);
    check_answer(host.answer(udp_to(kL2tp)), 3, kL2tp);
    // After a minute of silence nothing is remembered.
    host.wait(ipsec::FlowLife::kIdle + ipsec::NatFlows::kSweepEvery);
    CHECK(host.remembered() == 0);
  }

  TEST_CASE("a connection's port outlives silence, a closed one's and UDP's do not") {
    NatClients host;
    for (uint8_t client = 1; client <= 3; ++client) host.join(client);
    (void)host.ask(1, tcp_of(1));
    (void)host.ask(1, udp_of(1));
    const uint16_t seen = source_port(host.ask(2, tcp_of(2)));
    host.wait(ipsec::FlowLife::kIdle + ipsec::NatFlows::kSweepEvery);
    CHECK(source_port(host.ask(2, tcp_of(2, wire::ip::kTcpAck))) == seen);
    CHECK(source_port(host.ask(2, udp_of(2))) == kL2tp);
    (void)host.ask(1, tcp_of(1, wire::ip::kTcpRst));
    host.wait(ipsec::FlowLife::kIdle + ipsec::NatFlows::kSweepEvery);
    CHECK(source_port(host.ask(3, tcp_of(3))) == 50000);
  }

  TEST_CASE("[RFC792] errors about a flow quote it as their receiver has it, in both directions") {
    NatClients host;
    host.join(1);
    host.join(2);
    (void)host.ask(1, udp_of(1));
    const auto came = host.ask(2, udp_of(2));
    const uint16_t seen = source_port(came);
    // The host about what came.
    const auto told = host.answer(unreachable(kServer, kNat, *came));
    REQUIRE(told);
    CHECK(told->client == 2);
    CHECK(quoted_flow(told->packet) == model::FlowKey{private_address(2), kServer, 17, kL2tp, kL2tp, true});
    // The peers about what the host sent.
    const auto sent = host.answer(udp_to(seen));
    REQUIRE(sent);
    const auto about = host.ask(2, unreachable(private_address(2), kServer, sent->packet));
    REQUIRE(about);
    CHECK(quoted_flow(*about) == model::FlowKey{kServer, kNat, 17, kL2tp, seen, true});
    const auto first = host.answer(udp_to(kL2tp));
    REQUIRE(first);
    const auto about_first = host.ask(1, unreachable(private_address(1), kServer, first->packet));
    REQUIRE(about_first);
    CHECK(quoted_flow(*about_first) == model::FlowKey{kServer, kNat, 17, kL2tp, kL2tp, true});
    CHECK(host.drops(Drop::nat_same_ports) == 0);
  }

  TEST_CASE("[RFC792] no peer's error is about another one's flow: nat_same_ports") {
    NatClients host;
    for (uint8_t client = 1; client <= 3; ++client) host.join(client);
    (void)host.ask(1, udp_of(1));
    const uint16_t seen = source_port(host.ask(2, udp_of(2)));
    CHECK_FALSE(host.ask(3, unreachable(private_address(3), kServer, udp_to(kL2tp))));
    CHECK_FALSE(host.ask(3, unreachable(private_address(3), kServer, udp_to(seen))));
    CHECK_FALSE(host.ask(3, unreachable(private_address(3), kServer, ByteView(udp_to(seen)).first(20))));
    CHECK_FALSE(host.ask(3, wire::ip::ip_packet(private_address(3), kServer, 1, Bytes{3, 3, 0, 0, 0, 0, 0, 0})));
    CHECK(host.drops(Drop::nat_same_ports) == 4);
    // One about nothing that is remembered is the host's to judge.
    CHECK(host.ask(3, unreachable(private_address(3), kServer, udp_to(9))));
  }

  TEST_CASE("[RFC5508 3] pings with one identifier are told apart, too") {
    NatClients host;
    host.join(1);
    host.join(2);
    const auto ping = [&](uint8_t client) {
      const auto seen =
          host.ask(client, wire::ip::icmp_echo_packet(private_address(client), kServer, {false, 7, 1, {}}));
      REQUIRE(seen);
      const auto echo = wire::ip::parse_icmp_echo(kNat, kServer, ByteView(*seen).subspan(20));
      REQUIRE(echo);
      return echo->identifier;
    };
    CHECK(ping(1) == 7);
    const uint16_t other = ping(2);
    CHECK(other != 7);
    const auto pong = [&](uint16_t identifier, uint8_t client) {
      const auto got = host.answer(wire::ip::icmp_echo_packet(kServer, kNat, {true, identifier, 1, {}}));
      REQUIRE(got);
      CHECK(got->client == client);
      const auto echo = wire::ip::parse_icmp_echo(kServer, private_address(client), ByteView(got->packet).subspan(20));
      REQUIRE(echo);
      CHECK(echo->identifier == 7);
    };
    pong(7, 1);
    pong(other, 2);
    pong(7, 1);
  }

  TEST_CASE("what the host leaves to a device: a checksum only begun, segments not cut") {
    NatClients host;
    host.join(1);
    host.join(2);
    (void)host.ask(1, tcp_of(1));
    const uint16_t seen = source_port(host.ask(2, tcp_of(2)));
    const Bytes payload(3000, 0x5a);
    Bytes large = tcp_segment({kServer, 80}, {kNat, seen}, wire::ip::kTcpAck, payload);
    store_be16(&large[36], wire::ip::pseudo_header_sum(kServer, kNat, 6, large.size() - 20));
    Offload offload;
    offload.checksum_wanted = true;
    offload.checksum_start = 20;
    offload.checksum_offset = 16;
    Bytes one = tcp_segment({kServer, 80}, {kNat, seen}, wire::ip::kTcpAck, ByteView(payload).first(100));
    store_be16(&one[36], wire::ip::pseudo_header_sum(kServer, kNat, 6, one.size() - 20));
    check_answer(host.answer(one, 0, offload), 2, 50000);
    offload.segments = Offload::Segments::tcp4;
    offload.segment_octets = 1000;
    offload.header_octets = 40;
    check_answer(host.answer(large, 0, offload), 2, 50000);
  }

  TEST_CASE("[RFC1191 4] too_big: the host is told about the flow that it knows") {
    NatClients host;
    host.join(1);
    host.join(2);
    (void)host.ask(1, udp_of(1));
    const uint16_t seen = source_port(host.ask(2, udp_of(2)));
    Bytes large = wire::ip::udp_packet({kServer, kL2tp}, {kNat, seen}, Bytes(1480));
    large[6] = 0x40;
    store_be16(&large[10], 0);
    store_be16(&large[10], wire::ip::checksum(ByteView(large).first(20)));
    CHECK_FALSE(host.answer(large));
    CHECK(host.drops(Drop::too_big) == 1);
    const auto told = host.take_inner();
    REQUIRE(told);
    CHECK(quoted_flow(*told).destination_port == seen);
  }

  TEST_CASE("nat_same_ports: other protocols, fragments and a policy for one port have no other port to get") {
    NatClients host;
    host.join(1);
    host.join(2);
    const auto sctp = [](uint8_t client) {
      return wire::ip::ip_packet(private_address(client), kServer, 132, Bytes{0, 9, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0});
    };
    CHECK(host.ask(1, sctp(1)));
    CHECK_FALSE(host.ask(2, sctp(2)));
    CHECK(host.drops(Drop::nat_same_ports) == 1);
    const auto answer = host.answer(wire::ip::ip_packet(kServer, kNat, 132, Bytes{0, 9, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0}));
    REQUIRE(answer);
    CHECK(answer->client == 1);
    StepRng rng;
    ipsec::Shard shard{rng};
    PacketBuf packet = PacketBuf::copy_of(udp_of(1));
    auto view = *PacketView::decode(packet.view());
    view.fragment = true;
    ipsec::NatFlows::Flow* flow = nullptr;
    CHECK(ipsec::arrive_from_client(shard, kStart, NatClients::whose(1, 1), packet, view, flow) ==
          ipsec::Verdict(Drop::nat_same_ports));
    // L2TP alone is protected, and from that port alone.
    model::SpdEntry entry = make_policy({}, true)[0];
    entry.local = only(kServer);
    entry.remote = only(kNat);
    for (auto* selectors : {&entry.local, &entry.remote}) {
      (*selectors)[0].protocol = 17;
      (*selectors)[0].port_first = (*selectors)[0].port_last = kL2tp;
    }
    entry.reqid = NatClients::kPolicy;
    host.tell(stack::SetSpd{{entry}});
    CHECK(source_port(host.ask(1, udp_of(1))) == kL2tp);
    CHECK_FALSE(host.ask(2, udp_of(2)));
    CHECK(host.drops(Drop::nat_same_ports) == 2);
    // From a few ports, and the first one's is among them.
    entry.remote[0].port_last = kL2tp + 2;
    host.tell(stack::SetSpd{{entry}});
    const uint16_t seen = source_port(host.ask(2, udp_of(2)));
    CHECK(seen > kL2tp);
    CHECK(seen <= kL2tp + 2);
    check_answer(host.answer(udp_to(seen)), 2, kL2tp);
  }

  TEST_CASE("nat_flow_limit: one peer has so many flows and no more, and the others go on") {
    NatClients host;
    host.join(1);
    host.join(2);
    for (size_t i = 0; i < ipsec::NatFlows::kMostPerClient; ++i)
      REQUIRE(host.ask(1, udp_of(1, static_cast<uint16_t>(i + 1))));
    CHECK_FALSE(host.ask(1, udp_of(1, 60000)));
    CHECK(host.drops(Drop::nat_flow_limit) == 1);
    CHECK(source_port(host.ask(2, udp_of(2, 60000))) == 60000);
    CHECK(source_port(host.ask(2, udp_of(2, 1000))) != 1000);
  }

  TEST_CASE("of several packet workers one remembers the flows of a NAT, and answers come from any of them") {
    constexpr uint16_t kShards = 3;
    const uint16_t judge = model::owner_of_flow(kServer, kNat, kShards);
    for (uint16_t at = 0; at < kShards; ++at) {
      NatClients host(kShards);
      host.join(1, false, 0, {}, at);
      host.join(2, false, 0, {}, static_cast<uint16_t>((at + 1) % kShards));
      CHECK(source_port(host.ask(1, udp_of(1))) == kL2tp);
      const uint16_t seen = source_port(host.ask(2, udp_of(2)));
      CHECK(seen != kL2tp);
      for (size_t from = 0; from < kShards; ++from) {
        check_answer(host.answer(udp_to(kL2tp), from), 1, kL2tp);
        check_answer(host.answer(udp_to(seen), from), 2, kL2tp);
      }
      // The SA moves to where the flows are judged, and away again.
      host.join(2, false, 100, {}, judge);
      host.leave(2);
      check_answer(host.answer(udp_to(seen), at), 2, kL2tp);
      host.join(2, false, 200, {}, static_cast<uint16_t>((judge + 1) % kShards));
      host.leave(2, 100);
      check_answer(host.answer(udp_to(seen), at), 2, kL2tp);
      CHECK(source_port(host.ask(2, udp_of(2))) == seen);
      CHECK(host.crossed > 0);
    }
  }
}

namespace {

// Filters in place of a connection.
struct Filtered : NatClients {
  Filtered() : NatClients(1, false) {
    add(callout_filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
                       known::callout::IPSEC_OUTBOUND_TRANSPORT_V4));
  }
  void add(const Filter& filter) { REQUIRE(engine.add(session, filter)); }
  void take_up() { tell(stack::SetFilters{engine.snapshot()}); }
  test::SeededRng seeded{1};
  Engine engine{seeded};
  SessionId session = *engine.open(trusted());
};

std::shared_ptr<const Token> machine(const char* name) {
  return std::make_shared<const Token>(stack::token_of_identity(name));
}

Condition flags(MatchType match, uint32_t value) { return {Field::FLAGS, match, ConditionValue(Value(value))}; }

}  // namespace

TEST_SUITE("stack/nat_clients with filters") {
  TEST_CASE("[scenario 10] the same ports by filters: identities tell the two apart, whatever port the host sees") {
    Filtered host;
    SecurityDescriptor clerk;
    clerk.dacl = {{Ace::Kind::allow, kActrlMatchFilter, stack::sid_of_identity("O=Example, CN=clerk")}};
    host.add(callout_filter(Layer::ALE_AUTH_RECV_ACCEPT_V4, ActionType::CALLOUT_TERMINATING,
                            known::callout::IPSEC_INBOUND_INITIATE_SECURE_V4,
                            {equal(Field::IP_LOCAL_PORT, Value(uint16_t{80})),
                             equal(Field::ALE_REMOTE_MACHINE_ID, Value(DescriptorValue{write_descriptor(clerk)}))}));
    host.add(
        filter(Layer::ALE_AUTH_RECV_ACCEPT_V4, ActionType::BLOCK, {equal(Field::IP_LOCAL_PORT, Value(uint16_t{80}))}));
    host.take_up();
    host.join(1, true, 0, machine("O=Example, CN=guest"));
    host.join(2, true, 0, machine("O=Example, CN=clerk"));
    CHECK(source_port(host.ask(1, udp_of(1))) == kL2tp);
    const uint16_t seen = source_port(host.ask(2, udp_of(2)));
    CHECK(seen != kL2tp);
    check_answer(host.answer(udp_to(kL2tp)), 1, kL2tp);
    check_answer(host.answer(udp_to(seen)), 2, kL2tp);
    CHECK_FALSE(host.ask(1, tcp_of(1)));
    CHECK(host.drops(Drop::filter_block) == 1);
    // What is not let in keeps no port from others.
    CHECK(source_port(host.ask(2, tcp_of(2))) == 50000);
    check_answer(host.answer(tcp_to(50000)), 2, 50000);
    CHECK_FALSE(host.ask(1, tcp_of(1)));
    CHECK(host.drops(Drop::filter_block) == 2);
    check_answer(host.answer(tcp_to(50000)), 2, 50000);
  }

  TEST_CASE(
      "[WFP 10.4] FWP_CONDITION_FLAG_IS_IPSEC_NATT_RECLASSIFY at INBOUND_TRANSPORT, of what was rewritten alone") {
    Filtered host;
    host.add(filter(Layer::INBOUND_TRANSPORT_V4, ActionType::BLOCK,
                    {flags(MatchType::FLAGS_ALL_SET, stack::kFlagNattReclassify)}));
    host.add(filter(Layer::ALE_AUTH_RECV_ACCEPT_V4, ActionType::PERMIT));
    host.take_up();
    host.join(1, true);
    host.join(2, true);
    CHECK(source_port(host.ask(1, udp_of(1))) == kL2tp);
    CHECK_FALSE(host.ask(2, udp_of(2)));
    CHECK(host.drops(Drop::filter_block) == 1);
    CHECK(source_port(host.ask(2, udp_of(2, 2000))) == 2000);
    // Not where the flag has no meaning.
    Filtered ale;
    ale.add(filter(Layer::ALE_AUTH_RECV_ACCEPT_V4, ActionType::BLOCK,
                   {flags(MatchType::FLAGS_ALL_SET, stack::kFlagNattReclassify)}));
    ale.take_up();
    ale.join(1, true);
    ale.join(2, true);
    CHECK(ale.ask(1, udp_of(1)));
    CHECK(ale.ask(2, udp_of(2)));
  }

  TEST_CASE("[WFP 10.4] a filter that blocks the peer's own port does so under any port that the host sees") {
    Filtered host;
    host.add(
        filter(Layer::INBOUND_TRANSPORT_V4, ActionType::BLOCK, {equal(Field::IP_REMOTE_PORT, Value(uint16_t{kL2tp}))}));
    host.take_up();
    host.join(1, true);
    host.join(2, true);
    CHECK_FALSE(host.ask(1, udp_of(1)));
    CHECK_FALSE(host.ask(2, udp_of(2)));
    CHECK(host.drops(Drop::filter_block) == 2);
  }

  TEST_CASE("where policy protects one remote port alone, the host's answers to another would not be: nat_same_ports") {
    NatClients host(1, false);
    test::SeededRng rng{1};
    Engine engine{rng};
    const SessionId session = *engine.open(trusted());
    REQUIRE(engine.add(session, callout_filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
                                               known::callout::IPSEC_OUTBOUND_TRANSPORT_V4,
                                               {equal(Field::IP_REMOTE_PORT, Value(uint16_t{kL2tp}))})));
    host.tell(stack::SetFilters{engine.snapshot()});
    host.join(1, true);
    host.join(2, true);
    CHECK(source_port(host.ask(1, udp_of(1))) == kL2tp);
    CHECK_FALSE(host.ask(2, udp_of(2)));
    CHECK(host.drops(Drop::nat_same_ports) == 1);
    check_answer(host.answer(udp_to(kL2tp)), 1, kL2tp);
  }

  TEST_CASE("policy that permits clear packets meanwhile sends none to a port that only its SA knows: nat_same_ports") {
    Filtered host;
    host.take_up();
    host.join(1, true);
    host.join(2, true);
    (void)host.ask(1, udp_of(1));
    const uint16_t seen = source_port(host.ask(2, udp_of(2)));
    check_answer(host.answer(udp_to(seen)), 2, kL2tp);
    host.add(filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::PERMIT, {}, Value(uint8_t{15})));
    host.take_up();
    CHECK_FALSE(host.answer(udp_to(seen)));
    CHECK(host.drops(Drop::nat_same_ports) == 1);
  }
}
