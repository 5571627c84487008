// The filter engine in memory: classify at several numbers of filters, transactions, and the memory of a filter. The
// filters are those of a host: pairs of hosts with protocol and port, networks, port ranges, ports alone, and one for
// the rest; half of the packets meet a narrow filter, half only the widest.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <map>
#include <memory>
#include <random>

#include "policy/classify.h"
#include "support/policy_samples.h"
#include "support/random_filters.h"
#include "support/seeded_rng.h"

namespace {

using namespace sallyport;
using namespace sallyport::support;

constexpr Layer kLayer = Layer::OUTBOUND_TRANSPORT_V4;

// Octets the allocator has given out.
size_t allocated() {
  const struct mallinfo2 now = mallinfo2();
  return now.uordblks + now.hblkhd;
}

struct Policy {
  test::SeededRng rng{1};
  Engine engine{rng};
  SessionId user = *engine.open(trusted());
  std::vector<FieldValues> packets;
  std::mt19937 random{42};

  void add(size_t count) {
    (void)engine.begin(TimePoint{}, user, TxnMode::read_write);
    for (size_t i = 0; i < count; ++i) (void)engine.add(user, random_filter(kLayer, random));
    (void)engine.commit(TimePoint{}, user);
    while (engine.poll()) {
    }
  }

  explicit Policy(size_t filters) {
    (void)engine.add(user, filter(kLayer, ActionType::PERMIT));
    add(filters);
    const auto all = *enumerate_filters(*engine.snapshot(), nullptr);
    for (size_t i = 0; i < 512; ++i) {
      FieldValues v;
      v.set_u32(Field::IP_LOCAL_ADDRESS, 0xc0000201u);
      v.set_u32(Field::IP_REMOTE_ADDRESS, static_cast<uint32_t>(random()));
      v.set_u8(Field::IP_PROTOCOL, random() % 2 ? 6 : 17);
      v.set_u16(Field::IP_LOCAL_PORT, static_cast<uint16_t>(random()));
      v.set_u16(Field::IP_REMOTE_PORT, static_cast<uint16_t>(random()));
      if (i % 2)
        for (const Test& test : make_tests(*find_layer(kLayer), all[random() % all.size()]->conditions))
          v.set(test.field, test.type, test.low);
      packets.push_back(v);
    }
  }
};

Policy& policy_of(size_t filters) {
  static std::map<size_t, std::unique_ptr<Policy>> made;
  auto& held = made[filters];
  if (!held) held = std::make_unique<Policy>(filters);
  return *held;
}

void classify_all(benchmark::State& state) {
  Policy& p = policy_of(static_cast<size_t>(state.range(0)));
  const auto snapshot = p.engine.snapshot();
  Matches scratch;
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(classify(*snapshot, kLayer, p.packets[i++ & 511], nullptr, scratch));
  size_t shapes = 0, segments = 0;
  for (const SublayerBank& bank : snapshot->banks(kLayer)) {
    shapes += bank.index.shapes();
    segments += bank.index.segments();
  }
  state.counters["shapes"] = static_cast<double>(shapes);
  state.counters["segments"] = static_cast<double>(segments);
}
BENCHMARK(classify_all)->Name("classify")->Arg(10)->Arg(1000)->Arg(10000)->Arg(100000);

void transaction(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    auto p = std::make_unique<Policy>(1000);
    state.ResumeTiming();
    p->add(static_cast<size_t>(state.range(0)));
    state.PauseTiming();
    p.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(transaction)->Arg(1000)->Arg(10000)->Unit(benchmark::kMillisecond);

void memory(benchmark::State& state) {
  const size_t filters = static_cast<size_t>(state.range(0));
  double octets = 0;
  for (auto _ : state) {
    Policy p(1);
    const size_t before = allocated();
    p.add(filters);
    octets = static_cast<double>(allocated() - before) / static_cast<double>(filters);
  }
  state.counters["octets_per_filter"] = octets;
}
BENCHMARK(memory)->Name("memory")->Arg(100000)->Iterations(1);

}  // namespace

BENCHMARK_MAIN();
