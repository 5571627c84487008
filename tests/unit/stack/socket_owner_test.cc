// Conditions on programs and users of the host: which layers ask, what waits, and what the answer decides.
#include "stack/socket_owner.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "policy/app_id.h"
#include "policy/callout.h"
#include "stack/filter_flows.h"
#include "stack/host_filters.h"
#include "stack/waiting_arrivals.h"
#include "support/policy_samples.h"
#include "support/seeded_rng.h"

using namespace sallyport;
using namespace sallyport::support;
using ipsec::Drop;
using stack::HostFlow;
using stack::HostRule;
using stack::OwnersAsked;
using stack::Point;
using stack::SocketOwner;
using Does = HostRule::Does;
using Way = ipsec::FlowPolicy::Ruling::Way;

namespace {

constexpr Layer kConnect = Layer::ALE_AUTH_CONNECT_V4, kAccept = Layer::ALE_AUTH_RECV_ACCEPT_V4;

Condition runs(const char* path) { return equal(Field::ALE_APP_ID, Value(Blob{policy::app_id_of(path)})); }
Condition account(const char* sddl) {
  return equal(Field::ALE_USER_ID, Value(DescriptorValue{write_descriptor(*parse_sddl(sddl))}));
}

std::shared_ptr<const SocketOwner> owner(uint32_t uid, const char* program, std::vector<uint32_t> gids = {}) {
  auto out = std::make_shared<SocketOwner>();
  out->user = std::make_shared<const Token>(stack::token_of_account(uid, gids));
  out->program = policy::app_id_of(program);
  return out;
}

struct Judge {
  test::SeededRng rng{1};
  Engine engine{rng};
  SessionId session = *engine.open(trusted());
  stack::FilterFlows flows;
  TimePoint now{seconds(1000)};

  explicit Judge(const std::vector<Filter>& filters) {
    for (const auto& each : filters) add(each);
    flows.set(engine.snapshot());
  }
  void add(const Filter& filter) { REQUIRE(engine.add(session, filter)); }
};

wire::ip::PacketView view(const char* from, const char* to, uint16_t source_port, uint16_t destination_port,
                          uint8_t protocol = 6, uint8_t tcp_flags = 0) {
  wire::ip::PacketView out;
  out.flow = {*IpAddr::parse(from), *IpAddr::parse(to), protocol, source_port, destination_port, true};
  out.family = out.flow.source.family();
  out.tcp_flags = tcp_flags;
  return out;
}

const auto kOut = view("192.0.2.1", "192.0.2.2", 1000, 80);
const auto kIn = view("192.0.2.2", "192.0.2.1", 1000, 80);

bool asks(const ipsec::FlowPolicy::Ruling& ruling) {
  return ruling.way == Way::protect && ruling.filter == stack::kAskForOwner && !ruling.clear_meanwhile;
}

ipsec::SaRecord& sa_of(ipsec::SaRecord& record) {
  record.spec.child_id = 1;
  record.spec.encr = model::EncrId::AES_GCM_16;
  return record;
}

std::optional<Drop> dropped(ipsec::Verdict verdict) {
  return verdict.passed() ? std::nullopt : std::optional(verdict.drop());
}

std::vector<Does> does(const std::vector<Filter>& filters, Point point) {
  Judge judge(filters);
  const auto rules = stack::host_filters(*judge.engine.snapshot());
  std::vector<Does> out;
  if (const auto* layer = rules.find(point, Family::v4))
    for (const HostRule& rule : layer->sublayers.at(0)) out.push_back(rule.does);
  return out;
}

}  // namespace

