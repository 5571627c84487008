// Whole shards of the data plane on threads of their own, as packet workers have them: each seals a batch of inner
// packets and opens them again at the far end, with SAs, policy and buffers that no other thread touches. What two of
// them carry together against one says what they share after all: caches, memory, the processor's clock.
//   shards/1400/threads:N, shards/64/threads:N    packets sealed and opened a second, of all threads
#include <benchmark/benchmark.h>

#include "stack/dataplane.h"
#include "support/esp_pair.h"

namespace {

using namespace sallyport;

constexpr size_t kBatch = 32;

struct Ends {
  Ends() {
    support::EspChoice choice;
    choice.udp = true;
    for (const bool at_left : {true, false}) {
      stack::Dataplane& end = at_left ? left : right;
      end.handle_command(now, stack::SetSpd{support::make_policy(choice, at_left)});
      end.handle_command(now, stack::InstallSa{support::make_spec(choice, at_left)});
    }
  }
  // False: a packet was lost.
  bool carry(std::span<PacketBuf> inner) {
    left.handle_inner_packets(now, inner);
    size_t count = 0;
    for (const ipsec::Outgoing& sealed : left.take_outputs()) {
      ipsec::Incoming& in = incoming[count++];
      in.packet = sealed.packet.view();
      in.from = sealed.local;
      in.to = sealed.remote;
      in.udp = true;
    }
    right.handle_esp(now, std::span(incoming).first(count));
    const size_t opened = right.take_outputs().size();
    right.done();
    left.done();
    return opened == inner.size();
  }

  TimePoint now = support::kStart;
  support::StepRng rng;
  stack::Dataplane left{rng}, right{rng};
  std::vector<ipsec::Incoming> incoming{kBatch};
};

void shards(benchmark::State& state) {
  const auto octets = static_cast<size_t>(state.range(0));
  Ends ends;
  std::vector<PacketBuf> inner;
  for (size_t i = 0; i < kBatch; ++i) {
    inner.push_back(PacketBuf::copy_of(
        support::udp_packet(support::inner_left(Family::v4), support::inner_right(Family::v4), octets - 28)));
  }
  for (auto _ : state) {
    if (!ends.carry(inner)) {
      state.SkipWithError("a packet was lost");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch));
}

}  // namespace

BENCHMARK(shards)->Arg(1400)->Arg(64)->Threads(1)->Threads(2)->UseRealTime();

BENCHMARK_MAIN();
