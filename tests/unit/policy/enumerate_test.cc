// Templates of enumeration.
#include "policy/enumerate.h"

#include <doctest/doctest.h>

#include "support/policy_samples.h"
#include "support/seeded_rng.h"

TEST_SUITE_BEGIN("policy/enumerate");
using namespace sallyport;
using namespace sallyport::support;

namespace {

struct World {
  test::SeededRng rng{1};
  Engine engine{rng};
  SessionId user = *engine.open(trusted());
  FilterId add(Filter f) { return engine.add(user, std::move(f))->id; }
  std::vector<FilterId> list(const FilterTemplate& wanted) {
    std::vector<FilterId> out;
    const auto found = enumerate_filters(*engine.snapshot(), &wanted);
    REQUIRE(found);
    for (const auto& f : *found) out.push_back(f->id);
    std::sort(out.begin(), out.end());
    return out;
  }
};

constexpr Layer kLayer = Layer::OUTBOUND_TRANSPORT_V4;
using Ids = std::vector<FilterId>;

}  // namespace

TEST_CASE("fully contained finds what a packet would match; overlapping what it could") {
  World w;
  const FilterId any = w.add(filter(kLayer, ActionType::PERMIT));
  const FilterId net = w.add(filter(kLayer, ActionType::PERMIT, {v4_net(Field::IP_REMOTE_ADDRESS, "10.0.0.0/8")}));
  const FilterId host =
      w.add(filter(kLayer, ActionType::PERMIT, {equal(Field::IP_REMOTE_ADDRESS, Value(v4("10.1.1.1")))}));
  const FilterId port = w.add(filter(kLayer, ActionType::PERMIT, {equal(Field::IP_LOCAL_PORT, Value(uint16_t{80}))}));
  FilterTemplate wanted;
  wanted.layer = kLayer;
  CHECK(w.list(wanted) == Ids{any, net, host, port});
  wanted.conditions = {equal(Field::IP_REMOTE_ADDRESS, Value(v4("10.1.1.1")))};
  CHECK(w.list(wanted) == Ids{any, net, host});
  wanted.conditions = {v4_net(Field::IP_REMOTE_ADDRESS, "10.1.0.0/16")};
  CHECK(w.list(wanted) == Ids{any, net});
  wanted.type = FilterEnumType::OVERLAPPING;
  CHECK(w.list(wanted) == Ids{any, net, host, port});
  wanted.conditions = {v4_net(Field::IP_REMOTE_ADDRESS, "11.0.0.0/8")};
  CHECK(w.list(wanted) == Ids{any, port});
  wanted.conditions = {{Field::IP_REMOTE_ADDRESS, MatchType::NOT_EQUAL, V4AddrMask{v4("10.0.0.0"), 0xff000000}}};
  CHECK(w.list(wanted) == Ids{any, port});
}

TEST_CASE("the best terminating match of a packet, as programs ask for it") {
  World w;
  w.add(filter(kLayer, ActionType::PERMIT));
  const FilterId best =
      w.add(callout_filter(kLayer, ActionType::CALLOUT_TERMINATING, known::callout::IPSEC_OUTBOUND_TRANSPORT_V4,
                           {equal(Field::IP_PROTOCOL, Value(uint8_t{6}))}));
  Filter secure = filter(kLayer, ActionType::PERMIT, {equal(Field::IP_PROTOCOL, Value(uint8_t{17}))});
  secure.sublayer = known::sublayer::SECURE_SOCKET;
  w.add(secure);
  FilterTemplate wanted;
  wanted.layer = kLayer;
  wanted.flags = FilterTemplate::kBestTerminatingMatch;
  wanted.action_mask = kActionTerminating;
  wanted.conditions = {equal(Field::IP_PROTOCOL, Value(uint8_t{6})), equal(Field::IP_LOCAL_PORT, Value(uint16_t{80})),
                       equal(Field::IP_REMOTE_ADDRESS, Value(v4("10.1.1.1")))};
  CHECK(w.list(wanted) == Ids{best});
  wanted.action_mask = kActionCallout;
  wanted.callout = known::callout::IPSEC_OUTBOUND_TRANSPORT_V4;
  CHECK(w.list(wanted) == Ids{best});
}

