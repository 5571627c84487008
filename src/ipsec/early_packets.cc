// See early_packets.h.
#include "ipsec/early_packets.h"

#include <algorithm>
#include <utility>

namespace sallyport::ipsec {

Incoming EarlyPackets::Packet::incoming() const {
  Incoming out = how;
  out.packet = octets;
  return out;
}

void EarlyPackets::expect(TimePoint now, model::Spi spi) {
  const auto is_over = [&](model::Spi one) {
    const auto found = offers_.find(one);
    return found == offers_.end() || found->second.until <= now;
  };
  while (!order_.empty() && (order_.size() >= kMostSpis || is_over(order_.front()))) {
    (void)take(order_.front());
    order_.pop_front();
  }
  if (offers_.emplace(spi, Offer{now + kOffered, {}}).second) order_.push_back(spi);
}

bool EarlyPackets::hold(TimePoint now, const Incoming& how, ByteView packet, model::Spi spi) {
  const auto found = offers_.find(spi);
  if (found == offers_.end() || found->second.until <= now) return false;
  std::vector<Packet>& packets = found->second.packets;
  if (packets.size() >= kMostPackets || octets_ + packet.size() > kMostOctets) return false;
  Packet& kept = packets.emplace_back(Packet{to_bytes(packet), how, now});
  kept.how.packet = {};
  kept.how.segment_octets = 0;
  octets_ += packet.size();
  return true;
}

std::vector<EarlyPackets::Packet> EarlyPackets::take(model::Spi spi) {
  const auto node = offers_.extract(spi);
  if (node.empty()) return {};
  for (const Packet& packet : node.mapped().packets) octets_ -= packet.octets.size();
  return std::move(node.mapped().packets);
}

size_t EarlyPackets::handle_deadline(TimePoint now) {
  size_t gone = 0;
  for (auto& [spi, offer] : offers_) {
    gone += std::erase_if(offer.packets, [&](const Packet& packet) {
      if (now - packet.since < kHold) return false;
      octets_ -= packet.octets.size();
      return true;
    });
  }
  return gone;
}

std::optional<TimePoint> EarlyPackets::next_deadline() const {
  if (octets_ == 0) return std::nullopt;
  std::optional<TimePoint> first;
  for (const auto& [spi, offer] : offers_) {
    if (!offer.packets.empty() && (!first || offer.packets.front().since + kHold < *first))
      first = offer.packets.front().since + kHold;
  }
  return first;
}

}  // namespace sallyport::ipsec