TEST_SUITE("stack/socket_owner") {
  TEST_CASE("[WFP ALE_APP_ID] only layers with a condition on programs or users ask") {
    const auto asked = [](const std::vector<Filter>& filters) {
      Judge judge(filters);
      return OwnersAsked(*judge.engine.snapshot());
    };
    CHECK_FALSE(asked({}).any());
    CHECK_FALSE(
        asked({filter(kConnect, ActionType::BLOCK, {equal(Field::IP_REMOTE_PORT, Value(uint16_t{80}))})}).any());
    const auto connect = asked({filter(kConnect, ActionType::BLOCK, {runs("/bin/a")})});
    CHECK(connect.at(Point::ale_auth_connect, Family::v4));
    CHECK_FALSE(connect.at(Point::ale_auth_connect, Family::v6));
    CHECK_FALSE(connect.at(Point::ale_auth_recv_accept, Family::v4));
    const auto accept = asked({filter(kAccept, ActionType::BLOCK, {account("D:(A;;0x1;;;S-1-22-1-7)")})});
    CHECK(accept.at(Point::ale_auth_recv_accept, Family::v4));
  }

  TEST_CASE("without such a condition no flow asks for anybody") {
    Judge judge({filter(kConnect, ActionType::PERMIT)});
    CHECK(judge.flows.outbound(judge.now, kOut).way == Way::clear);
    CHECK_FALSE(judge.flows.asks_owners());
  }

  TEST_CASE(
      "[WFP ALE_APP_ID] a connection waits until its program is known, which decides, also after a change of policy") {
    Judge judge({filter(kConnect, ActionType::BLOCK, {}, Value(uint8_t{1})),
                 filter(kConnect, ActionType::PERMIT, {runs("/usr/bin/curl")}, Value(uint8_t{8}))});
    CHECK(asks(judge.flows.outbound(judge.now, kOut)));
    judge.flows.place_owner(judge.now, stack::leaving_flow(kOut.flow), owner(1000, "/usr/bin/Curl"));
    CHECK(judge.flows.outbound(judge.now, kOut).way == Way::clear);
    // Another connection, another program.
    const auto other = view("192.0.2.1", "192.0.2.2", 1001, 80);
    CHECK(asks(judge.flows.outbound(judge.now, other)));
    judge.flows.place_owner(judge.now, stack::leaving_flow(other.flow), owner(1000, "/usr/bin/wget"));
    CHECK(judge.flows.outbound(judge.now, other).drop == Drop::filter_block);
    // Not asked anew.
    judge.add(filter(kConnect, ActionType::PERMIT, {runs("/usr/bin/wget")}, Value(uint8_t{9})));
    judge.flows.set(judge.engine.snapshot());
    CHECK(judge.flows.outbound(judge.now, other).way == Way::clear);
    CHECK(judge.flows.outbound(judge.now, kOut).way == Way::clear);
  }

  TEST_CASE("[WFP ALE_USER_ID] an account matches by its own SID and by those of its groups") {
    Judge judge({filter(kConnect, ActionType::BLOCK, {}, Value(uint8_t{1})),
                 filter(kConnect, ActionType::PERMIT, {account("D:(D;;0x1;;;S-1-22-1-9)(A;;0x1;;;S-1-22-2-5)")},
                        Value(uint8_t{8}))});
    const auto way = [&](uint16_t port, std::shared_ptr<const SocketOwner> whose) {
      const auto packet = view("192.0.2.1", "192.0.2.2", port, 80);
      (void)judge.flows.outbound(judge.now, packet);
      judge.flows.place_owner(judge.now, stack::leaving_flow(packet.flow), std::move(whose));
      return judge.flows.outbound(judge.now, packet).way;
    };
    CHECK(way(1, owner(7, "/bin/a", {4, 5})) == Way::clear);
    CHECK(way(2, owner(7, "/bin/a", {4})) == Way::drop);
    CHECK(way(3, owner(9, "/bin/a", {5})) == Way::drop);
    CHECK(way(4, std::make_shared<const SocketOwner>()) == Way::drop);  // nobody's
  }

  TEST_CASE("a field without a value matches nothing, so that only what asks nobody decides") {
    Judge judge({filter(kConnect, ActionType::BLOCK, {runs("/bin/a")})});
    (void)judge.flows.outbound(judge.now, kOut);
    judge.flows.place_owner(judge.now, stack::leaving_flow(kOut.flow), std::make_shared<const SocketOwner>());
    CHECK(judge.flows.outbound(judge.now, kOut).way == Way::clear);
    // A secured socket's packet never leaves in the clear for want of a filter.
    auto secured = std::make_shared<SocketOwner>(*owner(7, "/bin/b"));
    secured->secured = true;
    const auto other = view("192.0.2.1", "192.0.2.2", 1001, 80);
    (void)judge.flows.outbound(judge.now, other);
    judge.flows.place_owner(judge.now, stack::leaving_flow(other.flow), secured);
    CHECK(judge.flows.outbound(judge.now, other).way == Way::none);
  }

  TEST_CASE("a TCP connection that begins on old ports is asked for anew, its repeated SYN once") {
    Judge judge({filter(kConnect, ActionType::BLOCK, {runs("/bin/a")})});
    const auto syn = view("192.0.2.1", "192.0.2.2", 1000, 80, 6, wire::ip::kTcpSyn);
    const HostFlow flow = stack::leaving_flow(syn.flow);
    CHECK(asks(judge.flows.outbound(judge.now, syn)));
    judge.flows.place_owner(judge.now, flow, owner(1, "/bin/b"));
    CHECK(judge.flows.outbound(judge.now, syn).way == Way::clear);
    CHECK(judge.flows.outbound(judge.now, kOut).way == Way::clear);
    CHECK(asks(judge.flows.outbound(judge.now, syn)));
    judge.flows.place_owner(judge.now, flow, owner(1, "/bin/a"));
    CHECK(judge.flows.outbound(judge.now, syn).way == Way::drop);
  }

  TEST_CASE("ICMP has no owner and does not wait") {
    Judge judge({filter(kConnect, ActionType::BLOCK, {runs("/bin/a")}), filter(kConnect, ActionType::PERMIT)});
    CHECK(judge.flows.outbound(judge.now, view("192.0.2.1", "192.0.2.2", 0x800, 0, 1)).way == Way::clear);
  }

  TEST_CASE(
      "[WFP ALE_AUTH_RECV_ACCEPT] what came by an SA waits as owner_unknown and is then judged by the listener's "
      "owner") {
    Judge judge({filter(kAccept, ActionType::BLOCK, {}, Value(uint8_t{1})),
                 filter(kAccept, ActionType::PERMIT, {runs("/usr/sbin/sshd")}, Value(uint8_t{8}))});
    ipsec::SaRecord record;
    const ipsec::SaRecord& by = sa_of(record);
    CHECK(dropped(judge.flows.inbound(judge.now, kIn, by)) == Drop::owner_unknown);
    CHECK(judge.flows.accepted(stack::arriving_flow(kIn.flow)));
    judge.flows.place_owner(judge.now, stack::arriving_flow(kIn.flow), owner(0, "/usr/sbin/sshd"));
    CHECK_FALSE(dropped(judge.flows.inbound(judge.now, kIn, by)));
    const auto other = view("192.0.2.2", "192.0.2.1", 1000, 81);
    CHECK(dropped(judge.flows.inbound(judge.now, other, by)) == Drop::owner_unknown);
    judge.flows.place_owner(judge.now, stack::arriving_flow(other.flow), owner(0, "/bin/nc"));
    CHECK(dropped(judge.flows.inbound(judge.now, other, by)) == Drop::filter_block);
    // An owner of a flow that nobody remembers is no flow.
    judge.flows.place_owner(judge.now, {}, owner(0, "/bin/nc"));
    CHECK(judge.flows.size() == 2);
  }

  TEST_CASE("opened packets wait in order, with a limit for each flow and for all, and not for long") {
    stack::WaitingArrivals waiting;
    TimePoint now{seconds(1)};
    const auto add = [&](uint16_t port, uint8_t octet) {
      stack::Handed handed;
      handed.packet = PacketBuf::copy_of(Bytes{octet});
      HostFlow flow;
      flow.local_port = port;
      return waiting.add(now, flow, handed);
    };
    for (uint8_t i = 0; i < stack::WaitingArrivals::kMostOfFlow; ++i) CHECK(add(1, i));
    CHECK_FALSE(add(1, 9));
    for (uint16_t port = 2; add(port, 0); ++port) continue;
    HostFlow first;
    first.local_port = 1;
    CHECK(waiting.waits(first));
    const auto taken = waiting.take(first);
    REQUIRE(taken.size() == stack::WaitingArrivals::kMostOfFlow);
    CHECK(taken[1].packet.view()[0] == 1);
    CHECK_FALSE(waiting.waits(first));
    REQUIRE(waiting.next_deadline());
    now += stack::WaitingArrivals::kWait;
    CHECK(waiting.expire(now) == stack::WaitingArrivals::kMost - stack::WaitingArrivals::kMostOfFlow);
    CHECK_FALSE(waiting.next_deadline());
  }

  TEST_CASE("the packet filter asks where a filter of an ALE layer does, within its other conditions") {
    const Condition port = equal(Field::IP_REMOTE_PORT, Value(uint16_t{80}));
    CHECK(does({filter(kConnect, ActionType::PERMIT, {runs("/bin/a"), port})}, Point::ale_auth_connect) ==
          std::vector{Does::ask});
    // What is heavier decides before.
    CHECK(does({filter(kConnect, ActionType::BLOCK, {port}, Value(uint8_t{9})),
                filter(kConnect, ActionType::PERMIT, {runs("/bin/a")}, Value(uint8_t{8})),
                filter(kConnect, ActionType::BLOCK, {}, Value(uint8_t{1}))},
               Point::ale_auth_connect) == std::vector{Does::block, Does::ask, Does::block});
    Judge judge({filter(kConnect, ActionType::PERMIT, {runs("/bin/a"), port})});
    const auto rules = stack::host_filters(*judge.engine.snapshot());
    const HostRule& rule = rules.find(Point::ale_auth_connect, Family::v4)->sublayers[0][0];
    CHECK(rule.protocols == HostRule::Numbers{{6, 6}, {17, 17}});
    CHECK(rule.remote_ports == HostRule::Numbers{{80, 80}});
    CHECK(rules.captures());
    CHECK(rules.asks(Point::ale_auth_connect, Family::v4));
    CHECK_FALSE(rules.asks(Point::ale_auth_connect, Family::v6));
    CHECK(rules.asked_under == judge.engine.snapshot()->generation);
    // Nobody owns ICMP; without a value for the field it is not what is asked for.
    CHECK(does({filter(kConnect, ActionType::BLOCK, {runs("/bin/a"), equal(Field::IP_PROTOCOL, Value(uint8_t{1}))})},
               Point::ale_auth_connect)
              .empty());
    CHECK(stack::host_filters(*Judge({filter(kConnect, ActionType::BLOCK)}).engine.snapshot()).asked_under == 0);
  }
}
