// The SA database as programs see it, of two stacks that negotiate for filters.
#include "stack/sa_details.h"

#include <doctest/doctest.h>

#include "stack/sa_calls.h"
#include "support/filter_scenarios.h"

using namespace sallyport;
using namespace sallyport::test;
using policy::Fwp;
using policy::call::SaFunction;
namespace s = sallyport::support;

namespace {

struct Asked : FilterPair {
  Asked() {
    for (StackNode* node : {&east, &west}) install(*node, now, {});
    REQUIRE(ping(1));
    session = *east.control.filter_engine().open(s::trusted());
  }
  policy::SessionId session = 0;
  stack::SaCalls calls{east.control, [this] {
                         return stack::PacketFacts{east.dataplane.drops(), east.dataplane.traffic()};
                       }};

  template <class Each, class Wanted>
  std::vector<Each> all(SaFunction function, const Wanted& wanted) {
    auto pages = calls.enumerate(session, function, policy::call::write(wanted)).value();
    std::vector<Each> out;
    for (bool end = false; !end;) {
      auto page = policy::call::read<policy::call::Page<Each>>(pages(1)).value();
      end = page.end;
      for (auto& each : page.entries) out.push_back(std::move(each));
    }
    return out;
  }
};

}  // namespace

TEST_SUITE("stack/sa_details") {
  TEST_CASE("[WFP 15.3] a negotiated SA shows its filter, its addresses, its algorithms and its IKE SA") {
    Asked t;
    policy::SubNets ends;
    ends.local = policy::ConditionValue(policy::Value(s::v4("192.0.2.1")));
    ends.remote = policy::ConditionValue(policy::Value(s::v4("192.0.2.2")));
    const auto contexts = t.all<policy::SaContext>(SaFunction::enum_contexts, std::optional(ends));
    REQUIRE(contexts.size() == 1);
    REQUIRE(contexts[0].outbound);
    REQUIRE(contexts[0].inbound);
    const policy::SaDetails& out = *contexts[0].outbound;
    REQUIRE(out.filter);
    CHECK(out.filter->object.action.callout == policy::known::callout::IPSEC_OUTBOUND_TRANSPORT_V4);
    CHECK(out.filter->id != 0);
    CHECK(out.traffic.policy_id == out.filter->id);
    CHECK(out.traffic.remote == t.west.address);
    CHECK(contexts[0].inbound->filter->object.action.callout == policy::known::callout::IPSEC_INBOUND_TRANSPORT_V4);
    CHECK(out.bundle.qm_filter_id != 0);
    CHECK(out.bundle.sas.size() == 1);
    CHECK(out.bundle.qm_sa_id == contexts[0].inbound->bundle.qm_sa_id);
    const auto ike = stack::ike_details(t.east.control, out.bundle.mm_sa_id);
    REQUIRE(ike);
    REQUIRE(ike->credentials.size() == 1);
    CHECK(ike->credentials[0].local.type == policy::AuthMethodType::PRESHARED_KEY);
    CHECK(ike->credentials[0].peer.type == policy::AuthMethodType::PRESHARED_KEY);
    CHECK(ike->policy_key == s::guid(1));
    CHECK(ike->proposal.group == 4);
    // The peer has the same number for the pair.
    const auto there = stack::context_of(t.west.control, stack::context_ids(t.west.control).at(0));
    REQUIRE(there);
    CHECK(there->inbound->bundle.qm_sa_id == out.bundle.qm_sa_id);
    ends.remote = policy::ConditionValue(policy::V4AddrMask{s::v4("198.51.100.0"), 0xffffff00});
    CHECK(t.all<policy::SaContext>(SaFunction::enum_contexts, std::optional(ends)).empty());
    ends.remote = policy::ConditionValue(policy::V4AddrMask{0, 0xff00ff00});
    const auto refused =
        t.calls.enumerate(t.session, SaFunction::enum_contexts, policy::call::write(std::optional(ends)));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Fwp::INVALID_NET_MASK);
  }

  TEST_CASE("[WFP 15.3] single SAs by direction, IKE SAs by address and certificate") {
    Asked t;
    CHECK(t.all<policy::SaDetails>(SaFunction::enum_sas, std::optional<uint8_t>()).size() == 2);
    const auto inbound = t.all<policy::SaDetails>(SaFunction::enum_sas, std::optional(uint8_t{1}));
    REQUIRE(inbound.size() == 1);
    CHECK(inbound[0].inbound == 1);
    CHECK(t.all<policy::IkeSaDetails>(SaFunction::enum_ike, std::optional<policy::IkeSaTemplate>()).size() == 1);
    policy::IkeSaTemplate by_hash;
    by_hash.local_certificate_hash = Bytes(20, 1);
    CHECK(t.all<policy::IkeSaDetails>(SaFunction::enum_ike, std::optional(by_hash)).empty());
  }

  TEST_CASE("[WFP 16] an IKE SA that is deleted takes its SAs; a context that is deleted goes at the peer too") {
    Asked t;
    const auto id = stack::context_ids(t.east.control).at(0);
    const auto before = stack::context_of(t.east.control, id);
    REQUIRE(t.calls.call(t.now, t.session, SaFunction::context_delete, policy::call::write(uint64_t{id})));
    t.settle();
    CHECK(stack::context_ids(t.east.control).empty());
    CHECK(stack::context_ids(t.west.control).empty());
    REQUIRE(t.ping(2));
    const auto ike = before->outbound->bundle.mm_sa_id;
    REQUIRE(t.calls.call(t.now, t.session, SaFunction::ike_delete, policy::call::write(uint64_t{ike})));
    t.settle();
    CHECK(stack::context_ids(t.east.control).empty());
    CHECK_FALSE(stack::ike_details(t.east.control, ike));
    CHECK(t.calls.call(t.now, t.session, SaFunction::ike_delete, policy::call::write(uint64_t{ike})).error().code ==
          Fwp::NOT_FOUND);
  }

  TEST_CASE("[scenario 12] statistics move with what happens") {
    Asked t;
    const auto octets = t.calls.call(t.now, t.session, SaFunction::ipsec_statistics, {}).value();
    const auto ipsec = policy::call::read<policy::IpsecStatistics>(octets).value();
    CHECK(ipsec.active_sas == 1);
    CHECK(ipsec.total_added == 1);
    CHECK(ipsec.outbound.packets == 1);
    CHECK(ipsec.outbound.transport > 0);
    CHECK(ipsec.outbound.encrypted == ipsec.outbound.transport);
    const auto ike = stack::ike_statistics(t.east.control);
    CHECK(ike.v4.active_main == 1);
    CHECK(ike.v4.successful_main == 1);
    CHECK(ike.v4.acquires == 1);
    CHECK(ike.v6.successful_main == 0);
  }

  TEST_CASE("a connection of the configuration is shown with its filter, and the policy that this refers to") {
    StackPair pair;
    for (StackNode* node : {&pair.east, &pair.west}) {
      node->keys.secrets["site-psk"] = "a long enough secret";
      node->control.handle_command(pair.now, stack::ReloadCommand{0, psk_policy(node == &pair.west)});
    }
    pair.east.control.handle_command(pair.now, stack::UpCommand{1, "site", {}});
    pair.settle();
    const auto ids = stack::context_ids(pair.east.control);
    REQUIRE(ids.size() == 1);
    const auto context = stack::context_of(pair.east.control, ids[0]);
    REQUIRE(context);
    REQUIRE(context->outbound->filter);
    const auto& filters = pair.east.control.filters();
    const auto* filter = filters->filters_by_id.find(context->outbound->filter->id);
    REQUIRE(filter);
    CHECK((*filter)->layer == policy::Layer::OUTBOUND_TRANSPORT_V4);
    const auto* tunnel = filters->contexts.find((*filter)->provider_context);
    REQUIRE(tunnel);
    CHECK(context->outbound->traffic.policy_id == (*tunnel)->id);
    const auto* quick_mode = filters->filters_by_id.find(context->outbound->bundle.qm_filter_id);
    REQUIRE(quick_mode);
    CHECK((*quick_mode)->layer == policy::Layer::IPSEC_V4);
    REQUIRE(context->inbound->filter);
    CHECK(context->inbound->filter->object.layer == policy::Layer::INBOUND_TRANSPORT_V4);
    CHECK(context->outbound->filter->object.head.display.name == "site.net");
    CHECK(context->outbound->traffic.type == policy::TrafficType::TUNNEL);
    CHECK(context->outbound->bundle.sas[0].cipher->config == 6);  // GCM with 128 bits
  }
}
