// What clear packets meet: rules for the host's packet filter.
#include <doctest/doctest.h>

#include "policy/callout.h"
#include "stack/filter_settings.h"
#include "support/policy_samples.h"
#include "support/seeded_rng.h"

using namespace sallyport;
using namespace sallyport::support;
using stack::HostFilters;
using stack::HostRule;
using stack::Point;
using Does = HostRule::Does;
namespace raw = sallyport::policy::raw_context;

namespace {

HostFilters rules_of(const std::vector<Filter>& filters, const std::vector<stack::SettledTraffic>& settled = {}) {
  test::SeededRng rng(1);
  Engine engine(rng);
  const auto session = *engine.open(trusted());
  for (const Filter& filter : filters) REQUIRE(engine.add(session, filter));
  return stack::host_filters(*engine.snapshot(), settled);
}

std::vector<Does> does(const HostFilters& filters, Point point, size_t sublayer = 0) {
  std::vector<Does> out;
  const auto* layer = filters.find(point, Family::v4);
  if (layer == nullptr || layer->sublayers.size() <= sublayer) return out;
  for (const HostRule& rule : layer->sublayers[sublayer]) out.push_back(rule.does);
  return out;
}

Filter inbound(uint64_t context) {
  return callout_filter(Layer::INBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
                        known::callout::IPSEC_INBOUND_TRANSPORT_V4, {}, context);
}

}  // namespace

TEST_SUITE("stack/host_filters") {
  TEST_CASE("callouts say what becomes of a clear packet") {
    CHECK(does(rules_of({inbound(0)}), Point::inbound_transport) == std::vector{Does::veto});
    CHECK(does(rules_of({inbound(raw::kInboundPersistConnectionSecurity)}), Point::inbound_transport) ==
          std::vector{Does::permit});
    const auto outbound = rules_of({callout_filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
                                                   known::callout::IPSEC_OUTBOUND_TRANSPORT_V4, {}, 1)});
    CHECK(does(outbound, Point::outbound_transport) == std::vector{Does::capture});
    CHECK(outbound.captures());
    // Without discovery nothing of the flow is ever in the clear, so what comes of it need not be taken so either.
    const auto required = rules_of({callout_filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
                                                   known::callout::IPSEC_OUTBOUND_TRANSPORT_V4)});
    CHECK(does(required, Point::outbound_transport) == std::vector{Does::protect});
    CHECK(required.captures());
    const auto accept = rules_of({callout_filter(Layer::ALE_AUTH_RECV_ACCEPT_V4, ActionType::CALLOUT_TERMINATING,
                                                 known::callout::IPSEC_INBOUND_INITIATE_SECURE_V4)});
    CHECK(does(accept, Point::ale_auth_recv_accept) == std::vector{Does::veto});
    CHECK_FALSE(accept.captures());
  }

  TEST_CASE(
      "[scenario 3] of what has settled nothing is taken in the clear that discovery would take, and the rest is") {
    const auto selectors = [](const char* text) { return model::Selectors{*model::parse_selector(text)}; };
    const std::vector<stack::SettledTraffic> settled{
        {selectors("192.0.2.1/32[tcp]"), selectors("192.0.2.2/32[tcp/80]")},
        {selectors("192.0.2.1/32"), selectors("198.51.100.0/24")},
        {selectors("192.0.2.1/32[icmp/8]"), selectors("192.0.2.2/32[icmp/8]")},  // says no ports
        {selectors("2001:db8::1/128"), selectors("2001:db8::2/128")}};
    Filter narrow = inbound(raw::kInboundPersistConnectionSecurity);
    narrow.conditions = {v4_net(Field::IP_REMOTE_ADDRESS, "192.0.2.0/24")};
    const auto rules = rules_of({narrow}, settled);
    REQUIRE(does(rules, Point::inbound_transport) == std::vector{Does::veto, Does::permit});
    const HostRule& refused = rules.find(Point::inbound_transport, Family::v4)->sublayers[0][0];
    CHECK(refused.local == HostRule::Addresses{{IpAddr::v4(0xc0000201), IpAddr::v4(0xc0000201)}});
    CHECK(refused.remote == HostRule::Addresses{{IpAddr::v4(0xc0000202), IpAddr::v4(0xc0000202)}});
    CHECK(refused.protocols == HostRule::Numbers{{6, 6}});
    CHECK(refused.local_ports.empty());
    CHECK(refused.remote_ports == HostRule::Numbers{{80, 80}});
    CHECK(does(rules_of({inbound(0)}, settled), Point::inbound_transport) == std::vector{Does::veto});
    CHECK(does(rules_of({inbound(raw::kInboundPassthru)}, settled), Point::inbound_transport) ==
          std::vector{Does::permit});
  }

  TEST_CASE("the heaviest comes first, a right that is cleared makes a hard permit, and sublayers keep their order") {
    Filter hard = filter(Layer::INBOUND_TRANSPORT_V4, ActionType::PERMIT, {}, Value(uint8_t{3}));
    hard.head.flags = Filter::kClearActionRight;
    Filter above = filter(Layer::INBOUND_TRANSPORT_V4, ActionType::BLOCK);
    above.sublayer = known::sublayer::IPSEC_TUNNEL;
    const auto rules = rules_of(
        {inbound(0), filter(Layer::INBOUND_TRANSPORT_V4, ActionType::BLOCK, {}, Value(uint8_t{9})), hard, above});
    CHECK(does(rules, Point::inbound_transport, 0) == std::vector{Does::block});
    CHECK(does(rules, Point::inbound_transport, 1) == std::vector{Does::block, Does::hard_permit, Does::veto});
  }

  TEST_CASE("conditions become ranges; what no clear packet can meet is left out, and so are the engine's exemptions") {
    SecurityDescriptor somebody;
    somebody.dacl = {{Ace::Kind::allow, kActrlMatchFilter, known::sid::everyone()}};
    const auto rules = rules_of(
        {filter(Layer::ALE_AUTH_RECV_ACCEPT_V4, ActionType::PERMIT,
                {equal(Field::ALE_REMOTE_MACHINE_ID, Value(DescriptorValue{write_descriptor(somebody)}))}),
         filter(Layer::ALE_AUTH_RECV_ACCEPT_V4, ActionType::BLOCK,
                {equal(Field::IP_PROTOCOL, Value(uint8_t{6})), equal(Field::IP_LOCAL_PORT, Value(uint16_t{5555})),
                 v4_net(Field::IP_REMOTE_ADDRESS, "192.0.2.0/24"),
                 Condition{Field::IP_REMOTE_PORT, MatchType::NOT_EQUAL, Value(uint16_t{9})},
                 equal(Field::IP_LOCAL_ADDRESS_TYPE, Value(uint8_t{1}))}),
         filter(Layer::ALE_AUTH_RECV_ACCEPT_V4, ActionType::BLOCK,
                {equal(Field::IP_LOCAL_ADDRESS_TYPE, Value(uint8_t{3}))}),
         filter(Layer::ALE_AUTH_RECV_ACCEPT_V4, ActionType::BLOCK,
                {Condition{Field::FLAGS, MatchType::FLAGS_ALL_SET, Value(uint32_t{2})}})});
    const auto* layer = rules.find(Point::ale_auth_recv_accept, Family::v4);
    REQUIRE(layer != nullptr);
    REQUIRE(layer->sublayers.size() == 1);
    REQUIRE(layer->sublayers[0].size() == 1);
    const HostRule& rule = layer->sublayers[0][0];
    CHECK(rule.protocols == HostRule::Numbers{{6, 6}});
    CHECK(rule.local_ports == HostRule::Numbers{{5555, 5555}});
    CHECK(rule.remote_ports == HostRule::Numbers{{0, 8}, {10, 65535}});
    CHECK(rule.remote == HostRule::Addresses{{*IpAddr::parse("192.0.2.0"), *IpAddr::parse("192.0.2.255")}});
    CHECK(rules.unsaid.empty());
  }
}

