// What goes wrong between two stacks is told as net events, with the codes of the Windows interface.
#include "stack/net_events.h"

#include <doctest/doctest.h>

#include "policy/callout.h"
#include "support/filter_scenarios.h"

using namespace sallyport;
using namespace sallyport::test;
namespace s = sallyport::support;
namespace raw = policy::raw_context;
using policy::FailurePoint;
using policy::SaRole;

namespace {}  // namespace

TEST_SUITE("stack/net_events") {
  TEST_CASE("[scenario 1] wrong credentials: the initiator says PEER, the responder ME") {
    FilterPair pair;
    for (StackNode* node : {&pair.east, &pair.west}) install(*node, pair.now, {});
    for (auto& [name, secret] : pair.west.keys.secrets) secret = "another secret altogether";
    CHECK_FALSE(pair.ping(1));
    const auto ours = events<policy::MmFailure>(pair.east);
    REQUIRE(ours.size() == 1);
    CHECK(ours[0].second.code == 13801);  // ERROR_IPSEC_IKE_AUTH_FAIL
    CHECK(ours[0].second.point == FailurePoint::PEER);
    CHECK(ours[0].second.role == SaRole::INITIATOR);
    CHECK(ours[0].second.state == policy::MmSaState::FINAL_SENT);
    CHECK(ours[0].second.module == policy::KeyModule::IKEV2);
    CHECK(ours[0].second.filter == filter_at(pair.east, policy::Layer::IKEEXT_V4));
    CHECK(ours[0].first.remote == pair.west.address);
    CHECK(ours[0].first.local == pair.east.address);
    CHECK_FALSE(ours[0].second.local_name.empty());
    const auto theirs = events<policy::MmFailure>(pair.west);
    REQUIRE(theirs.size() == 1);
    CHECK(theirs[0].second.point == FailurePoint::ME);
    CHECK(theirs[0].second.role == SaRole::RESPONDER);
    CHECK_FALSE(theirs[0].second.remote_name.empty());
  }

  TEST_CASE("[scenario 5] a plain host: the negotiation times out, and nobody but us can be named") {
    FilterPair pair;
    install(pair.east, pair.now, {});
    (void)pair.east.dataplane.ping(pair.now, 1, *IpAddr::parse("192.0.2.99"), 1, 56);
    pair.run(minutes(6));
    const auto told = events<policy::MmFailure>(pair.east);
    REQUIRE_FALSE(told.empty());
    CHECK(told[0].second.code == 13805);  // ERROR_IPSEC_IKE_TIMED_OUT
    CHECK(told[0].second.point == FailurePoint::ME);
    CHECK(told[0].second.state == policy::MmSaState::SA_SENT);
  }

  TEST_CASE("[scenario 6] nothing in common that encrypts: a quick mode failure on both sides") {
    FilterPair pair;
    FilterScenario scenario;
    scenario.authenticate_only = true;
    install(pair.west, pair.now, scenario);
    install(pair.east, pair.now, {});
    CHECK_FALSE(pair.ping(1));
    const auto ours = events<policy::QmFailure>(pair.east);
    REQUIRE_FALSE(ours.empty());
    CHECK(ours[0].second.code == 13868);  // ERROR_IPSEC_IKE_POLICY_MATCH
    CHECK(ours[0].second.point == FailurePoint::PEER);
    CHECK(ours[0].second.traffic == policy::TrafficType::TRANSPORT);
    CHECK(ours[0].second.filter == filter_at(pair.east, policy::Layer::IPSEC_V4));
    const auto theirs = events<policy::QmFailure>(pair.west);
    REQUIRE_FALSE(theirs.empty());
    CHECK(theirs[0].second.point == FailurePoint::ME);
    CHECK(theirs[0].second.role == SaRole::RESPONDER);
  }

  TEST_CASE("[scenario 12] policy that only another keying module could negotiate is refused with its event") {
    FilterPair pair;
    FilterScenario scenario;
    scenario.main_mode = policy::ContextType::IPSEC_IKE_MM;
    install(pair.east, pair.now, scenario);
    CHECK_FALSE(pair.ping(1));
    const auto told = events<policy::MmFailure>(pair.east);
    REQUIRE(told.size() == 1);
    CHECK(told[0].second.code == 13883);  // ERROR_IPSEC_IKE_NEGOTIATION_DISABLED
    CHECK(told[0].second.module == policy::KeyModule::IKE);
    CHECK(told[0].second.filter == filter_at(pair.east, policy::Layer::IKEEXT_V4));
    CHECK(told[0].first.protocol == 1);
  }

  TEST_CASE("[scenario 11] ESP_AUTH_FW is stored, and refused at the negotiation with its event") {
    FilterPair pair;
    install(pair.east, pair.now, {});
    policy::Engine& engine = pair.east.control.filter_engine();
    const auto session = *engine.open(s::trusted());
    policy::TransportPolicy quick = s::transport_policy();
    quick.proposals[0].transforms = {
        {policy::TransformKind::ESP_AUTH_FW, policy::AuthTransform{policy::AuthAlgorithm::SHA_256, 2, {}}, {}}};
    REQUIRE(engine.add(session, s::context(policy::ContextType::IPSEC_IKEV2_QM_TRANSPORT, quick, s::guid(77))));
    policy::Filter heavier =
        s::filter(policy::Layer::IPSEC_V4, policy::ActionType::PERMIT, {}, policy::Value(uint8_t{0xe}));
    heavier.head.flags = policy::Filter::kHasProviderContext;
    heavier.provider_context = s::guid(77);
    REQUIRE(engine.add(session, heavier));
    pair.east.drain(pair.now);
    CHECK_FALSE(pair.ping(1));
    const auto told = events<policy::QmFailure>(pair.east);
    REQUIRE_FALSE(told.empty());
    CHECK(told[0].second.code == 13883);
    CHECK(told[0].first.sentence.find("no quick mode transform") != std::string::npos);
    CHECK(pair.east.clear.empty());
  }

  TEST_CASE("[WFP 18] extended mode that cannot be had is a failure of its own kind") {
    const stack::HostFlow flow =
        stack::leaving_flow({*IpAddr::parse("192.0.2.1"), *IpAddr::parse("192.0.2.2"), 6, 1000, 80, true});
    const auto event = stack::refused_negotiation(
        flow, {"needs a second authentication", 9, policy::KeyingGap::second_authentication, false});
    const auto* em = std::get_if<policy::EmFailure>(&event.what);
    REQUIRE(em);
    CHECK(em->filter == 9);
    CHECK(em->point == FailurePoint::ME);
    CHECK(event.remote_port == 80);
  }

  TEST_CASE("[WFP 18] a flow that a filter blocks is told of once, with filter and layer") {
    FilterPair pair;
    FilterScenario scenario;
    scenario.more = {s::filter(policy::Layer::OUTBOUND_TRANSPORT_V4, policy::ActionType::BLOCK,
                               {s::equal(policy::Field::IP_PROTOCOL, policy::Value(uint8_t{1}))},
                               policy::Value(uint8_t{0xc}))};
    install(pair.east, pair.now, scenario);
    CHECK_FALSE(pair.ping(1));
    CHECK_FALSE(pair.ping(2));
    const auto told = events<policy::ClassifyDrop>(pair.east);
    REQUIRE(told.size() == 1);
    CHECK(told[0].second.layer == policy::Layer::OUTBOUND_TRANSPORT_V4);
    CHECK(told[0].second.direction == policy::PacketDirection::OUTBOUND);
    CHECK(told[0].first.remote == pair.west.address);
    CHECK(pair.east.dataplane.drops()[ipsec::Drop::filter_block] == 2);
  }

  TEST_CASE("[WFP 18] dropped packets: one event a second for each reason, and every one is counted") {
    FilterPair pair;
    Bytes esp(64, 0);
    store_be32(esp.data(), 0x12345678);
    const auto throw_at = [&](int times) {
      for (int i = 0; i < times; ++i)
        pair.west.receive(pair.now, {{pair.east.address, 4500}, {pair.west.address, 4500}, true, esp});
    };
    throw_at(50);
    auto told = events<policy::KernelDrop>(pair.west);
    REQUIRE(told.size() == 1);
    CHECK(told[0].second.status == 0xC0360001);  // STATUS_IPSEC_BAD_SPI
    CHECK(told[0].second.spi == 0x12345678);
    CHECK(told[0].second.direction == policy::PacketDirection::INBOUND);
    CHECK(told[0].first.remote == pair.east.address);
    CHECK(pair.west.dataplane.drops()[ipsec::Drop::no_sa] == 50);
    pair.run(seconds(2));
    throw_at(50);
    CHECK(events<policy::KernelDrop>(pair.west).size() == 2);
  }
}
