// Tunnels made by one call.
#include "policy/tunnel.h"

#include <doctest/doctest.h>

#include "support/policy_samples.h"
#include "support/seeded_rng.h"

using namespace sallyport;
using namespace sallyport::support;

namespace {

struct Opened {
  test::SeededRng rng{3};
  Engine engine{rng};
  TimePoint now{};
  SessionId session = *engine.open(trusted());
};

Tunnel tunnel_of(uint32_t flags = 0) {
  Tunnel out;
  out.flags = flags;
  out.main_mode = context(ContextType::IPSEC_IKEV2_MM, ike_policy(), guid(5));
  TunnelPolicy policy;
  policy.proposals = {esp_proposal()};
  policy.endpoints.local = *IpAddr::parse("192.0.2.1");
  policy.endpoints.remote = *IpAddr::parse("192.0.2.2");
  out.policy = context(ContextType::IPSEC_IKEV2_QM_TUNNEL, policy, guid(6));
  out.inner = {v4_net(Field::IP_LOCAL_ADDRESS, "10.1.0.0/16"), v4_net(Field::IP_REMOTE_ADDRESS, "10.2.0.0/16")};
  return out;
}

std::vector<std::pair<Layer, Guid>> places(const Snapshot& snapshot) {
  std::vector<std::pair<Layer, Guid>> out;
  snapshot.filters.for_each([&](const auto& each) {
    if (each->head.lifetime != Lifetime::builtin) out.emplace_back(each->layer, each->action.callout);
  });
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST_SUITE("policy/tunnel") {
  TEST_CASE("[WFP 20.5] a tunnel between networks has a filter at every layer of the table") {
    Opened opened;
    REQUIRE(add_tunnel(opened.engine, opened.now, opened.session, tunnel_of()));
    const auto found = places(*opened.engine.snapshot());
    std::vector<std::pair<Layer, Guid>> wanted{
        {Layer::IKEEXT_V4, {}},
        {Layer::IPSEC_V4, {}},
        {Layer::OUTBOUND_TRANSPORT_V4, known::callout::IPSEC_OUTBOUND_TUNNEL_V4},
        {Layer::INBOUND_TRANSPORT_V4, known::callout::IPSEC_INBOUND_TUNNEL_V4},
        {Layer::IPFORWARD_V4, known::callout::IPSEC_FORWARD_OUTBOUND_TUNNEL_V4},
        {Layer::IPFORWARD_V4, known::callout::IPSEC_FORWARD_INBOUND_TUNNEL_V4},
        {Layer::ALE_AUTH_RECV_ACCEPT_V4, known::callout::IPSEC_INBOUND_TUNNEL_ALE_ACCEPT_V4},
        {Layer::ALE_AUTH_CONNECT_V4, known::callout::IPSEC_ALE_CONNECT_V4}};
    std::sort(wanted.begin(), wanted.end());
    CHECK(found == wanted);
    REQUIRE(remove_tunnel(opened.engine, opened.now, opened.session, guid(6)));
    CHECK(places(*opened.engine.snapshot()).empty());
    CHECK(opened.engine.snapshot()->contexts.size() == 0);
  }

  TEST_CASE("[WFP 20.5] point to point forwards nothing and may say more about the packets inside") {
    Opened opened;
    Tunnel tunnel = tunnel_of(Tunnel::kPointToPoint);
    tunnel.inner.push_back(equal(Field::IP_PROTOCOL, uint8_t{6}));
    REQUIRE(add_tunnel(opened.engine, opened.now, opened.session, tunnel));
    CHECK(places(*opened.engine.snapshot()).size() == 6);
    tunnel = tunnel_of();
    tunnel.inner.push_back(equal(Field::IP_PROTOCOL, uint8_t{6}));
    tunnel.policy.head.key = guid(7);
    CHECK(add_tunnel(opened.engine, opened.now, opened.session, tunnel).error() == Refusal{Fwp::INVALID_PARAMETER, 2});
  }

  TEST_CASE("IPv6 inside IPv4: each filter is at the layer of what it sees") {
    Opened opened;
    Tunnel tunnel = tunnel_of();
    tunnel.inner = {{Field::IP_REMOTE_ADDRESS, MatchType::EQUAL, V6AddrMask{{0x20, 0x01}, 32}}};
    CHECK(add_tunnel(opened.engine, opened.now, opened.session, tunnel).error().code == Fwp::INVALID_TUNNEL_ENDPOINT);
    CHECK(places(*opened.engine.snapshot()).empty());
    std::get<TunnelPolicy>(tunnel.policy.policy).flags = policy_flag::kEnableV6InV4Tunneling;
    REQUIRE(add_tunnel(opened.engine, opened.now, opened.session, tunnel));
    size_t six = 0, four = 0;
    for (const auto& [layer, callout] : places(*opened.engine.snapshot()))
      ++(find_layer(layer)->family == Family::v6 ? six : four);
    CHECK(six == 5);   // quick mode, in, out, two that forward
    CHECK(four == 3);  // main mode, accept, connect
  }

  TEST_CASE("a keying module of its own, and one that does not fit") {
    Opened opened;
    Tunnel tunnel = tunnel_of();
    tunnel.key_module = known::keying_module::IKE;
    CHECK(add_tunnel(opened.engine, opened.now, opened.session, tunnel).error().code == Fwp::INVALID_PARAMETER);
    tunnel.key_module = known::keying_module::IKEV2;
    REQUIRE(add_tunnel(opened.engine, opened.now, opened.session, tunnel));
    CHECK(opened.engine.snapshot()->contexts.size() == 3);
    REQUIRE(remove_tunnel(opened.engine, opened.now, opened.session, guid(6)));
    CHECK(opened.engine.snapshot()->contexts.size() == 0);
  }

  TEST_CASE("a refusal half-way leaves nothing, in a transaction of the caller's too") {
    Opened opened;
    Tunnel tunnel = tunnel_of();
    tunnel.inner[1] = {Field::IP_REMOTE_ADDRESS, MatchType::EQUAL, V4AddrMask{1, 0x00ff00ff}};
    CHECK(add_tunnel(opened.engine, opened.now, opened.session, tunnel).error().code == Fwp::INVALID_NET_MASK);
    CHECK(opened.engine.snapshot()->contexts.size() == 0);
    REQUIRE(opened.engine.begin(opened.now, opened.session, TxnMode::read_write));
    CHECK(add_tunnel(opened.engine, opened.now, opened.session, tunnel).error().code == Fwp::INVALID_NET_MASK);
    REQUIRE(opened.engine.commit(opened.now, opened.session));
    CHECK(opened.engine.snapshot()->contexts.size() == 0);
    CHECK(opened.engine.may_write(999));
  }

  TEST_CASE("main mode policy that something else refers to stays when the tunnel goes") {
    Opened opened;
    REQUIRE(add_tunnel(opened.engine, opened.now, opened.session, tunnel_of()));
    Filter other = filter(Layer::IKEEXT_V6, ActionType::PERMIT);
    other.head.flags = Filter::kHasProviderContext;
    other.provider_context = guid(5);
    REQUIRE(opened.engine.add(opened.session, other));
    REQUIRE(remove_tunnel(opened.engine, opened.now, opened.session, guid(6)));
    CHECK(opened.engine.snapshot()->contexts.size() == 1);
    CHECK(remove_tunnel(opened.engine, opened.now, opened.session, guid(6)).error().code ==
          Fwp::PROVIDER_CONTEXT_NOT_FOUND);
  }

  TEST_CASE("a persistent tunnel has persistent parts, and goes as a whole after a restart") {
    Opened opened;
    Tunnel tunnel = tunnel_of();
    tunnel.main_mode->head.flags = ProviderContext::kPersistent;
    tunnel.policy.head.flags = ProviderContext::kPersistent;
    REQUIRE(add_tunnel(opened.engine, opened.now, opened.session, tunnel));
    opened.engine.snapshot()->filters.for_each([](const auto& each) {
      if (each->head.lifetime != Lifetime::builtin) CHECK(each->head.lifetime == Lifetime::persistent);
    });
  }
}
