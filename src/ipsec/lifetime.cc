#include "ipsec/lifetime.h"

namespace sallyport::ipsec {

UsageMeter::UsageMeter(const model::Lifetime& soft, const model::Lifetime& hard)
    : soft_packets_(soft.packets.value_or(UINT64_MAX)),
      soft_octets_(soft.bytes.value_or(UINT64_MAX)),
      hard_packets_(hard.packets.value_or(UINT64_MAX)),
      hard_octets_(hard.bytes.value_or(UINT64_MAX)) {}

std::optional<LifetimeCause> UsageMeter::soft_reached() const {
  if (octets_ >= soft_octets_) return LifetimeCause::bytes;
  if (packets_ >= soft_packets_) return LifetimeCause::packets;
  return std::nullopt;
}

std::optional<LifetimeCause> UsageMeter::hard_reached() const {
  if (octets_ >= hard_octets_) return LifetimeCause::bytes;
  if (packets_ >= hard_packets_) return LifetimeCause::packets;
  return std::nullopt;
}

}  // namespace sallyport::ipsec
