// Tunnels of the filter engine's policy: two whole stacks in memory, and the judge of flows alone.
#include "policy/tunnel.h"

#include <doctest/doctest.h>

#include "policy/callout.h"
#include "support/policy_samples.h"
#include "support/stack_pair.h"

using namespace sallyport;
using namespace sallyport::test;
namespace s = sallyport::support;
namespace flag = policy::policy_flag;
using policy::Field;
using Way = ipsec::FlowPolicy::Ruling::Way;

namespace {

policy::Tunnel tunnel_of(bool east, uint32_t policy_flags = 0, std::vector<IpAddr> remotes = {}) {
  policy::Tunnel out;
  policy::IkePolicy main_mode = s::ike_policy();
  main_mode.proposals[0].dh_group = policy::DhGroup::ECP_256;
  out.main_mode = s::context(policy::ContextType::IPSEC_IKEV2_MM, main_mode, s::guid(5));
  policy::TunnelPolicy policy;
  policy.flags = policy_flags;
  policy.proposals = {s::esp_proposal()};
  policy.endpoints.local = *IpAddr::parse(east ? "192.0.2.1" : "192.0.2.2");
  policy.endpoints.remote = *IpAddr::parse(east ? "192.0.2.2" : "192.0.2.1");
  policy.endpoints.remote_addresses = std::move(remotes);
  out.policy = s::context(policy::ContextType::IPSEC_IKEV2_QM_TUNNEL, policy, s::guid(6));
  out.inner = {s::v4_net(Field::IP_LOCAL_ADDRESS, east ? "10.1.0.0/16" : "10.2.0.0/16"),
               s::v4_net(Field::IP_REMOTE_ADDRESS, east ? "10.2.0.0/16" : "10.1.0.0/16")};
  return out;
}

struct Gateways : StackPair {
  policy::SessionId east_session = 0;
  void install(uint32_t east_flags = 0, std::vector<IpAddr> east_remotes = {}) {
    east_session = add(east, tunnel_of(true, east_flags, std::move(east_remotes)));
    add(west, tunnel_of(false));
  }
  policy::SessionId add(StackNode& node, policy::Tunnel tunnel) {
    policy::Engine& engine = node.control.filter_engine();
    const auto session = *engine.open(s::trusted());
    REQUIRE(policy::add_tunnel(engine, now, session, std::move(tunnel)));
    node.drain(now);
    return session;
  }
  bool ping(uint64_t token, const char* to = "10.2.0.1") {
    const auto sent = east.dataplane.ping(now, token, *IpAddr::parse(to), static_cast<uint16_t>(token), 56);
    run(seconds(3));
    std::optional<stack::InnerHost::Pong> pong;
    while (auto next = east.dataplane.poll_pong()) pong = next;
    return sent && pong && pong->token == token;
  }
  size_t east_sas() { return east.dataplane.sas(now).size(); }
};

struct Judge {
  SeededRng rng{1};
  policy::Engine engine{rng};
  policy::SessionId session = *engine.open(s::trusted());
  stack::FilterFlows flows;
  TimePoint now{seconds(1000)};
  explicit Judge(uint32_t policy_flags = 0) {
    policy::Tunnel tunnel = tunnel_of(true, policy_flags);
    REQUIRE(policy::add_tunnel(engine, now, session, tunnel));
    flows.set(engine.snapshot());
  }
  uint64_t tunnel() { return (*engine.snapshot()->contexts.find(s::guid(6)))->id; }
  ipsec::Verdict arrives(const wire::ip::PacketView& view, model::ChildId child) {
    ipsec::SaRecord record;
    record.spec.child_id = child;
    record.spec.reqid = static_cast<uint32_t>(child);
    record.spec.encr = model::EncrId::AES_GCM_16;
    return flows.inbound(now, view, record);
  }
};

wire::ip::PacketView view(const char* from, const char* to, uint16_t source_port = 1000, uint16_t destination_port = 80,
                          uint8_t protocol = 6) {
  wire::ip::PacketView out;
  out.flow = {*IpAddr::parse(from), *IpAddr::parse(to), protocol, source_port, destination_port, true};
  out.family = out.flow.source.family();
  return out;
}

}  // namespace

