#include "ipsec/outputs.h"

namespace sallyport::ipsec {

Outgoing& Outputs::add(size_t packet_octets) {
  if (used_ == slots_.size()) slots_.emplace_back();
  Outgoing& slot = slots_[used_++];
  slot.packet.reserve(packet_octets < PacketBuf::kDefaultOctets ? PacketBuf::kDefaultOctets : packet_octets);
  slot.way = Way::inner;
  slot.local = {};
  slot.remote = {};
  slot.tos = 0;
  slot.dont_fragment = false;
  slot.outer_octets = 0;
  slot.exact_header = false;
  slot.child_id = 0;
  return slot;
}

void Outputs::clear() {
  used_ = 0;
  events_.clear();
}

}  // namespace sallyport::ipsec
