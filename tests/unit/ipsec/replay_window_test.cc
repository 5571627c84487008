#include "ipsec/replay_window.h"

#include <doctest/doctest.h>

#include <random>
#include <set>

#include "ipsec/esn.h"

using namespace sallyport::ipsec;

namespace {

Verdict take(ReplayWindow& window, uint32_t low) {
  uint64_t sequence = 0;
  if (const Verdict v = window.check(low, sequence); !v.passed()) return v;
  return window.advance(sequence);
}

// The slow twin: remembers every number.
struct SlowWindow {
  uint64_t size;
  uint64_t highest = 0;
  std::set<uint64_t> seen;
  Verdict take(uint64_t s) {
    if (s == 0 || s + size <= highest) return Drop::behind_window;
    if (!seen.insert(s).second) return Drop::replay;
    highest = std::max(highest, s);
    return Verdict::pass();
  }
};

}  // namespace

TEST_SUITE("ipsec/replay_window") {
  TEST_CASE("sizes are powers of two from 64 to 4096") {
    CHECK(ReplayWindow::usable_size(1) == 64);
    CHECK(ReplayWindow::usable_size(65) == 128);
    CHECK(ReplayWindow::usable_size(1024) == 1024);
    CHECK(ReplayWindow::usable_size(100000) == 4096);
  }
  TEST_CASE("[RFC4303 3.4.3] in order all pass; replay of all 33 is dropped") {
    ReplayWindow w(64, false);
    for (uint32_t s = 1; s <= 33; ++s) CHECK(take(w, s).passed());
    for (uint32_t s = 1; s <= 33; ++s) CHECK(take(w, s) == Verdict(Drop::replay));
    CHECK(w.highest() == 33);
  }
  TEST_CASE("[RFC4303 3.4.3] check alone never moves the window") {
    ReplayWindow w(64, true);
    uint64_t sequence = 0;
    CHECK(w.check(1000000, sequence).passed());
    CHECK(w.highest() == 0);
    CHECK(take(w, 1).passed());
  }
  TEST_CASE("[RFC4303 3.4.3] a copy that advanced in between is caught by advance") {
    ReplayWindow w(64, false);
    uint64_t a = 0, b = 0;
    CHECK(w.check(5, a).passed());
    CHECK(w.check(5, b).passed());
    CHECK(w.advance(a).passed());
    CHECK(w.advance(b) == Verdict(Drop::replay));
  }
  TEST_CASE("[RFC4303 3.4.3] jump forward, then the edge of the window") {
    ReplayWindow w(64, false);
    CHECK(take(w, 1).passed());
    CHECK(take(w, 1000).passed());
    CHECK(take(w, 937).passed());
    CHECK(take(w, 936) == Verdict(Drop::behind_window));
    CHECK(take(w, 937) == Verdict(Drop::replay));
  }
  TEST_CASE("[RFC4303 3.3.3] number 0 never comes") {
    ReplayWindow w(64, false);
    CHECK(take(w, 0) == Verdict(Drop::behind_window));
  }
  TEST_CASE("without ESN the highest number is the last one") {
    ReplayWindow w(64, false);
    CHECK(take(w, UINT32_MAX).passed());
    CHECK(take(w, 1) == Verdict(Drop::behind_window));
  }
  TEST_CASE("[RFC4303 A2.2] with ESN 0xFFFFFFFD is still inside the window after the wrap") {
    ReplayWindow w(64, true);
    CHECK(take(w, 0x80000000).passed());
    CHECK(take(w, 0xFFFFFFFC).passed());
    CHECK(take(w, 3).passed());
    CHECK(w.highest() == join_sequence(1, 3));
    CHECK(take(w, 0xFFFFFFFD).passed());
    CHECK(take(w, 0xFFFFFFFD) == Verdict(Drop::replay));
    CHECK(take(w, 0xFFFFFFFC) == Verdict(Drop::replay));
    CHECK(w.highest() == join_sequence(1, 3));
  }
  TEST_CASE("lost counts what fell out of the window without having come") {
    ReplayWindow w(64, false);
    CHECK(take(w, 1).passed());
    CHECK(take(w, 10).passed());
    CHECK(w.lost() == 0);
    CHECK(take(w, 74).passed());  // window 11..74: 2..9 are gone
    CHECK(w.lost() == 8);
    CHECK(take(w, 100000).passed());
    CHECK(w.lost() == 100000 - 64 - 3);
  }
  TEST_CASE("[WFP 15.2] of size 0 it protects from nothing, and says that nothing was lost") {
    CHECK(ReplayWindow::usable_size(0) == 0);
    ReplayWindow w(0, false);
    CHECK(take(w, 5).passed());
    CHECK(take(w, 5).passed());
    CHECK(take(w, 100000).passed());
    CHECK(take(w, 1).passed());
    CHECK(w.highest() == 100000);
    CHECK(w.lost() == 0);
  }
  TEST_CASE("the ring agrees with a twin that remembers everything") {
    std::mt19937 random(12345);
    for (uint32_t size : {64u, 128u, 1024u, 4096u}) {
      ReplayWindow fast(size, true);
      SlowWindow slow{size, 0, {}};
      uint64_t base = 1;
      for (int i = 0; i < 20000; ++i) {
        const uint64_t spread = random() % 10 == 0 ? size * 3 : size / 2 + 4;
        const uint64_t back = random() % (size + 20);
        const uint64_t s = base + random() % spread > back ? base + random() % spread - std::min(back, base) : 1;
        uint64_t guessed = 0;
        const Verdict before = fast.check(static_cast<uint32_t>(s), guessed);
        const Verdict wanted = slow.take(s);
        if (wanted.passed()) {
          REQUIRE(before.passed());
          REQUIRE(guessed == s);
          REQUIRE(fast.advance(s).passed());
        } else if (guessed == s) {
          // A number far behind is taken for one of the next subspace; authentication will tell.
          REQUIRE(before == wanted);
        }
        base = fast.highest() + 1;
      }
      CHECK(fast.highest() == slow.highest);
    }
  }
}