TEST_SUITE("stack/filter_settings") {
  TEST_CASE("a reload keeps equal objects with their numbers, and changes the others in one step") {
    config::FilterPolicy policy;
    config::MainModeSettings main_mode;
    main_mode.name = "m";
    main_mode.key = config::key_of_name("main_mode/m");
    main_mode.secret_file = "/etc/m.psk";
    main_mode.proposals = {*model::parse_proposal(model::Protocol::IKE, "aes128gcm16-prfsha256-ecp256")};
    policy.main_modes = {main_mode};
    config::FilterSettings keying;
    keying.name = "keying";
    keying.layer = "IKEEXT";
    keying.context = "m";
    config::FilterSettings block;
    block.name = "block";
    block.layer = "INBOUND_TRANSPORT";
    block.action = "BLOCK";
    policy.filters = {keying, block};

    test::SeededRng rng(1);
    Engine engine(rng);
    const auto session = *engine.open(trusted());
    const auto load = [&] {
      REQUIRE(engine.begin({}, session, TxnMode::read_write));
      REQUIRE(stack::reconcile(engine, session, stack::objects_of(policy)));
      REQUIRE(engine.commit({}, session));
    };
    const auto ours = [&] {
      std::map<std::string, uint64_t> out;
      engine.snapshot()->filters.for_each([&](const auto& f) {
        if (f->head.provider == stack::configuration_provider())
          out[std::string(to_string(f->layer)) + "/" + f->head.display.name] = f->id;
      });
      return out;
    };
    load();
    const auto first = ours();
    CHECK(first.size() == 4);
    load();
    CHECK(ours() == first);
    const uint64_t generation = engine.snapshot()->generation;
    load();
    CHECK(engine.snapshot()->generation == generation);
    policy.filters[1].weight_range = 3;
    load();
    CHECK(ours().at("IKEEXT_V4/keying") == first.at("IKEEXT_V4/keying"));
    CHECK(ours().at("INBOUND_TRANSPORT_V4/block") != first.at("INBOUND_TRANSPORT_V4/block"));
    // A context that changes takes the filters that refer to it along.
    policy.main_modes[0].lifetime_seconds = 60;
    load();
    CHECK(ours().at("IKEEXT_V4/keying") != first.at("IKEEXT_V4/keying"));
    policy = {};
    load();
    CHECK(ours().empty());
    CHECK(engine.snapshot()->providers.find(stack::configuration_provider()) == nullptr);
  }
}
