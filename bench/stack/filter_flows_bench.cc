// What the filter engine costs a packet that leaves: one of a flow that is remembered, and the first one of a flow, for
// which every layer is asked. 1 000 filters stand at OUTBOUND_TRANSPORT_V4 and as many at ALE_AUTH_CONNECT_V4.
//   known_flow, new_flow    CPU time of a packet
#include <benchmark/benchmark.h>

#include "stack/filter_flows.h"
#include "support/random_filters.h"
#include "support/seeded_rng.h"

namespace {

using namespace sallyport;
using namespace sallyport::support;
using policy::Layer;

constexpr size_t kFilters = 1000;

std::shared_ptr<const policy::Snapshot> policy_of_a_host() {
  test::SeededRng rng{1};
  policy::Engine engine{rng};
  std::mt19937 random{42};
  const policy::SessionId user = *engine.open(trusted());
  (void)engine.begin(TimePoint{}, user, policy::TxnMode::read_write);
  for (const Layer layer : {Layer::OUTBOUND_TRANSPORT_V4, Layer::ALE_AUTH_CONNECT_V4}) {
    for (size_t i = 0; i < kFilters; ++i) (void)engine.add(user, random_filter(layer, random));
  }
  (void)engine.commit(TimePoint{}, user);
  return engine.snapshot();
}

wire::ip::PacketView packet(uint32_t number) {
  wire::ip::PacketView out;
  out.flow.source = IpAddr::v4(0xc0000201u);
  out.flow.destination = IpAddr::v4(0x0a000000u + number);
  out.flow.protocol = 17;
  out.flow.source_port = 40000;
  out.flow.destination_port = static_cast<uint16_t>(number);
  out.flow.ports_known = true;
  return out;
}

void known_flow(benchmark::State& state) {
  stack::FilterFlows flows;
  flows.set(policy_of_a_host());
  std::vector<wire::ip::PacketView> packets;
  for (uint32_t i = 0; i < 64; ++i) packets.push_back(packet(i));
  const TimePoint now{};
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(flows.outbound(now, packets[i++ & 63]));
  state.counters["flows"] = static_cast<double>(flows.size());
}
BENCHMARK(known_flow);

void new_flow(benchmark::State& state) {
  const auto snapshot = policy_of_a_host();
  auto flows = std::make_unique<stack::FilterFlows>();
  flows->set(snapshot);
  const TimePoint now{};
  uint32_t number = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(flows->outbound(now, packet(number)));
    if ((++number & 4095) != 0) continue;
    state.PauseTiming();
    flows = std::make_unique<stack::FilterFlows>();
    flows->set(snapshot);
    state.ResumeTiming();
  }
}
BENCHMARK(new_flow);

}  // namespace

BENCHMARK_MAIN();
