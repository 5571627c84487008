// The seeds of fuzz_filter_plan.cc: plan_seeds FOLDER writes them, plan_seeds --check FOLDER compares.
#include "fuzz/seed_files.h"
#include "runtime/filter_plan.h"
#include "support/policy_samples.h"
#include "support/seeded_rng.h"

using namespace sallyport;
namespace s = sallyport::support;
using policy::ActionType;
using policy::Field;
using policy::Layer;

namespace {

Bytes plan_of(const std::vector<policy::Filter>& filters) {
  test::SeededRng rng(1);
  policy::Engine engine(rng);
  const auto session = engine.open(s::trusted());
  for (const auto& filter : filters) {
    if (!engine.add(*session, filter)) return {};
  }
  return runtime::write_filter_plan(stack::host_filters(*engine.snapshot()));
}

}  // namespace

int main(int argc, char** argv) {
  const auto capture = s::callout_filter(
      Layer::OUTBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
      policy::known::callout::IPSEC_OUTBOUND_TRANSPORT_V4,
      {s::v4_net(Field::IP_REMOTE_ADDRESS, "192.0.2.0/24"), s::equal(Field::IP_PROTOCOL, uint8_t{6})});
  const auto secured = s::callout_filter(Layer::INBOUND_TRANSPORT_V6, ActionType::CALLOUT_TERMINATING,
                                         policy::known::callout::IPSEC_INBOUND_TRANSPORT_V6, {}, 2);
  const auto blocked = s::filter(Layer::ALE_AUTH_CONNECT_V4, ActionType::BLOCK,
                                 {s::equal(Field::IP_REMOTE_PORT, uint16_t{443})}, policy::Value(uint8_t{12}));
  return fuzz::seeds_main(
      argc, argv, {{"filter_plan/nothing", plan_of({})}, {"filter_plan/three", plan_of({capture, secured, blocked})}});
}
