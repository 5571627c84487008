// The wire between two simulated hosts: what is put on it may be lost, repeated, damaged, delayed and so overtaken; a
// NAT may stand in front of one of them and change its mind about the mapping. Everything follows from the seed. For
// tests only.
#pragma once
#include <map>
#include <optional>
#include <vector>

#include "base/ip_addr.h"
#include "base/time.h"
#include "support/seeded_rng.h"

namespace sallyport::sim {

// One packet between the hosts. With native ESP the ports are 0 and the payload begins with the SPI.
struct Packet {
  IpEndpoint from, to;
  bool natt = false;  // UDP, on the ports that carry the non-ESP marker
  Bytes payload;      // of UDP, marker included
};

struct Noise {
  unsigned lost = 0, twice = 0, damaged = 0, again = 0;  // of a thousand; again: an old packet is repeated behind it
  Duration least = milliseconds(10), spread{};           // delay: at least, and up to so much more
};

class NoisyWire {
 public:
  explicit NoisyWire(uint64_t seed) : dice_(seed) {}

  void set_noise(const Noise& noise) { noise_ = noise; }
  const Noise& noise() const { return noise_; }
  void launch(TimePoint now, Packet packet);
  std::optional<TimePoint> next_arrival() const;
  Packet take_arrival();  // Requires: next_arrival()
  size_t in_flight() const { return flights_.size(); }
  void cut() { flights_.clear(); }  // what is under way is lost

 private:
  void fly(TimePoint now, Packet packet);

  test::SeededRng dice_;
  Noise noise_;
  std::multimap<TimePoint, Packet> flights_;
  std::vector<Packet> past_;  // some of what went by
};

// RFC 2663: an inside endpoint looks like a port of the NAT's address. Who is not known from inside is not let in.
class Nat {
 public:
  explicit Nat(uint64_t seed) : dice_(seed) {}

  void stand_before(const IpAddr& inside) { inside_ = inside; }
  bool stands() const { return inside_.has_value(); }
  void rebind(bool other_address);  // every mapping is forgotten
  // False: the packet does not get through.
  bool leave(Packet& packet);
  bool enter(Packet& packet);

 private:
  test::SeededRng dice_;
  std::optional<IpAddr> inside_;
  uint32_t outside_ = 0xc6336407;  // 198.51.100.7
  std::map<IpEndpoint, uint16_t> ports_;
  uint16_t last_port_ = 20000;
};

}  // namespace sallyport::sim
