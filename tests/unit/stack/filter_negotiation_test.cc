// Filters ask for SAs, and packets live by their decisions: two whole stacks in memory.
#include <doctest/doctest.h>

#include "policy/callout.h"
#include "support/filter_scenarios.h"

using namespace sallyport;
using namespace sallyport::test;
namespace s = sallyport::support;
namespace raw = policy::raw_context;

namespace {

bool told_of(const StackNode& node, const std::string& words) {
  return std::any_of(node.notices.begin(), node.notices.end(),
                     [&](const auto& n) { return n.sentence.find(words) != std::string::npos; });
}

constexpr uint64_t kDiscover = raw::kOutboundNegotiateDiscover;
constexpr uint64_t kPersist = raw::kInboundPersistConnectionSecurity;

}  // namespace

TEST_SUITE("stack/filter_negotiation") {
  TEST_CASE("transport mode without fall-back: the first packet waits for its SA and nothing is ever in the clear") {
    FilterPair pair;
    for (StackNode* node : {&pair.east, &pair.west}) install(*node, pair.now, {});
    CHECK(pair.ping(1));
    CHECK(pair.ping(2));
    CHECK(pair.east.clear.empty());
    CHECK(pair.west.clear.empty());
    REQUIRE(pair.east.dataplane.sas(pair.now).size() == 1);
    CHECK(pair.east.dataplane.sas(pair.now)[0].mode == model::Mode::transport);
    CHECK(pair.east.control.tables().negotiations == 0);
  }

  TEST_CASE("a plain host: no connectivity, one sentence, and new traffic does not start a negotiation each time") {
    FilterPair pair;
    install(pair.east, pair.now, {});
    const IpAddr empty = pair.west.address;
    REQUIRE(pair.east.dataplane.ping(pair.now, 1, empty, 1, 56));
    pair.west.address = *IpAddr::parse("192.0.2.99");  // nobody there any more
    pair.run(minutes(2));
    CHECK(told_of(pair.east, "no answer from"));
    const uint64_t tried = pair.east.control.ike_counters().initiated;
    CHECK(tried == 1);
    for (uint16_t i = 2; i < 6; ++i) {
      CHECK(pair.east.dataplane.ping(pair.now, i, empty, i, 56));
      pair.run(seconds(3));
    }
    CHECK(pair.east.control.ike_counters().initiated == tried + 1);
    CHECK(pair.east.clear.empty());
  }

  TEST_CASE("a peer that refuses is asked again soon at first, and then twice as late each time, up to ten seconds") {
    FilterPair pair;
    install(pair.east, pair.now, {});  // the other host has no policy: it answers that there is no connection
    const auto tried = [&] { return pair.east.control.ike_counters().initiated; };
    std::vector<Duration> starts;
    for (uint64_t i = 1; starts.size() < 7 && i < 2000; ++i) {
      const uint64_t before = tried();
      (void)pair.east.dataplane.ping(pair.now, i, pair.west.address, static_cast<uint16_t>(i), 56);
      pair.run(milliseconds(100));
      if (tried() != before) starts.push_back(pair.now.time_since_epoch());
    }
    REQUIRE(starts.size() == 7);
    // Of each pause a part is the negotiation itself.
    std::vector<Duration> pauses;
    for (size_t i = 1; i < starts.size(); ++i) pauses.push_back(starts[i] - starts[i - 1]);
    const Duration lasted = pauses[0] - milliseconds(900);
    CHECK(lasted <= seconds(4));
    for (size_t i = 0; i < pauses.size(); ++i) {
      const Duration pause = std::min<Duration>(milliseconds(900) * (1 << i), seconds(10));
      CHECK(pauses[i] >= pause);
      CHECK(pauses[i] <= pause + lasted + milliseconds(300));
    }
    CHECK(pair.east.clear.empty());
  }

  TEST_CASE("negotiation discovery: in the clear at first, protected once the SA is there, never back") {
    FilterPair pair;
    for (StackNode* node : {&pair.east, &pair.west}) install(*node, pair.now, {kPersist, kDiscover});
    CHECK_FALSE(pair.ping(1));  // nobody here carries clear packets to the other host
    CHECK(pair.east.clear.size() == 1);
    CHECK(pair.ping(2));
    CHECK(pair.east.clear.size() == 1);
    // The SAs go, the peer is silent: what was secure is not sent.
    pair.east.control.end_filter_sas(pair.now);
    pair.settle();
    pair.west.address = *IpAddr::parse("192.0.2.99");
    CHECK(pair.east.dataplane.sas(pair.now).empty());
    const auto sent = pair.east.dataplane.ping(pair.now, 3, *IpAddr::parse("192.0.2.2"), 3, 56);
    CHECK(sent);
    pair.run(seconds(5));
    CHECK(pair.east.clear.size() == 1);
  }

  TEST_CASE(
      "[scenario 3] ndAllowClearTimeoutSeconds after the SA is up what is clear of its traffic is refused, until it "
      "goes") {
    FilterPair pair;
    FilterScenario scenario{kPersist, kDiscover};
    scenario.clear_timeout_seconds = 10;
    for (StackNode* node : {&pair.east, &pair.west}) install(*node, pair.now, scenario);
    const auto refusals = [&] {
      const auto* layer = pair.east.host_filters.find(stack::Point::inbound_transport, Family::v4);
      const auto& rules = layer->sublayers.front();
      return std::count_if(rules.begin(), rules.end(), [&](const stack::HostRule& rule) {
        return rule.does == stack::HostRule::Does::veto && rule.remote.front().first == pair.west.address;
      });
    };
    (void)pair.ping(1);
    REQUIRE(pair.ping(2));
    CHECK(refusals() == 0);
    pair.run(seconds(10));
    CHECK(refusals() > 0);
    pair.east.control.end_filter_sas(pair.now);
    pair.run(seconds(2));
    CHECK(refusals() == 0);
  }

  TEST_CASE(
      "[WFP IPSEC_SA_IDLE_TIMEOUT] an SA that nobody uses goes, and the next packet asks for another and waits for "
      "it") {
    FilterPair pair;
    FilterScenario scenario;
    scenario.idle_seconds = 20;
    for (StackNode* node : {&pair.east, &pair.west}) install(*node, pair.now, scenario);
    REQUIRE(pair.ping(1));
    pair.run(seconds(15));
    CHECK(pair.east.dataplane.sas(pair.now).size() == 1);
    pair.run(seconds(60));
    CHECK(pair.east.dataplane.sas(pair.now).empty());
    CHECK(pair.west.dataplane.sas(pair.now).empty());
    CHECK(pair.ping(2));
    CHECK(pair.east.clear.empty());
  }

  TEST_CASE("negotiation discovery to a plain host: clear at once, one negotiation for a flow") {
    FilterPair pair;
    install(pair.east, pair.now, {kPersist, kDiscover});
    for (uint64_t i = 1; i < 6; ++i) CHECK_FALSE(pair.ping(i));
    CHECK(pair.east.clear.size() == 5);
    CHECK(pair.east.control.ike_counters().initiated == 1);
  }

  TEST_CASE("[RFC7296 2.9] a responder with a narrower filter beside a wider one takes what is asked for whole") {
    FilterPair pair;
    install(pair.east, pair.now, {});
    FilterScenario scenario;
    scenario.more.push_back(s::callout_filter(policy::Layer::OUTBOUND_TRANSPORT_V4,
                                              policy::ActionType::CALLOUT_TERMINATING,
                                              policy::known::callout::IPSEC_OUTBOUND_TRANSPORT_V4,
                                              {s::equal(policy::Field::IP_PROTOCOL, policy::Value(uint8_t{17})),
                                               s::equal(policy::Field::IP_REMOTE_PORT, policy::Value(uint16_t{7}))}));
    install(pair.west, pair.now, scenario);
    CHECK(pair.ping(1));
    const auto sas = pair.east.control.ike_sas();
    REQUIRE(sas.size() == 1);
    REQUIRE(sas[0].children.size() == 1);
    CHECK(model::to_string(sas[0].children[0].ts_remote) == "192.0.2.2/32");
  }

  TEST_CASE("explain names the filter of each layer and the negotiation") {
    FilterPair pair;
    for (StackNode* node : {&pair.east, &pair.west}) install(*node, pair.now, {kPersist, kDiscover});
    const model::FlowKey flow{pair.east.address, pair.west.address, 6, 1000, 80, true};
    auto explained = pair.east.control.explain_filters(flow);
    REQUIRE(explained.layers.size() == 6);
    CHECK(explained.layers[0].action == "IPSEC_OUTBOUND_TRANSPORT_V4");
    CHECK(explained.layers[0].filter == explained.protects);
    CHECK(explained.layers[1].action == "none");
    CHECK(explained.layers[2].action == "IPSEC_INBOUND_TRANSPORT_V4");
    CHECK(explained.layers[4].action == "PERMIT");
    CHECK(explained.clear_meanwhile);
    REQUIRE(explained.wanted);
    CHECK(explained.wanted->remote == pair.west.address);
    CHECK(explained.reqid_encrypted != explained.reqid_authenticated);
    const model::FlowKey six{*IpAddr::parse("2001:db8::1"), *IpAddr::parse("2001:db8::2"), 6, 1000, 80, true};
    explained = pair.east.control.explain_filters(six);
    CHECK(explained.protects == 0);
  }

  TEST_CASE("main mode policy of IKEv1 is refused when it is asked for, with a sentence that says so") {
    FilterPair pair;
    FilterScenario scenario;
    scenario.main_mode = policy::ContextType::IPSEC_IKE_MM;
    install(pair.east, pair.now, scenario);
    CHECK_FALSE(pair.ping(1));
    CHECK(told_of(pair.east, "needs IKEv1, which is not spoken here"));
    CHECK(pair.east.control.ike_counters().initiated == 0);
  }

  TEST_CASE("a heavier PERMIT filter exempts, a BLOCK filter is a named drop") {
    FilterPair pair;
    FilterScenario scenario;
    scenario.more.push_back(s::filter(policy::Layer::OUTBOUND_TRANSPORT_V4, policy::ActionType::PERMIT,
                                      {s::equal(policy::Field::IP_PROTOCOL, policy::Value(uint8_t{1}))},
                                      policy::Value(uint8_t{0xc})));
    install(pair.east, pair.now, scenario);
    CHECK_FALSE(pair.ping(1));
    CHECK(pair.east.clear.size() == 1);
    CHECK(pair.east.control.ike_counters().initiated == 0);

    FilterPair other;
    scenario.more = {s::filter(policy::Layer::OUTBOUND_TRANSPORT_V4, policy::ActionType::BLOCK,
                               {s::equal(policy::Field::IP_PROTOCOL, policy::Value(uint8_t{1}))},
                               policy::Value(uint8_t{0xc}))};
    install(other.east, other.now, scenario);
    CHECK_FALSE(other.ping(1));
    CHECK(other.east.dataplane.drops()[ipsec::Drop::filter_block] == 1);
  }

  TEST_CASE("a filter that is deleted takes its SAs along, at the next poll") {
    FilterPair pair;
    for (StackNode* node : {&pair.east, &pair.west}) install(*node, pair.now, {});
    CHECK(pair.ping(1));
    policy::Engine& engine = pair.east.control.filter_engine();
    const auto session = *engine.open(s::trusted());
    std::vector<policy::Guid> gone;
    engine.snapshot()->filters.for_each([&](const auto& f) {
      if (f->layer == policy::Layer::OUTBOUND_TRANSPORT_V4 && f->head.lifetime != policy::Lifetime::builtin)
        gone.push_back(f->head.key);
    });
    REQUIRE(gone.size() == 1);
    REQUIRE(engine.remove(session, policy::ObjectKind::filter, gone[0]));
    pair.run(seconds(1));
    CHECK(pair.east.dataplane.sas(pair.now).empty());
    CHECK(pair.west.dataplane.sas(pair.now).empty());
  }

  TEST_CASE("guaranteed encryption: an SA that only authenticates does not do") {
    FilterPair pair;
    FilterScenario scenario;
    scenario.authenticate_only = true;
    install(pair.west, pair.now, scenario);
    scenario.more.push_back(
        s::callout_filter(policy::Layer::ALE_AUTH_CONNECT_V4, policy::ActionType::CALLOUT_TERMINATING,
                          policy::known::callout::IPSEC_ALE_CONNECT_V4, {}, raw::kAleRequireEncryption));
    install(pair.east, pair.now, scenario);
    CHECK_FALSE(pair.ping(1));
    CHECK(told_of(pair.east, "no quick mode proposal encrypts"));
    CHECK(pair.east.clear.empty());
  }

  TEST_CASE("what must be encrypted and came authenticated only is dropped by name") {
    FilterPair pair;
    FilterScenario scenario;
    scenario.authenticate_only = true;
    install(pair.east, pair.now, scenario);
    scenario.more.push_back(
        s::callout_filter(policy::Layer::ALE_AUTH_RECV_ACCEPT_V4, policy::ActionType::CALLOUT_TERMINATING,
                          policy::known::callout::IPSEC_INBOUND_INITIATE_SECURE_V4, {}, raw::kAleRequireEncryption));
    install(pair.west, pair.now, scenario);
    CHECK_FALSE(pair.ping(1));
    CHECK(pair.west.dataplane.drops()[ipsec::Drop::not_encrypted] == 1);
  }

  TEST_CASE("no SA and SUPPRESS_NEGOTIATION: dropped by name, nothing is asked for") {
    FilterPair pair;
    install(pair.east, pair.now, {0, raw::kOutboundSuppressNegotiation});
    CHECK_FALSE(pair.ping(1));
    CHECK(pair.east.dataplane.drops()[ipsec::Drop::negotiation_suppressed] == 1);
    CHECK(pair.east.control.ike_counters().initiated == 0);
  }
}
