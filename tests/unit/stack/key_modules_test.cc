// The layers that keying itself is asked at: which module may begin, and which authenticated peer may have an IKE SA.
#include "stack/key_modules.h"

#include <doctest/doctest.h>

#include "policy/callout.h"
#include "stack/peer_sid.h"
#include "support/filter_scenarios.h"

using namespace sallyport;
using namespace sallyport::test;
namespace s = sallyport::support;
using policy::ActionType;
using policy::Field;
using policy::Layer;
using policy::Value;

namespace {

policy::Filter at_km_authorization(ActionType action, policy::Conditions conditions) {
  return s::filter(Layer::KM_AUTHORIZATION, action, std::move(conditions));
}

size_t failures(StackNode& node, policy::FailurePoint point) {
  policy::Engine& engine = node.control.filter_engine();
  const auto session = *engine.open(s::trusted());
  size_t out = 0;
  const auto all = engine.net_events(session, {});
  for (const auto& event : *all) {
    const auto* mm = std::get_if<policy::MmFailure>(&event->what);
    if (mm != nullptr && mm->point == point) ++out;
  }
  return out;
}

// An engine with these filters, and the answer for one peer.
struct Asked {
  SeededRng rng{5};
  policy::Engine engine{rng};
  policy::SessionId session = *engine.open(s::trusted());
  void add(policy::Filter filter) { REQUIRE(engine.add(session, std::move(filter))); }
  bool refused(std::string_view identity, model::AuthPolicy::Kind kind = model::AuthPolicy::Kind::cert,
               bool initiated = false, std::string_view connection = "filter-1", bool user = false) {
    const stack::FilterAuthorization asked(engine.snapshot(), {{"filter-1", s::guid(1)}});
    return asked.refusal(identity, connection, kind, initiated, user).has_value();
  }
};

policy::Value descriptor_for(std::string_view identity) {
  policy::SecurityDescriptor sd;
  sd.dacl.emplace();
  sd.dacl->push_back({policy::Ace::Kind::allow, policy::kActrlMatchFilter, stack::sid_of_identity(identity)});
  return Value(policy::DescriptorValue{policy::write_descriptor(sd)});
}

}  // namespace

