#include "ipsec/spd_cache.h"

#include <doctest/doctest.h>

#include <random>

#include "support/esp_pair.h"

using namespace sallyport;
using namespace sallyport::ipsec;
using namespace sallyport::support;
using model::Action;

namespace {

model::SpdEntry entry(Action action, const char* local, const char* remote, uint32_t priority) {
  model::SpdEntry e;
  e.action = action;
  e.local = {*model::parse_selector(local)};
  e.remote = {*model::parse_selector(remote)};
  e.priority = priority;
  return e;
}

model::FlowKey flow(const char* from, const char* to, uint8_t protocol = 17, uint16_t sport = 1, uint16_t dport = 2) {
  return {address(from), address(to), protocol, sport, dport, true};
}

// The slow twin: no order of its own, no cache. Looks at all entries and keeps the best.
const model::SpdEntry* slow_find(const std::vector<model::SpdEntry>& all, const model::FlowKey& f) {
  const model::SpdEntry* best = nullptr;
  for (const model::SpdEntry& e : all) {
    bool local = false, remote = false;
    for (const auto& s : e.local) local = local || s.contains(f.source, f.protocol, f.source_port, f.ports_known);
    for (const auto& s : e.remote) {
      remote = remote || s.contains(f.destination, f.protocol, f.destination_port, f.ports_known);
    }
    if (local && remote && (best == nullptr || e.priority < best->priority)) best = &e;
  }
  return best;
}

}  // namespace

TEST_SUITE("ipsec/spd_cache") {
  TEST_CASE("[RFC4301 4.4.1] the entry with the lowest priority number wins, equal ones in the order given") {
    Spd spd;
    spd.set({entry(Action::PROTECT, "10.1.0.0/16", "10.2.0.0/16", 50),
             entry(Action::DISCARD, "10.1.0.0/24", "10.2.0.0/24", 10),
             entry(Action::BYPASS, "10.1.0.0/24", "10.2.0.0/24", 10)});
    CHECK((*spd.find_outbound(flow("10.1.0.1", "10.2.0.1")))->action == Action::DISCARD);
    CHECK((*spd.find_outbound(flow("10.1.1.1", "10.2.0.1")))->action == Action::PROTECT);
    CHECK(spd.find_outbound(flow("10.3.0.1", "10.2.0.1")) == nullptr);
  }
  TEST_CASE("[RFC4301 4.4.1] a packet that comes is looked up the other way round") {
    Spd spd;
    spd.set({entry(Action::PROTECT, "10.1.0.0/16", "10.2.0.0/16[udp/53]", 50)});
    CHECK(spd.find_inbound(flow("10.2.0.1", "10.1.0.1", 17, 53, 4000)) != nullptr);
    CHECK(spd.find_inbound(flow("10.2.0.1", "10.1.0.1", 17, 54, 4000)) == nullptr);
    CHECK(spd.find_inbound(flow("10.1.0.1", "10.2.0.1", 17, 4000, 53)) == nullptr);
  }
  TEST_CASE("a second packet of a flow is decided by the cache, and a new policy forgets it") {
    Spd spd;
    spd.set({entry(Action::BYPASS, "0.0.0.0/0", "0.0.0.0/0", 1)});
    CHECK((*spd.decide_outbound(flow("10.1.0.1", "10.2.0.1")).entry)->action == Action::BYPASS);
    CHECK((*spd.decide_outbound(flow("10.1.0.1", "10.2.0.1")).entry)->action == Action::BYPASS);
    CHECK(spd.cache_hits() == 1);
    CHECK(spd.cache_misses() == 1);
    spd.set({entry(Action::DISCARD, "0.0.0.0/0", "0.0.0.0/0", 1)});
    CHECK((*spd.decide_outbound(flow("10.1.0.1", "10.2.0.1")).entry)->action == Action::DISCARD);
    CHECK(spd.cache_misses() == 2);
  }
  TEST_CASE("the cache agrees with a twin that looks at every entry") {
    std::mt19937 random(4242);
    const char* nets[] = {"10.0.0.0/8",           "10.1.0.0/16", "10.1.0.0/24[udp]", "10.1.0.0-10.1.0.7[tcp/80]",
                          "10.2.0.0/16[udp/1-3]", "0.0.0.0/0"};
    for (int round = 0; round < 20; ++round) {
      std::vector<model::SpdEntry> entries;
      for (int i = 0; i < 12; ++i) {
        entries.push_back(entry(static_cast<Action>(random() % 3), nets[random() % 6], nets[random() % 6],
                                static_cast<uint32_t>(random() % 5)));
      }
      Spd spd;
      spd.set(entries);
      for (int i = 0; i < 3000; ++i) {
        const auto end = [&] {
          return IpAddr::v4(static_cast<uint32_t>(0x0A000000u + (random() % 3 << 16) + random() % 12));
        };
        const model::FlowKey f{end(),
                               end(),
                               static_cast<uint8_t>(random() % 2 ? 17 : 6),
                               static_cast<uint16_t>(random() % 2 ? 80 : 2),
                               static_cast<uint16_t>(random() % 4),
                               random() % 8 != 0};
        const auto* fast = spd.decide_outbound(f).entry;
        const auto* slow = slow_find(entries, f);
        REQUIRE((fast == nullptr) == (slow == nullptr));
        if (fast != nullptr) REQUIRE(**fast == *slow);
      }
      CHECK(spd.cache_hits() > 0);
    }
  }
}