TEST_CASE("templates that are wrong or can match nothing are refused") {
  World w;
  FilterTemplate wanted;
  const auto refused = [&] { return enumerate_filters(*w.engine.snapshot(), &wanted).error().code; };
  wanted.action_mask = 0;
  CHECK(refused() == Fwp::NEVER_MATCH);
  wanted.action_mask = kActionTerminating;
  wanted.callout = known::callout::IPSEC_OUTBOUND_TRANSPORT_V4;
  CHECK(refused() == Fwp::NEVER_MATCH);
  wanted = {};
  wanted.flags = 0x40;
  CHECK(refused() == Fwp::INVALID_FLAGS);
  wanted = {};
  wanted.type = static_cast<FilterEnumType>(2);
  CHECK(refused() == Fwp::INVALID_ENUMERATOR);
  wanted = {};
  wanted.layer = static_cast<Layer>(3);
  CHECK(refused() == Fwp::LAYER_NOT_FOUND);
  wanted = {};
  wanted.conditions = {equal(Field::ALE_APP_ID, Value(Blob{}))};
  CHECK(refused() == Fwp::CONDITION_NOT_FOUND);
}

TEST_CASE("by provider, by context, by an identity's SID, and boot-time filters when asked for") {
  World w;
  REQUIRE(w.engine.add(w.user, context(ContextType::IPSEC_IKEV2_QM_TRANSPORT, transport_policy(), guid(5))));
  Filter qm = filter(Layer::IPSEC_V4, ActionType::PERMIT);
  qm.head.flags = Filter::kHasProviderContext;
  qm.provider_context = guid(5);
  const FilterId with = w.add(qm);
  w.add(filter(Layer::IPSEC_V4, ActionType::PERMIT));
  FilterTemplate wanted;
  wanted.layer = Layer::IPSEC_V4;
  wanted.context = ObjectTemplate{{}, {}, ContextType::IPSEC_IKEV2_QM_TRANSPORT};
  CHECK(w.list(wanted) == Ids{with});
  wanted.context->context = ContextType::IPSEC_IKE_QM_TRANSPORT;
  CHECK(w.list(wanted).empty());

  const Layer accept = Layer::ALE_AUTH_RECV_ACCEPT_V4;
  const FilterId identity = w.add(filter(
      accept, ActionType::PERMIT,
      {equal(Field::ALE_REMOTE_USER_ID, Value(DescriptorValue{write_descriptor(*parse_sddl("D:(A;;0x1;;;BA)"))}))}));
  FilterTemplate by_sid;
  by_sid.layer = accept;
  by_sid.conditions = {equal(Field::ALE_REMOTE_USER_ID, Value(SidValue{write_sid(known::sid::administrators())}))};
  CHECK(w.list(by_sid) == Ids{identity});
  by_sid.conditions = {equal(Field::ALE_REMOTE_USER_ID, Value(SidValue{write_sid(known::sid::everyone())}))};
  CHECK(w.list(by_sid).empty());

  Filter boot = filter(kLayer, ActionType::BLOCK);
  boot.head.flags = Filter::kBootTime;
  const FilterId at_boot = w.add(boot);
  FilterTemplate of_boot;
  of_boot.layer = kLayer;
  CHECK(w.list(of_boot).empty());
  of_boot.flags = FilterTemplate::kIncludeBootTime;
  CHECK(w.list(of_boot) == Ids{at_boot});
  CHECK(enumerate_callouts(*w.engine.snapshot(), {{}, kLayer, {}}).size() == 2);
  CHECK(enumerate_contexts(*w.engine.snapshot(), {}).size() == 1);
  CHECK(enumerate_sublayers(*w.engine.snapshot(), {}).size() == 13);
  CHECK(enumerate_providers(*w.engine.snapshot()).size() == 2);
}

TEST_SUITE_END();
