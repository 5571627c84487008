#include "ipsec/outputs.h"

#include <algorithm>

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

bool Outputs::fits_train(const EspWay& like, size_t octets) const {
  if (shape_.train_packets <= 1 || used_ == 0) return false;
  const Outgoing& last = slots_[used_ - 1];
  const size_t segment = last.packet.offload.segment_octets;
  const size_t there = last.packet.size();
  if (last.way != like.way || last.child_id != like.child_id || segment == 0 || octets > segment) return false;
  // Only the last one of a train may be shorter.
  if (there % segment != 0 || there / segment >= shape_.train_packets || there + octets > kTrainOctets) return false;
  return last.tos == like.tos && last.dont_fragment == like.dont_fragment && last.remote == like.remote &&
         last.local == like.local;
}

Outgoing& Outputs::add_esp(const EspWay& like, size_t octets) {
  if (fits_train(like, octets)) return slots_[used_ - 1];
  Outgoing& slot = add(shape_.train_packets > 1 ? std::max(octets, kTrainOctets) : octets);
  slot.way = like.way;
  slot.local = like.local;
  slot.remote = like.remote;
  slot.tos = like.tos;
  slot.dont_fragment = like.dont_fragment;
  slot.outer_octets = like.outer_octets;
  slot.child_id = like.child_id;
  slot.packet.offload.segment_octets = static_cast<uint16_t>(octets);
  return slot;
}

void Outputs::undo_esp(size_t octets) {
  PacketBuf& packet = slots_[used_ - 1].packet;
  packet.trim_back(octets);
  if (packet.empty()) undo();
}

void Outputs::clear() {
  used_ = 0;
  events_.clear();
}

}  // namespace sallyport::ipsec
