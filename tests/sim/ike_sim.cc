// Two IKE endpoints over a noisy wire in virtual time: messages are lost, repeated, reordered, damaged and delayed, and
// both ends rekey and delete at random. Each seed runs twice and must give the same digest. Arguments: number of seeds,
// first seed. Prints the seed of a failure. RFC 7296 2.1, 2.8, 2.25.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "crypto/hash.h"
#include "support/ike_pair.h"

using namespace sallyport;
using namespace sallyport::test;

namespace {

struct Outcome {
  std::string wrong;
  Bytes digest;
  std::map<std::string, uint64_t> rows;
};

struct Flight {
  TimePoint at;
  bool to_b = false;
  ike::Datagram datagram;
};

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : noise_(seed ^ 0x5117), pair_(policy(seed), seed) {}

  Outcome run() {
    pair_.a.command(pair_.now, ike::Initiate{"net", {}});
    play(seconds(20), true);
    for (int i = 0; i < 6; ++i) {
      stir();
      play(seconds(noise_.chance(500) ? 0 : 20) + milliseconds(noise_.below(400)), true);
    }
    play(minutes(6), false);  // quiet: every retransmission and retry comes to its end
    Outcome out;
    out.wrong = verdict();
    out.digest = to_bytes(trace_);
    for (const IkePeer* peer : {&pair_.a, &pair_.b}) {
      for (const auto& [story, n] : peer->endpoint.rows_taken()) out.rows[std::string(story)] += n;
    }
    return out;
  }

 private:
  static PairPolicy policy(uint64_t seed) {
    PairPolicy p;
    p.child = seed % 2 ? "aes128gcm16" : "aes128gcm16-x25519";
    p.dpd_delay = seconds(30);
    return p;
  }

  void stir() {
    const bool both = noise_.chance(600);
    const uint64_t what = noise_.below(10);
    for (IkePeer* peer : {&pair_.a, &pair_.b}) {
      if (!both && noise_.chance(500)) continue;
      if (what < 4) {
        peer->command(pair_.now, ike::RekeyChild{"net", "lan0", std::nullopt});
      } else if (what < 7) {
        peer->command(pair_.now, ike::RekeyIke{"net"});
      } else if (what < 9) {
        peer->command(pair_.now, noise_.chance(500) ? ike::Command(ike::RekeyIke{"net"})
                                                    : ike::Command(ike::RekeyChild{"net", "lan0", std::nullopt}));
      } else {
        peer->command(pair_.now, ike::Terminate{"net", "lan0", std::nullopt});
      }
    }
  }

  void launch(IkePeer& from, bool to_b, bool noisy) {
    while (!from.out.empty()) {
      ike::Datagram d = std::move(from.out.front());
      from.out.pop_front();
      std::swap(d.local, d.remote);
      if (d.remote.addr.is_any()) d.remote.addr = from.address.addr;
      if (d.remote.port == 0) d.remote.port = from.address.port;
      trace_ = crypto::sha1([&] {
        Bytes both = trace_;
        append(both, d.payload);
        return both;
      }());
      if (noisy && noise_.chance(120)) continue;
      const unsigned copies = noisy && noise_.chance(80) ? 2 : 1;
      for (unsigned i = 0; i < copies; ++i) {
        ike::Datagram copy = d;
        if (noisy && noise_.chance(40)) copy.payload[noise_.below(copy.payload.size())] ^= 0x41;
        const Duration delay = milliseconds(noisy ? 5 + noise_.below(300) : 10);
        flights_.push_back({pair_.now + delay, to_b, std::move(copy)});
      }
    }
  }

  void play(Duration length, bool noisy) {
    const TimePoint end = pair_.now + length;
    for (int guard = 0; guard < 20000; ++guard) {
      launch(pair_.a, true, noisy);
      launch(pair_.b, false, noisy);
      TimePoint next = end;
      size_t flight = flights_.size();
      for (size_t i = 0; i < flights_.size(); ++i) {
        if (flights_[i].at < next) next = flights_[flight = i].at;
      }
      bool timer = false;
      for (const IkePeer* peer : {&pair_.a, &pair_.b}) {
        const auto due = peer->endpoint.next_deadline();
        if (due && *due < next) next = *due, timer = true;
      }
      if (next >= end) break;
      if (next > pair_.now) pair_.now = next;
      if (timer) {
        pair_.a.wake(pair_.now);
        pair_.b.wake(pair_.now);
        continue;
      }
      const Flight f = std::move(flights_[flight]);
      flights_.erase(flights_.begin() + static_cast<std::ptrdiff_t>(flight));
      (f.to_b ? pair_.b : pair_.a).take(pair_.now, f.datagram);
    }
    pair_.now = end;
  }

  std::string verdict() {
    std::string wrong = pair_.agreement();
    if (wrong.empty() && pair_.a.ike_sas() != pair_.b.ike_sas()) wrong = "the ends hold different numbers of IKE SAs";
    if (wrong.empty() && pair_.a.ike_sas() > 1) wrong = "an IKE SA is left over";
    if (wrong.empty() && pair_.a.live_children() > 1) wrong = "a Child SA is left over";
    return wrong;
  }

  SeededRng noise_;
  IkePair pair_;
  std::vector<Flight> flights_;
  Bytes trace_;
};

Outcome simulate(uint64_t seed) {
  seed_openssl(seed);
  return Simulation(seed).run();
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 150;
  const uint64_t first = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  std::map<std::string, uint64_t> rows;
  uint64_t failed = 0;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const Outcome one = simulate(seed);
    const Outcome two = simulate(seed);
    std::string wrong = one.wrong;
    if (wrong.empty() && one.digest != two.digest) wrong = "two runs of one seed differ";
    if (!wrong.empty()) {
      std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), wrong.c_str());
      ++failed;
    }
    for (const auto& [story, n] : one.rows) rows[story] += n;
  }
  for (const auto& [story, n] : rows) std::printf("%8llu  %s\n", static_cast<unsigned long long>(n), story.c_str());
  for (const char* story : {"collision: both rekey the Child SA", "collision: our new Child SA is redundant",
                            "collision: the peer's new Child SA is redundant", "collision: both rekey the IKE SA",
                            "collision: our new IKE SA is redundant", "collision: the peer's new IKE SA is redundant",
                            "collision: both delete the Child SA"}) {
    if (count >= 20 && rows[story] == 0) {
      std::printf("never reached: %s\n", story);
      ++failed;
    }
  }
  return failed == 0 ? 0 : 1;
}
