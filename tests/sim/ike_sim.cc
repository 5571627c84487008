// Two IKE endpoints over a noisy wire in virtual time: messages are lost, repeated, reordered, damaged and delayed, and
// both ends rekey and delete at random. Arguments: seed_run.h. RFC 7296 2.1, 2.8, 2.25.
#include <cstdio>
#include <string>

#include "sim/seed_run.h"
#include "support/ike_pair.h"
#include "wire/ike/ike_header.h"

using namespace sallyport;
using namespace sallyport::test;

namespace {

struct Flight {
  TimePoint at;
  bool to_b = false;
  ike::Datagram datagram;
};

class Simulation {
 public:
  Simulation(uint64_t seed, bool tell) : tell_(tell), noise_(seed ^ 0x5117), pair_(policy(seed), seed) {}

  sim::Outcome run() {
    pair_.a.command(pair_.now, ike::Initiate{"net", {}});
    play(seconds(20), true);
    for (int i = 0; i < 6; ++i) {
      stir();
      play(seconds(noise_.chance(500) ? 0 : 20) + milliseconds(noise_.below(400)), true);
    }
    play(minutes(6), false);  // quiet: every retransmission and retry comes to its end
    sim::Outcome out;
    out.wrong = pair_.a.broken + pair_.b.broken;
    if (out.wrong.empty()) out.wrong = verdict();
    out.digest = trace_;
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
    if (seed % 5 == 3) p.users = PairPolicy::Users::good;
    if (seed % 97 == 13) p.users = PairPolicy::Users::bad;
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
      for (const uint8_t octet : d.payload) trace_ = (trace_ ^ octet) * 1099511628211U;
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
      tell(f);
    }
    pair_.now = end;
  }

  // What came of a message: both ends' IKE SAs and Child SAs.
  void tell(const Flight& flight) const {
    if (!tell_) return;
    const auto header = wire::ike::parse_header(flight.datagram.payload);
    if (!header) return;
    std::printf("%.3f %s %s %s %u of %llu\n", std::chrono::duration<double>(pair_.now.time_since_epoch()).count(),
                flight.to_b ? "to b:" : "to a:", std::string(to_string(header->exchange)).c_str(),
                header->response_flag ? "answer" : "request", header->message_id,
                static_cast<unsigned long long>(header->spi_i >> 48));
    for (const IkePeer* peer : {&pair_.a, &pair_.b}) {
      for (const auto& sa : peer->endpoint.status()) {
        std::printf("    %s %s %llu:", peer == &pair_.a ? "a" : "b", sa.state.c_str(),
                    static_cast<unsigned long long>(sa.spi_i >> 48));
        for (const auto& child : sa.children) std::printf(" %08x %s", child.spi_in, child.state.c_str());
        std::printf("\n");
      }
    }
  }

  std::string verdict() {
    std::string wrong = pair_.agreement();
    if (wrong.empty() && pair_.a.ike_sas() != pair_.b.ike_sas()) wrong = "the ends hold different numbers of IKE SAs";
    if (wrong.empty() && pair_.a.ike_sas() > 1) wrong = "an IKE SA is left over";
    if (wrong.empty() && pair_.a.live_children() > 1) wrong = "a Child SA is left over";
    return wrong;
  }

  const bool tell_;
  SeededRng noise_;
  IkePair pair_;
  std::vector<Flight> flights_;
  uint64_t trace_ = 14695981039346656037U;
};

sim::Outcome simulate(uint64_t seed, bool tell) {
  seed_openssl(seed);
  return Simulation(seed, tell).run();
}

}  // namespace

int main(int argc, char** argv) { return sim::run_seeds(argc, argv, 10000, simulate); }