TEST_SUITE("stack/key_modules") {
  TEST_CASE("[WFP 13.4] KM_AUTHORIZATION is asked about users as well, whose mode is the extended one") {
    Asked asked;
    asked.add(at_km_authorization(ActionType::BLOCK, {s::equal(Field::KM_MODE, Value(uint32_t{1})),
                                                      s::equal(Field::REMOTE_ID, descriptor_for("mallory"))}));
    using enum model::AuthPolicy::Kind;
    CHECK(asked.refused("mallory", cert, false, "filter-1", true));
    CHECK_FALSE(asked.refused("mallory", cert, false, "filter-1", false));
    CHECK_FALSE(asked.refused("alice", cert, false, "filter-1", true));
  }

  TEST_CASE("[WFP 20.6] KM_AUTHORIZATION: the conditions of the layer") {
    Asked asked;
    CHECK_FALSE(asked.refused("CN=anybody"));
    SUBCASE("remote identity: only this one") {
      asked.add(at_km_authorization(ActionType::BLOCK, {}));
      policy::Filter one =
          at_km_authorization(ActionType::PERMIT, {s::equal(Field::REMOTE_ID, descriptor_for("CN=clerk"))});
      one.weight = Value(uint8_t{0xe});
      asked.add(one);
      CHECK_FALSE(asked.refused("CN=clerk"));
      CHECK(asked.refused("CN=guest"));
      // A shared secret proves no name.
      CHECK(asked.refused("CN=clerk", model::AuthPolicy::Kind::psk));
    }
    SUBCASE("kind of authentication") {
      asked.add(at_km_authorization(ActionType::BLOCK, {s::equal(Field::AUTHENTICATION_TYPE, Value(uint32_t{0}))}));
      CHECK(asked.refused("CN=clerk", model::AuthPolicy::Kind::psk));
      CHECK_FALSE(asked.refused("CN=clerk"));
    }
    SUBCASE("direction") {
      asked.add(at_km_authorization(ActionType::BLOCK, {s::equal(Field::DIRECTION, Value(uint32_t{1}))}));
      CHECK(asked.refused("CN=clerk"));
      CHECK_FALSE(asked.refused("CN=clerk", model::AuthPolicy::Kind::cert, true));
    }
    SUBCASE("keying module and mode") {
      asked.add(at_km_authorization(ActionType::BLOCK, {s::equal(Field::KM_TYPE, Value(uint32_t{2})),
                                                        s::equal(Field::KM_MODE, Value(uint32_t{0}))}));
      CHECK(asked.refused("CN=clerk"));
    }
    SUBCASE("policy key") {
      policy::ByteArray16 key = s::guid(1).octets;
      asked.add(at_km_authorization(ActionType::BLOCK, {s::equal(Field::IPSEC_POLICY_KEY, Value(key))}));
      CHECK(asked.refused("CN=clerk"));
      CHECK_FALSE(asked.refused("CN=clerk", model::AuthPolicy::Kind::cert, false, "another"));
    }
  }

  TEST_CASE("[WFP 20.6] a peer that authenticates and is not authorized gets no IKE SA, whoever began") {
    for (const bool at_responder : {true, false}) {
      FilterPair pair;
      FilterScenario blocks;
      blocks.more = {
          at_km_authorization(ActionType::BLOCK, {s::equal(Field::AUTHENTICATION_TYPE, Value(uint32_t{0}))})};
      install(pair.east, pair.now, at_responder ? FilterScenario{} : blocks);
      install(pair.west, pair.now, at_responder ? blocks : FilterScenario{});
      CHECK_FALSE(pair.ping(1));
      pair.run(seconds(2));
      CHECK(pair.east.control.ike_sas().empty());
      CHECK(pair.west.control.ike_sas().empty());
      CHECK(pair.east.dataplane.sas(pair.now).empty());
      StackNode& refuses = at_responder ? pair.west : pair.east;
      CHECK(failures(refuses, policy::FailurePoint::ME) >= 1);
      if (at_responder) CHECK(failures(pair.east, policy::FailurePoint::PEER) >= 1);
    }
  }

  TEST_CASE("[WFP 20.6] a filter that is added later ends the IKE SAs that it would not have let in") {
    FilterPair pair;
    for (StackNode* node : {&pair.east, &pair.west}) install(*node, pair.now, {});
    REQUIRE(pair.ping(1));
    policy::Engine& engine = pair.west.control.filter_engine();
    const auto session = *engine.open(s::trusted());
    REQUIRE(engine.add(session, at_km_authorization(ActionType::BLOCK, {})));
    pair.run(seconds(1));
    CHECK(pair.west.control.ike_sas().empty());
    CHECK(pair.east.dataplane.sas(pair.now).empty());
    CHECK_FALSE(pair.ping(2));
  }

  TEST_CASE("[WFP 14] IPSEC_KM_DEMUX: without IKEv2 among its modules this host begins nothing") {
    using policy::known::keying_module::AUTHIP;
    using policy::known::keying_module::IKEV2;
    const auto with_modules = [](std::vector<policy::Guid> modules, uint32_t flags, uint64_t number, uint8_t weight,
                                 StackNode& node) {
      policy::Engine& engine = node.control.filter_engine();
      const auto session = *engine.open(s::trusted());
      policy::KeyingPolicy keying{std::move(modules), flags};
      REQUIRE(engine.add(session, s::context(policy::ContextType::IPSEC_KEYING, keying, s::guid(number))));
      policy::Filter filter = s::filter(Layer::IPSEC_KM_DEMUX_V4, ActionType::PERMIT, {}, Value(weight));
      filter.head.flags = policy::Filter::kHasProviderContext;
      filter.provider_context = s::guid(number);
      REQUIRE(engine.add(session, filter));
    };
    FilterPair pair;
    for (StackNode* node : {&pair.east, &pair.west}) install(*node, pair.now, {});
    with_modules({AUTHIP}, policy::KeyingPolicy::kTerminatingMatch, 50, 5, pair.east);
    pair.east.drain(pair.now);
    CHECK_FALSE(pair.ping(1));
    CHECK(pair.east.control.ike_counters().initiated == 0);
    CHECK(failures(pair.east, policy::FailurePoint::ME) == 1);
    CHECK(pair.east.clear.empty());
    // A heavier filter that names it.
    with_modules({AUTHIP, IKEV2}, 0, 51, 9, pair.east);
    pair.east.drain(pair.now);
    CHECK(pair.ping(2));
  }

  TEST_CASE("[WFP 14] IPSEC_KM_DEMUX: a filter of the configuration decides like one of a program") {
    config::FilterPolicy policy;
    config::FilterSettings filter;
    filter.name = "AuthIP alone";
    filter.layer = "IPSEC_KM_DEMUX";
    filter.key_modules = {"AUTHIP"};
    filter.terminating_match = true;
    policy.filters.push_back(filter);
    FilterPair pair;
    for (StackNode* node : {&pair.east, &pair.west}) install(*node, pair.now, {});
    auto configuration = std::make_shared<model::IkePolicySet>();
    configuration->credentials = {{s::guid(1).to_string() + "/0", model::AuthPolicy::Kind::psk, {}, {}}};
    pair.east.control.handle_command(pair.now, stack::ReloadCommand{1, configuration, policy});
    pair.east.drain(pair.now);
    CHECK_FALSE(pair.ping(1));
    CHECK(pair.east.control.ike_counters().initiated == 0);
    CHECK(failures(pair.east, policy::FailurePoint::ME) == 1);
    policy.filters[0].key_modules = {"AUTHIP", "IKEV2"};
    pair.east.control.handle_command(pair.now, stack::ReloadCommand{2, configuration, policy});
    pair.east.drain(pair.now);
    pair.run(seconds(20));
    CHECK(pair.ping(2));
  }
}