TEST_SUITE("stack/tunnel_filters") {
  TEST_CASE("[scenario 7] one call at each gateway, and traffic goes through a tunnel keyed by the outer endpoints") {
    Gateways pair;
    pair.install();
    CHECK(pair.ping(1));
    CHECK(pair.ping(2));
    CHECK(pair.east.clear.empty());
    const auto sas = pair.east.dataplane.sas(pair.now);
    REQUIRE(sas.size() == 1);
    CHECK(sas[0].mode == model::Mode::tunnel);
    const auto ikes = pair.east.control.ike_sas();
    REQUIRE(ikes.size() == 1);
    REQUIRE(ikes[0].children.size() == 1);
    CHECK(model::to_string(ikes[0].children[0].ts_local) == "10.1.0.0/16");
    CHECK(model::to_string(ikes[0].children[0].ts_remote) == "10.2.0.0/16");
    // What it asks for is remembered no longer than it takes.
    CHECK(pair.east.control.tables().negotiations == 0);
  }

  TEST_CASE("deleting the tunnel takes its SAs along, and nothing it protected leaves in the clear") {
    Gateways pair;
    pair.install();
    CHECK(pair.ping(1));
    REQUIRE(policy::remove_tunnel(pair.east.control.filter_engine(), pair.now, pair.east_session, s::guid(6)));
    pair.settle();
    CHECK(pair.east_sas() == 0);
    CHECK(pair.east.control.ike_sas().empty());
    CHECK_FALSE(pair.ping(2));
    CHECK(pair.east.clear.empty());
  }

  TEST_CASE("several remote endpoints are tried in their order") {
    Gateways pair;
    pair.install(0, {*IpAddr::parse("192.0.2.77"), *IpAddr::parse("192.0.2.2")});
    CHECK_FALSE(pair.ping(1));
    pair.run(minutes(3));
    CHECK(pair.east_sas() == 1);
    CHECK(pair.ping(2));
  }

  TEST_CASE("a packet that is passed on is protected by the filter at IPFORWARD, by the SA of the same tunnel policy") {
    Judge judge;
    const auto own = judge.flows.outbound(judge.now, view("10.1.0.1", "10.2.0.9"));
    CHECK(own.way == Way::protect);
    CHECK((*own.decision->entry)->reqid == stack::reqid_of_tunnel(judge.tunnel()));
    CHECK_FALSE(own.clear_meanwhile);
    CHECK(judge.flows.outbound(judge.now, view("10.3.0.1", "10.2.0.9")).way == Way::none);
    // Only a filter at IPFORWARD.
    policy::Engine engine(judge.rng);
    const auto session = *engine.open(s::trusted());
    policy::Tunnel tunnel = tunnel_of(true);
    tunnel.policy.head.key = s::guid(6);
    REQUIRE(engine.add(session, tunnel.policy));
    policy::Filter forward = s::callout_filter(policy::Layer::IPFORWARD_V4, policy::ActionType::CALLOUT_TERMINATING,
                                               policy::known::callout::IPSEC_FORWARD_OUTBOUND_TUNNEL_V4,
                                               {s::v4_net(Field::IP_SOURCE_ADDRESS, "10.1.0.0/16")});
    forward.head.flags |= policy::Filter::kHasProviderContext;
    forward.provider_context = s::guid(6);
    REQUIRE(engine.add(session, forward));
    stack::FilterFlows flows;
    flows.set(engine.snapshot());
    CHECK(flows.active());
    CHECK(flows.outbound(judge.now, view("10.1.0.1", "198.51.100.1")).way == Way::protect);
    CHECK(flows.outbound(judge.now, view("10.2.0.1", "198.51.100.1")).way == Way::none);
  }

  TEST_CASE("what the tunnel has secured came by it: another filter's SA is refused by name, and so is it elsewhere") {
    Judge judge;
    judge.flows.learn(1, {nullptr, true, judge.tunnel(), false});
    judge.flows.learn(2, {nullptr, true, 0, false});
    CHECK(judge.arrives(view("10.2.0.9", "10.1.0.1"), 1).passed());
    CHECK(judge.arrives(view("10.2.0.9", "10.1.0.1"), 2) == ipsec::Verdict(ipsec::Drop::other_sa));
    CHECK(judge.arrives(view("10.2.0.9", "10.3.0.1"), 1) == ipsec::Verdict(ipsec::Drop::other_sa));
    CHECK(judge.arrives(view("10.2.0.9", "10.3.0.1"), 2).passed());
    // A connection of the configuration goes before filters.
    CHECK(judge.arrives(view("10.2.0.9", "10.1.0.2"), 3).passed());
  }

  TEST_CASE("TUNNEL_BYPASS_ALREADY_SECURE_CONNECTION leaves ESP and IKE alone, TUNNEL_BYPASS_ICMPV6 ICMPv6") {
    Judge judge(flag::kTunnelBypassAlreadySecure);
    CHECK(judge.flows.outbound(judge.now, view("10.1.0.1", "10.2.0.9", 0, 0, 50)).way != Way::protect);
    CHECK(judge.flows.outbound(judge.now, view("10.1.0.1", "10.2.0.9", 500, 500, 17)).way != Way::protect);
    CHECK(judge.flows.outbound(judge.now, view("10.1.0.1", "10.2.0.9", 33000, 4500, 17)).way != Way::protect);
    CHECK(judge.flows.outbound(judge.now, view("10.1.0.1", "10.2.0.9", 33000, 4501, 17)).way == Way::protect);
    Judge without;
    CHECK(without.flows.outbound(judge.now, view("10.1.0.1", "10.2.0.9", 0, 0, 50)).way == Way::protect);
    stack::HostFlow ping;
    ping.local = ping.remote = *IpAddr::parse("2001:db8::1");
    ping.protocol = 58;
    CHECK(stack::bypasses_tunnel(flag::kTunnelBypassIcmpv6, ping));
    CHECK_FALSE(stack::bypasses_tunnel(flag::kTunnelBypassAlreadySecure, ping));
  }

  TEST_CASE("TUNNEL_ALLOW_OUTBOUND_CLEAR_CONNECTION: in the clear until the flow has come by the tunnel") {
    Judge judge(flag::kTunnelAllowOutboundClear);
    auto ruling = judge.flows.outbound(judge.now, view("10.1.0.1", "10.2.0.9"));
    CHECK(ruling.clear_meanwhile);
    CHECK_FALSE(ruling.negotiate);
    judge.flows.learn(1, {nullptr, true, judge.tunnel(), false});
    CHECK(judge.arrives(view("10.2.0.9", "10.1.0.1", 80, 1000), 1).passed());
    ruling = judge.flows.outbound(judge.now, view("10.1.0.1", "10.2.0.9"));
    CHECK(ruling.flags->secure);
    CHECK(ruling.negotiate);
  }

  TEST_CASE("[scenario 10] of two peers behind one NAT each is answered by its own SA") {
    Judge judge;
    judge.flows.learn(11, {nullptr, true, 0, true});
    judge.flows.learn(12, {nullptr, true, 0, true});
    policy::Filter outbound =
        s::callout_filter(policy::Layer::OUTBOUND_TRANSPORT_V4, policy::ActionType::CALLOUT_TERMINATING,
                          policy::known::callout::IPSEC_OUTBOUND_TRANSPORT_V4);
    REQUIRE(judge.engine.add(judge.session, outbound));
    judge.flows.set(judge.engine.snapshot());
    CHECK(judge.arrives(view("203.0.113.1", "192.0.2.1", 1000, 80), 11).passed());
    CHECK(judge.arrives(view("203.0.113.1", "192.0.2.1", 2000, 80), 12).passed());
    const auto reqid_to = [&](uint16_t port) {
      const auto ruling = judge.flows.outbound(judge.now, view("192.0.2.1", "203.0.113.1", 80, port));
      return ruling.way == Way::protect && !ruling.negotiate ? (*ruling.decision->entry)->reqid : 0;
    };
    CHECK(reqid_to(1000) == 11);
    CHECK(reqid_to(2000) == 12);
    // Ports that the first one does not use any more.
    CHECK(judge.arrives(view("203.0.113.1", "192.0.2.1", 1000, 80), 12).passed());
    CHECK(reqid_to(1000) == 12);
    const IpEndpoint one{*IpAddr::parse("203.0.113.1"), 4500}, other{one.addr, 1024};
    const IpEndpoint behind_another{*IpAddr::parse("203.0.113.2"), 4500};
    CHECK(stack::reqid_of_nat_client(7, one) != stack::reqid_of_nat_client(7, other));
    CHECK(stack::reqid_of_nat_client(7, one) != stack::reqid_of_nat_client(7, behind_another));
  }

  TEST_CASE("secrets of main mode policy are told, those of the configuration are not among them") {
    Judge judge;
    const auto told = stack::policy_secrets(*judge.engine.snapshot());
    REQUIRE(told.secrets.size() == 1);
    CHECK(told.secrets[0].first == s::guid(5).to_string() + "/0");
    CHECK(as_text(told.secrets[0].second.view()) == "secret");
    policy::Provider provider;
    provider.head.key = stack::configuration_provider();
    provider.head.display.name = "configuration";
    REQUIRE(judge.engine.add(judge.session, provider));
    auto configured = s::context(policy::ContextType::IPSEC_IKEV2_MM, s::ike_policy(), s::guid(9));
    configured.head.provider = stack::configuration_provider();
    REQUIRE(judge.engine.add(judge.session, configured));
    CHECK(stack::policy_secrets(*judge.engine.snapshot()) == told);
    model::IkePolicySet set;
    stack::add_credentials(told, set);
    CHECK(set.credential(told.secrets[0].first) != nullptr);
  }
}
