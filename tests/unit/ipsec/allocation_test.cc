// Nothing is allocated per packet once buffers have grown: every operator new of this program is counted.
#include <doctest/doctest.h>

#include <cstdlib>
#include <new>

#include "support/allocations.h"
#include "support/esp_pair.h"
#include "support/sa_pair.h"

namespace {
size_t counted = 0;
}

size_t sallyport::support::allocations() { return counted; }

// Not inline: with sanitizers GCC would see malloc and delete meet, and warn.
[[gnu::noinline]] void* operator new(size_t octets) {
  ++counted;
  if (void* memory = std::malloc(octets == 0 ? 1 : octets)) return memory;
  throw std::bad_alloc();
}
// What std::stable_sort() takes, and gives back by the others.
[[gnu::noinline]] void* operator new(size_t octets, const std::nothrow_t&) noexcept {
  ++counted;
  return std::malloc(octets == 0 ? 1 : octets);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

using namespace sallyport;
using namespace sallyport::ipsec;
using namespace sallyport::support;

namespace {

// Both ways through both pipelines, buffers of the caller reused as a driver reuses them.
size_t allocated_by(const SaChoice& choice, size_t payload, size_t packets) {
  SaPair pair(choice);
  REQUIRE(pair.installed);
  const Bytes packet = pair.sample(payload);
  const IpEndpoint to{end_of(choice.outer, false), 4500};
  PacketBuf sent;
  const auto step = [&] {
    sent.assign(packet);
    pair.out.clear();
    outbound(pair.left, pair.now, {&sent, 1}, pair.out);
    pair.opened.clear();
    for (const Outgoing& slot : pair.out.packets()) {
      Incoming in;
      in.packet = slot.packet.view();
      in.outer_octets = choice.udp ? uint16_t{0} : slot.outer_octets;
      in.protocol = choice.protocol;
      in.from = pair.from;
      in.to = to;
      in.udp = choice.udp;
      inbound(pair.right, pair.now, {&in, 1}, pair.opened);
    }
    return pair.opened.packets().size();
  };
  for (int i = 0; i < 20; ++i) REQUIRE(step() > 0);
  const size_t before = allocations();
  size_t came = 0;
  for (size_t i = 0; i < packets; ++i) came += step();
  const size_t after = allocations();
  CHECK(came >= packets);
  return after - before;
}

}  // namespace

TEST_SUITE("ipsec/allocation") {
  TEST_CASE("the steady path of every protocol and mode allocates nothing") {
    for (const model::Mode mode : {model::Mode::tunnel, model::Mode::transport}) {
      for (const bool udp : {false, true}) {
        SaChoice choice;
        choice.mode = mode;
        choice.udp = udp;
        CHECK(allocated_by(choice, 1000, 1000) == 0);
        choice.encr = model::EncrId::AES_CBC;
        choice.integ = model::IntegId::HMAC_SHA2_256_128;
        choice.esn = true;
        CHECK(allocated_by(choice, 1000, 1000) == 0);
      }
      CHECK(allocated_by(ah_choice(model::IntegId::HMAC_SHA2_256_128, mode), 1000, 1000) == 0);
      CHECK(allocated_by(ah_choice(model::IntegId::AES_128_GMAC, mode, Family::v6), 1000, 1000) == 0);
    }
    SaChoice padded;
    padded.shape.tfc_octets = model::PacketShape::kTfcToPath;
    CHECK(allocated_by(padded, 10, 1000) == 0);
  }
  TEST_CASE("bursts allocate nothing, whether their packets are sealed and opened together or not") {
    for (const crypto::Provider provider : {crypto::Provider::openssl, crypto::Provider::ipsec_mb}) {
      EspChoice choice{model::EncrId::AES_CBC, 128, model::IntegId::HMAC_SHA2_256_128, true, true};
      EspPair pair(choice);
      crypto::ProviderTable providers;
      providers.set({{choice.encr, choice.key_bits, choice.integ}, provider, 0, 0});
      for (Shard* shard : {&pair.left, &pair.right}) {
        shard->sad.remove_all();
        shard->sad.set_providers(providers);
        REQUIRE(shard->sad.install(pair.now, make_spec(choice, shard == &pair.left)));
      }
      const Bytes packet = pair.sample(1000);
      std::vector<PacketBuf> inner(100);
      std::vector<Incoming> incoming;
      Outputs opened;
      const auto step = [&] {
        for (PacketBuf& one : inner) one.assign(packet);
        pair.out.clear();
        outbound(pair.left, pair.now, inner, pair.out);
        incoming.clear();
        for (const Outgoing& slot : pair.out.packets()) {
          Incoming& in = incoming.emplace_back();
          in.packet = slot.packet.view();
          in.udp = true;
          in.from = pair.from;
        }
        opened.clear();
        inbound(pair.right, pair.now, incoming, opened);
        return opened.packets().size();
      };
      for (int i = 0; i < 5; ++i) REQUIRE(step() == inner.size());
      const size_t before = allocations();
      for (int i = 0; i < 20; ++i) (void)step();
      CHECK(allocations() == before);
    }
  }
  TEST_CASE("the counter counts") {
    const size_t before = allocations();
    auto* one = new int(1);
    CHECK(allocations() == before + 1);
    delete one;
  }
}
