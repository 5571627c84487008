// Which dropped packets people are told of: the first of each reason and direction in a second, with what is known of
// it. All of them are counted (drops.h); looking whether one is to be told is one comparison. One thread: the shard's.
#pragma once
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "base/ip_addr.h"
#include "base/time.h"
#include "ipsec/drops.h"
#include "model/flow_key.h"
#include "model/ids.h"

namespace sallyport::ipsec {

struct Incoming;

struct DroppedPacket {
  Drop drop = Drop::no_policy;
  bool arriving = false;
  model::Spi spi = 0;                                 // of a packet that came by ESP or AH; 0: not known
  IpAddr local, remote;                               // outer addresses where it came by ESP or AH
  std::optional<model::FlowKey> flow = std::nullopt;  // of one that was to leave
};

class DropLog {
 public:
  static constexpr Duration kEvery = seconds(1);
  void leaving(TimePoint now, Drop drop, const model::FlowKey& flow);
  void arriving(TimePoint now, Drop drop, const Incoming& from, model::Spi spi);
  // local, remote: outer addresses
  void arriving(TimePoint now, Drop drop, const IpAddr& local, const IpAddr& remote, model::Spi spi);
  bool empty() const { return noted_.empty(); }
  std::vector<DroppedPacket> take() { return std::exchange(noted_, {}); }

 private:
  bool due(TimePoint now, Drop drop, bool arriving);
  std::array<TimePoint, kDropCount * 2> next_{};
  std::vector<DroppedPacket> noted_;
};

}  // namespace sallyport::ipsec
