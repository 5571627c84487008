// Bursts whose packets belong to many SAs, as a gateway has them: given to the pipelines together, so that policy and
// SAs are fetched for all of them at once, or one packet a call. Small packets, drawn at random from all SAs.
//   burst_seal/N/together, /one_by_one    64 inner packets out, N SAs
//   burst_open/N/together, /one_by_one    64 ESP packets in
#include <benchmark/benchmark.h>
#include <time.h>

#include <random>
#include <string>

#include "support/esp_pair.h"

namespace {

using namespace sallyport;

constexpr size_t kBatch = 64;
constexpr size_t kPayload = 36;  // inner packets of 64 octets

// Two shards with one SA for each host behind the right one.
struct Gateway {
  explicit Gateway(size_t sas) {
    std::vector<model::SpdEntry> leaving;
    for (size_t i = 0; i < sas; ++i) {
      for (const bool at_left : {true, false}) {
        model::SaSpec spec = support::make_spec(choice(), at_left, i + 1, static_cast<model::Spi>(i * 7919));
        spec.reqid = static_cast<uint32_t>(i + 1);
        (at_left ? spec.ts_remote : spec.ts_local) = {host(i)};
        if (at_left)
          leaving.push_back({"pair", "net", model::Action::PROTECT, spec.ts_local, spec.ts_remote, spec.reqid, 100});
        (void)(at_left ? left : right).sad.install(support::kStart, std::move(spec));
      }
    }
    left.spd.set(std::move(leaving));
    std::mt19937 random(1);
    for (size_t i = 0; i < kDrawn; ++i) drawn.push_back(random() % sas);
  }
  static support::EspChoice choice() {
    support::EspChoice out;
    out.udp = true;
    return out;
  }
  static IpAddr address(size_t number) { return IpAddr::v4(0x0B000000u + static_cast<uint32_t>(number)); }
  static model::Selector host(size_t number) { return model::Selector::from_prefix({address(number), 32}); }

  std::vector<PacketBuf> next_burst() {
    std::vector<PacketBuf> out;
    for (size_t i = 0; i < kBatch; ++i) {
      out.push_back(PacketBuf::copy_of(
          support::udp_packet(support::inner_left(Family::v4), address(drawn[at_++ % kDrawn]), kPayload)));
    }
    return out;
  }

  static constexpr size_t kDrawn = 1 << 16;
  support::StepRng rng;
  ipsec::Shard left{rng}, right{rng};
  std::vector<size_t> drawn;

 private:
  size_t at_ = 0;
};

// Time of this thread alone: a burst is short, and what else the machine does would be most of it.
double thread_seconds() {
  timespec now{};
  (void)::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void finish(benchmark::State& state) { state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch)); }

void seal(benchmark::State& state, Gateway& gateway, bool together) {
  ipsec::Outputs out;
  for (auto _ : state) {
    auto inner = gateway.next_burst();
    out.clear();
    const double begun = thread_seconds();
    if (together) ipsec::outbound(gateway.left, support::kStart, inner, out);
    for (size_t i = 0; i < kBatch && !together; ++i)
      ipsec::outbound(gateway.left, support::kStart, {&inner[i], 1}, out);
    state.SetIterationTime(thread_seconds() - begun);
    if (out.packets().size() != kBatch) return state.SkipWithError("a packet was refused");
  }
  finish(state);
}

void open(benchmark::State& state, Gateway& gateway, bool together) {
  ipsec::Outputs sealed, out;
  std::vector<ipsec::Incoming> incoming(kBatch);
  for (auto _ : state) {
    auto inner = gateway.next_burst();
    sealed.clear();
    ipsec::outbound(gateway.left, support::kStart, inner, sealed);
    for (size_t i = 0; i < kBatch; ++i) {
      incoming[i].packet = sealed.packets()[i].packet.view();
      incoming[i].from = sealed.packets()[i].local;
      incoming[i].to = sealed.packets()[i].remote;
      incoming[i].udp = true;
    }
    out.clear();
    const double begun = thread_seconds();
    if (together) ipsec::inbound(gateway.right, support::kStart, incoming, out);
    for (size_t i = 0; i < kBatch && !together; ++i)
      ipsec::inbound(gateway.right, support::kStart, {&incoming[i], 1}, out);
    state.SetIterationTime(thread_seconds() - begun);
    if (out.packets().size() != kBatch) return state.SkipWithError("a packet was refused");
  }
  finish(state);
}

}  // namespace

int main(int argc, char** argv) {
  for (const size_t sas : {size_t{1}, size_t{10000}}) {
    for (const bool together : {true, false}) {
      const std::string tail = "/" + std::to_string(sas) + (together ? "/together" : "/one_by_one");
      // Made when it is wanted: many SAs take seconds.
      const auto gateway = [sas]() -> Gateway& {
        static std::unique_ptr<Gateway> made;
        static size_t of = 0;
        if (of != sas) made = std::make_unique<Gateway>(of = sas);
        return *made;
      };
      benchmark::RegisterBenchmark(("burst_seal" + tail).c_str(), [gateway, together](benchmark::State& state) {
        seal(state, gateway(), together);
      })->UseManualTime();
      benchmark::RegisterBenchmark(("burst_open" + tail).c_str(), [gateway, together](benchmark::State& state) {
        open(state, gateway(), together);
      })->UseManualTime();
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
