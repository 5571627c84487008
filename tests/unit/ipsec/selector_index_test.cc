#include "ipsec/selector_index.h"

#include <doctest/doctest.h>

#include <memory>
#include <random>

#include "support/esp_pair.h"

using namespace sallyport;
using namespace sallyport::ipsec;

namespace {

struct Item {
  uint32_t scope;
  model::Selectors local;
  model::Selectors remote;
  uint64_t rank;
  bool filed = false;
};

bool covers(const Item& item, const IpAddr& local, const IpAddr& remote) {
  return model::contains(item.local, local, 17, 1, true) && model::contains(item.remote, remote, 17, 1, true);
}

// Looks at everything.
const Item* slow_find(const std::vector<std::unique_ptr<Item>>& items, uint32_t scope, const IpAddr& local,
                      const IpAddr& remote) {
  const Item* best = nullptr;
  for (const auto& item : items) {
    if (!item->filed || item->scope != scope || !covers(*item, local, remote)) continue;
    if (best == nullptr || item->rank < best->rank) best = item.get();
  }
  return best;
}

class Arbitrary {
 public:
  IpAddr addr(bool v6) {
    const uint32_t low = static_cast<uint32_t>(random_() % 32);
    if (!v6) return IpAddr::v4(0x0A000000u | static_cast<uint32_t>(random_() % 2) << 16 | low);
    uint8_t octets[16] = {0xfd};
    octets[7] = static_cast<uint8_t>(random_() % 2);
    octets[15] = static_cast<uint8_t>(low);
    return IpAddr::v6(octets);
  }
  model::Selectors selectors() {
    model::Selectors out(1 + random_() % 3);
    if (random_() % 40 == 0) out.resize(100);  // more places than are filed one by one
    for (model::Selector& s : out) {
      const bool v6 = random_() % 4 == 0;
      s.first = addr(v6);
      s.last = addr(v6);
      if (s.last < s.first) std::swap(s.first, s.last);
      if (random_() % 6 == 0) s = model::Selector::any(v6 ? Family::v6 : Family::v4);
      if (random_() % 8 == 0) s.protocol = 6;
    }
    return out;
  }
  size_t below(size_t n) { return random_() % n; }

 private:
  std::mt19937 random_{9};
};

}  // namespace

TEST_SUITE("ipsec/selector_index") {
  TEST_CASE("[RFC4301 4.4.1] random sets come and go, and the best that covers is found as a twin finds it") {
    Arbitrary any;
    size_t hits = 0;
    for (int round = 0; round < 8; ++round) {
      SelectorIndex index(static_cast<uint64_t>(round));
      std::vector<std::unique_ptr<Item>> items;
      for (size_t i = 0; i < 60; ++i) {
        items.push_back(std::make_unique<Item>(
            Item{static_cast<uint32_t>(any.below(2)), any.selectors(), any.selectors(), 1000 - i}));
      }
      for (int i = 0; i < 4000; ++i) {
        Item& item = *items[any.below(items.size())];
        if (item.filed) {
          index.remove(item.scope, item.local, item.remote, &item);
        } else {
          index.add(item.scope, item.local, item.remote, item.rank, &item);
        }
        item.filed = !item.filed;
        const uint32_t scope = static_cast<uint32_t>(any.below(2));
        const bool v6 = any.below(4) == 0;
        const IpAddr local = any.addr(v6), remote = any.addr(v6);
        const auto fits = [&](const void* found) { return covers(*static_cast<const Item*>(found), local, remote); };
        const void* fast = index.find(scope, local, remote, fits);
        REQUIRE(fast == slow_find(items, scope, local, remote));
        hits += fast != nullptr ? 1 : 0;
      }
    }
    CHECK(hits > 3000);
  }
  TEST_CASE("of equal ranks the one added last is found; families never mix") {
    SelectorIndex index;
    const model::Selectors all{model::Selector::any(Family::v4)};
    int first = 0, second = 0;
    index.add(1, all, all, 5, &first);
    index.add(1, all, all, 5, &second);
    const auto yes = [](const void*) { return true; };
    const IpAddr four = *IpAddr::parse("10.0.0.1"), six = *IpAddr::parse("fd00::1");
    CHECK(index.find(1, four, four, yes) == &second);
    CHECK(index.find(1, six, six, yes) == nullptr);
    CHECK(index.find(1, four, six, yes) == nullptr);
    CHECK(index.find(2, four, four, yes) == nullptr);
    index.clear();
    CHECK(index.find(1, four, four, yes) == nullptr);
  }
}
