// Which settings of IPsec DoS protection are in force.
#include "stack/dosp_setting.h"

#include <doctest/doctest.h>

#include "policy/callout.h"
#include "stack/host_filters.h"
#include "support/policy_samples.h"
#include "support/seeded_rng.h"

using namespace sallyport;
using namespace sallyport::support;
using stack::DospSetting;

namespace {

policy::DospOptions options(uint64_t outside) {
  policy::DospOptions out;
  out.state_idle_timeout_seconds = out.rate_limit_queue_idle_timeout_seconds = 360;
  out.max_state_entries = out.max_per_ip_queues = 100;
  out.public_interfaces = {outside};
  out.internal_interfaces = {9};
  return out;
}

Filter dosp_filter(Layer layer, const Guid& provider_context) {
  const bool v4 = layer == Layer::IPFORWARD_V4;
  Filter out = callout_filter(layer, ActionType::CALLOUT_TERMINATING,
                              v4 ? known::callout::IPSEC_DOSP_FORWARD_V4 : known::callout::IPSEC_DOSP_FORWARD_V6);
  out.sublayer = known::sublayer::IPSEC_DOSP;
  out.head.flags |= Filter::kHasProviderContext;
  out.provider_context = provider_context;
  return out;
}

}  // namespace

TEST_SUITE("stack/dosp_setting") {
  TEST_CASE("[WFP 19] a context is in force where a filter at IPFORWARD refers to it, and only there") {
    test::SeededRng rng(1);
    Engine engine(rng);
    const auto session = *engine.open(trusted());
    for (const uint64_t each : {1u, 2u, 3u})
      REQUIRE(engine.add(session, context(ContextType::IPSEC_DOSP, options(each), guid(each))));
    CHECK(stack::dosp_settings(*engine.snapshot()).empty());
    Filter light = dosp_filter(Layer::IPFORWARD_V6, guid(1)), heavy = dosp_filter(Layer::IPFORWARD_V6, guid(2));
    light.weight = uint64_t{1} << 60;
    heavy.weight = uint64_t{2} << 60;
    for (const Filter& filter : {light, heavy, dosp_filter(Layer::IPFORWARD_V4, guid(1))})
      REQUIRE(engine.add(session, filter));
    const stack::HostFilters all = stack::host_filters(*engine.snapshot());
    REQUIRE(all.dosp.size() == 2);
    CHECK(all.dosp[0].options == options(2));
    CHECK((all.dosp[0].v6 && !all.dosp[0].v4));
    CHECK(all.dosp[1].options == options(1));
    CHECK((all.dosp[1].v6 && all.dosp[1].v4));
    CHECK(all.dosp[0].operational());
    CHECK(all.empty());  // of other packets these filters say nothing
  }

  TEST_CASE("[WFP 19] a setting of the configuration says the same by names") {
    config::DosProtectionSettings from;
    from.public_interfaces = {"wan0"};
    CHECK_FALSE(stack::dosp_setting(from).operational());
    from.internal_interfaces = {"lan0"};
    from.ikev1 = from.authip = true;
    from.ikev2 = from.default_block = false;
    from.filter = config::DosProtectionSettings::Filter::exempt;
    from.unauthenticated = {0, 10};
    from.public_prefix = {*IpAddr::parse("2001:db8::"), 32};
    const DospSetting made = stack::dosp_setting(from);
    CHECK(made.operational());
    CHECK((made.v4 && made.v6));
    CHECK(made.options.flags ==
          (DospSetting::kEnableIkev1 | DospSetting::kDisableDefaultBlock | DospSetting::kFilterExempt));
    CHECK(made.options.ipsec_unauth == policy::DospRate{10, 0});
    CHECK(made.options.ipsec_auth == policy::DospRate{0xff, 0});
    CHECK(made.options.public_mask.prefix_length == 32);
    CHECK(made.options.public_mask.addr[1] == 1);
  }
}
