// Packets that come before their SA. RFC 7296 2.8: the responder may send as soon as it has answered, and what it sends
// can be quicker than the keying module, which reads the answer. Only SPIs that we have just offered are waited for,
// and nothing is looked at before its SA is there. Pure; one thread, the shard's.
#pragma once
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "base/time.h"
#include "ipsec/incoming.h"

namespace sallyport::ipsec {

class EarlyPackets {
 public:
  static constexpr size_t kMostSpis = 1024;         // the one offered first is no longer waited for
  static constexpr size_t kMostPackets = 32;        // of one SPI; later ones are dropped
  static constexpr size_t kMostOctets = 1 << 20;    // of all
  static constexpr Duration kOffered = minutes(1);  // an answer comes by then, or never
  static constexpr Duration kHold = seconds(5);

  struct Packet {
    Bytes octets;
    Incoming how;  // its view says nothing
    TimePoint since{};
    Incoming incoming() const;
  };

  void expect(TimePoint now, model::Spi spi);
  // False: nobody waits for it, or there is no room.
  bool hold(TimePoint now, const Incoming& how, ByteView packet, model::Spi spi);
  // In the order they came; the SPI is not waited for any more.
  std::vector<Packet> take(model::Spi spi);

  size_t handle_deadline(TimePoint now);  // how many packets waited in vain
  std::optional<TimePoint> next_deadline() const;

 private:
  struct Offer {
    TimePoint until{};
    std::vector<Packet> packets;
  };
  std::map<model::Spi, Offer> offers_;
  std::deque<model::Spi> order_;  // as they were offered; those taken may still stand here
  size_t octets_ = 0;
};

}  // namespace sallyport::ipsec
