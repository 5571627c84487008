// Loss, repetition, damage, delay; and the NAT's mapping.
#include "sim/noisy_wire.h"

#include <algorithm>

namespace sallyport::sim {

void NoisyWire::fly(TimePoint now, Packet packet) {
  if (!packet.payload.empty() && dice_.chance(noise_.damaged)) {
    packet.payload[dice_.below(packet.payload.size())] ^= static_cast<uint8_t>(1 + dice_.below(255));
    if (dice_.chance(200)) packet.payload.resize(dice_.below(packet.payload.size() + 1));
  }
  const auto spread = static_cast<uint64_t>(noise_.spread.count());
  const Duration late(spread == 0 ? 0 : static_cast<Duration::rep>(dice_.below(spread)));
  flights_.emplace(now + noise_.least + late, std::move(packet));
}

void NoisyWire::launch(TimePoint now, Packet packet) {
  if (past_.size() < 48) {
    past_.push_back(packet);
  } else {
    past_[dice_.below(past_.size())] = packet;
  }
  if (dice_.chance(noise_.again)) fly(now, past_[dice_.below(past_.size())]);
  if (dice_.chance(noise_.lost)) return;
  if (dice_.chance(noise_.twice)) fly(now, packet);
  fly(now, std::move(packet));
}

std::optional<TimePoint> NoisyWire::next_arrival() const {
  if (flights_.empty()) return std::nullopt;
  return flights_.begin()->first;
}

Packet NoisyWire::take_arrival() {
  Packet packet = std::move(flights_.begin()->second);
  flights_.erase(flights_.begin());
  return packet;
}

void Nat::rebind(bool other_address) {
  ports_.clear();
  if (other_address) ++outside_;
}

bool Nat::leave(Packet& packet) {
  if (!inside_ || packet.from.addr != *inside_) return true;
  if (packet.from.port == 0) return false;  // native ESP has no port to map
  auto [at, fresh] = ports_.try_emplace(packet.from, uint16_t{0});
  if (fresh) at->second = last_port_ = static_cast<uint16_t>(last_port_ + 1 + dice_.below(50));
  packet.from = {IpAddr::v4(outside_), at->second};
  return true;
}

bool Nat::enter(Packet& packet) {
  if (!inside_) return true;
  if (packet.to.addr == *inside_) return false;  // not reachable from outside
  if (packet.to.addr != IpAddr::v4(outside_)) return true;
  const auto at =
      std::find_if(ports_.begin(), ports_.end(), [&](const auto& row) { return row.second == packet.to.port; });
  if (at == ports_.end()) return false;
  packet.to = at->first;
  return true;
}

}  // namespace sallyport::sim
