// Lookups with few SAs and with very many, and what an SA costs in memory. A lookup is that of a batch as it comes from
// a socket: 64 SPIs of SAs that are drawn at random, and every word of their hot records read.
//   sad_lookup/N        inbound SAs by SPI, N installed
//   spd_lookup/N        policy and outbound SA of a flow never seen before, N entries with an SA each
//   sad_memory/N        octets of heap for each pair of SAs (octets_per_pair); time is that of installing
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "ipsec/shard.h"
#include "support/esp_pair.h"

using namespace sallyport;

namespace {

constexpr size_t kBatch = 64;

// A gateway with one host behind each SA.
model::SaSpec spec_of(size_t number, model::Spi spi) {
  support::EspChoice choice;
  choice.udp = true;
  model::SaSpec spec = support::make_spec(choice, true, number + 1);
  spec.spi_in = spi;
  spec.spi_out = spi ^ 0x5A5A5A00u;
  spec.reqid = static_cast<uint32_t>(number + 1);
  spec.ts_remote = {model::Selector::from_prefix({IpAddr::v4(0x0B000000u + static_cast<uint32_t>(number)), 32})};
  return spec;
}

struct Filled {
  explicit Filled(size_t sas) {
    std::mt19937 random(1);
    while (spis.size() < sas) {
      const model::Spi spi = static_cast<model::Spi>(random()) | 0x100;
      if (shard.sad.install(support::kStart, spec_of(spis.size(), spi))) spis.push_back(spi);
    }
  }
  support::StepRng rng;
  ipsec::Shard shard{rng};
  std::vector<model::Spi> spis;
};

// Many draws, so that neither their order nor the drawing is part of the figure.
template <class T>
std::vector<T> drawn(const std::vector<T>& from) {
  std::mt19937 random(2);
  std::vector<T> out(size_t{1} << 16);
  for (T& one : out) one = from[random() % from.size()];
  return out;
}

// Every word of the record.
uint64_t read_all(const ipsec::SaInbound& sa) {
  uint64_t words[sizeof sa / 8];
  std::memcpy(words, reinterpret_cast<const uint8_t*>(&sa), sizeof sa);
  uint64_t sum = 0;
  for (const uint64_t word : words) sum += word;
  return sum;
}

void sad_lookup(benchmark::State& state) {
  Filled filled(static_cast<size_t>(state.range(0)));
  const auto asked = drawn(filled.spis);
  ipsec::SaInbound* found[kBatch];
  size_t at = 0;
  uint64_t sum = 0;
  for (auto _ : state) {
    filled.shard.sad.find_inbound(std::span(asked).subspan(at, kBatch), found);
    for (const ipsec::SaInbound* sa : found) sum += read_all(*sa);
    at = (at + kBatch) % asked.size();
  }
  benchmark::DoNotOptimize(sum);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kBatch));
}

void spd_lookup(benchmark::State& state) {
  Filled filled(static_cast<size_t>(state.range(0)));
  std::vector<model::SpdEntry> entries;
  std::vector<model::FlowKey> flows;
  for (size_t i = 0; i < filled.spis.size(); ++i) {
    const model::SaSpec spec = spec_of(i, filled.spis[i]);
    entries.push_back({"pair", "net", model::Action::PROTECT, spec.ts_local, spec.ts_remote, spec.reqid, 100});
    flows.push_back({support::inner_left(Family::v4), spec.ts_remote[0].first, 17, 1, 2, true});
  }
  filled.shard.spd.set(std::move(entries));
  const auto asked = drawn(flows);
  size_t at = 0;
  uint64_t sum = 0;
  for (auto _ : state) {
    for (size_t i = at; i < at + kBatch; ++i) {
      const auto* entry = filled.shard.spd.find_outbound(asked[i]);
      bool none = false;
      sum += filled.shard.sad.pick_outbound((*entry)->reqid, asked[i], none)->sequence;
    }
    at = (at + kBatch) % asked.size();
  }
  benchmark::DoNotOptimize(sum);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kBatch));
}

void sad_memory(benchmark::State& state) {
  const auto sas = static_cast<size_t>(state.range(0));
  double octets = 0;
  for (auto _ : state) {
    const auto before = ::mallinfo2();
    auto filled = std::make_unique<Filled>(sas);
    const auto after = ::mallinfo2();
    octets =
        static_cast<double>(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / static_cast<double>(sas);
  }
  state.counters["octets_per_pair"] = octets;
}

}  // namespace

BENCHMARK(sad_lookup)->Arg(10)->Arg(10000)->Arg(100000);
BENCHMARK(spd_lookup)->Arg(10)->Arg(10000)->Arg(100000);
BENCHMARK(sad_memory)->Arg(10000)->Iterations(1);

BENCHMARK_MAIN();
