// Two hosts, the wire between them, traffic both ways, and what must hold at every step: nothing of an inner packet is
// to be seen on the wire, what comes out of a tunnel was sent once and is delivered once and whole, time goes on. And
// at the end: once the wire is healed both ends come to one IKE SA and one Child SA of each child, traffic flows both
// ways, and no table holds more than that needs. Virtual time. For tests only.
#pragma once
#include <functional>

#include "sim/sim_node.h"
#include "sim/traffic.h"

namespace sallyport::sim {

class World {
 public:
  World(uint64_t seed, NodeSetup east_setup, NodeSetup west_setup, unsigned children, bool tell);

  // Lets so much time pass; both sides send a packet about every `every` (zero: none).
  void play(Duration length, Duration every = Duration::zero());
  // Whatever was done to hosts and wire ends now. Both run; whoever administers the east asks for the tunnel now and
  // then. Waits until everything is well, then looks again some minutes later.
  void heal();
  void say(const std::string& text) const;

  TimePoint now() const { return now_; }
  bool well() const { return wrong_.empty(); }
  const std::string& wrong() const { return wrong_; }
  uint64_t digest() const { return digest_; }

  test::SeededRng dice;  // of the story
  SimNode east, west;
  NoisyWire wire;
  Nat nat;
  std::function<bool(Packet&, bool from_east)> on_the_way;  // false: taken off the wire

 private:
  void tell_message(const char* who, const Packet& packet) const;
  void collect();
  void collect(SimNode& node, bool is_east);
  void deliver(Packet packet);
  void send_traffic();
  std::string agreement() const;
  std::string one_ike_sa() const;
  std::string same_child_sas() const;
  bool probe();
  std::string settle(TimePoint most);
  std::string still_well() const;
  void fail(std::string what);

  const unsigned children_;
  const bool tell_;
  TimePoint now_{seconds(1000)};
  Traffic traffic_;
  Duration traffic_every_{};
  std::optional<TimePoint> next_traffic_;
  std::string wrong_;
  uint64_t digest_ = 14695981039346656037U;
};

}  // namespace sallyport::sim
