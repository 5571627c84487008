#include "ipsec/seal_queue.h"

#include <algorithm>

namespace sallyport::ipsec {

void SealQueue::add(Sad& sad, const SaOutbound& sa, const EspPayload& payload, Outputs& out, DropCounters& drops) {
  if (used_ == kMost || (used_ != 0 && aead_ != sa.aead)) flush(out, drops);
  aead_ = sa.aead;
  const EspLayout esp = lay_out_esp(sad, sa, payload, out.packets().back().packet);
  Place& place = places_[used_];
  place.slot = out.packets().size() - 1;
  store_be32(place.high, static_cast<uint32_t>(sa.sequence >> 32));
  crypto::Aead::Job& job = jobs_[used_++];
  job.aad = esp.header;
  job.aad_suffix = sa.esn ? ByteView(place.high) : ByteView();
  job.iv = esp.iv;
  job.in = job.out = esp.text;
  job.icv = esp.icv;
}

void SealQueue::flush(Outputs& out, DropCounters& drops) {
  if (used_ == 0) return;
  const auto jobs = std::span(jobs_).first(used_);
  aead_->seal_batch(jobs);
  for (size_t i = 0; i < used_; ++i) {
    if (jobs[i].ok) continue;
    out.packets()[places_[i].slot].packet.reset();
    drops.count(Drop::seal_refused);
  }
  used_ = 0;
}

}  // namespace sallyport::ipsec
