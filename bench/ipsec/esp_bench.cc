// The whole path of a packet in memory: SPD, SAD, sequence number, ESP; and back: SA, replay check, ESP, selectors. One
// shard, one core, batches as the driver hands them. Compare with the bare AEADs of bench/crypto/aead_bench.cc.
#include <benchmark/benchmark.h>
#include <time.h>

#include <chrono>
#include <string>

#include "support/esp_pair.h"

namespace {

using namespace sallyport;
using support::EspChoice;
using support::EspPair;

constexpr size_t kBatch = 32;

void finish(benchmark::State& state, size_t octets) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(octets * kBatch));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch));
}

std::vector<PacketBuf> inner_batch(const EspPair& pair, size_t octets) {
  std::vector<PacketBuf> out;
  for (size_t i = 0; i < kBatch; ++i) out.push_back(PacketBuf::copy_of(pair.sample(octets - 28)));
  return out;
}

// The pair's SAs anew, with the cryptography of these providers.
void use(EspPair& pair, const crypto::ProviderTable& providers) {
  for (ipsec::Shard* shard : {&pair.left, &pair.right}) {
    shard->sad.remove_all();
    shard->sad.set_providers(providers);
    (void)shard->sad.install(pair.now, support::make_spec(pair.choice, shard == &pair.left));
  }
}

void seal(benchmark::State& state, const EspChoice& choice, size_t octets, const crypto::ProviderTable& providers) {
  EspPair pair(choice);
  use(pair, providers);
  auto inner = inner_batch(pair, octets);
  for (auto _ : state) {
    pair.out.clear();
    ipsec::outbound(pair.left, pair.now, inner, pair.out);
    if (pair.out.packets().size() != kBatch) return state.SkipWithError("a packet was refused");
  }
  finish(state, octets);
}

// Time of this thread alone: what else the machine does is no part of the figure.
double thread_seconds() {
  timespec now{};
  (void)::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// What is opened has to be sealed afresh each time, or the replay window refuses it: only the opening is timed, of a
// few batches at once, since asking for the time takes some itself.
void open(benchmark::State& state, const EspChoice& choice, size_t octets, const crypto::ProviderTable& providers) {
  constexpr size_t kBatches = 4;
  EspPair pair(choice);
  use(pair, providers);
  auto inner = inner_batch(pair, octets);
  ipsec::Outputs sealed[kBatches];
  std::vector<ipsec::Incoming> incoming[kBatches];
  for (auto _ : state) {
    for (size_t batch = 0; batch < kBatches; ++batch) {
      sealed[batch].clear();
      ipsec::outbound(pair.left, pair.now, inner, sealed[batch]);
      incoming[batch].resize(kBatch);
      for (size_t i = 0; i < kBatch; ++i) {
        const ipsec::Outgoing& packet = sealed[batch].packets()[i];
        ipsec::Incoming& in = incoming[batch][i];
        in.packet = packet.packet.view().subspan(packet.outer_octets);
        in.from = pair.from;
        in.to = packet.remote;
        in.udp = choice.udp;
      }
    }
    size_t opened = 0;
    const double begun = thread_seconds();
    for (const auto& batch : incoming) {
      pair.out.clear();
      ipsec::inbound(pair.right, pair.now, batch, pair.out);
      opened += pair.out.packets().size();
    }
    state.SetIterationTime(thread_seconds() - begun);
    if (opened != kBatch * kBatches) return state.SkipWithError("a packet was refused");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch * kBatches));
}

EspChoice choice_of(model::EncrId encr, uint16_t bits, model::IntegId integ = model::IntegId::NONE) {
  EspChoice out;
  out.encr = encr;
  out.key_bits = bits;
  out.integ = integ;
  out.udp = true;
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const std::pair<std::string, EspChoice> suites[] = {
      {"AES_GCM_16-128", choice_of(model::EncrId::AES_GCM_16, 128)},
      {"CHACHA20_POLY1305", choice_of(model::EncrId::CHACHA20_POLY1305, 0)},
      {"AES_CBC-128+HMAC_SHA2_256_128", choice_of(model::EncrId::AES_CBC, 128, model::IntegId::HMAC_SHA2_256_128)},
      {"AES_CTR-128+HMAC_SHA1_96", choice_of(model::EncrId::AES_CTR, 128, model::IntegId::HMAC_SHA1_96)},
  };
  const auto clock = [] { return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()); };
  // As a daemon does at start; and OpenSSL alone, which is what an empty table says.
  const crypto::ProviderTable fastest = crypto::measure_providers(clock);
  const crypto::ProviderTable openssl;
  for (const size_t octets : {size_t{64}, size_t{1400}}) {
    for (const auto& [name, choice] : suites) {
      for (const bool measured : {true, false}) {
        const std::string tail = "/" + name + (measured ? "/" : "/openssl/") + std::to_string(octets);
        const crypto::ProviderTable& providers = measured ? fastest : openssl;
        benchmark::RegisterBenchmark(
            ("esp_seal" + tail).c_str(),
            [&, choice = choice, octets](benchmark::State& state) { seal(state, choice, octets, providers); });
        benchmark::RegisterBenchmark(("esp_open" + tail).c_str(), [&, choice = choice,
                                                                   octets](benchmark::State& state) {
          open(state, choice, octets, providers);
        })->UseManualTime();
      }
    }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
