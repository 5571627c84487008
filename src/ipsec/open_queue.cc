#include "ipsec/open_queue.h"

#include <algorithm>

namespace sallyport::ipsec {

namespace {
constexpr size_t kEspHeader = 8;
}

void OpenQueue::add(SaInbound& sa, const Waiting& packet) {
  if (memory_.empty()) memory_.resize(kMost * kMostOctets);
  sa_ = &sa;
  waiting_[used_] = packet;
  const size_t text_at = kEspHeader + sa.iv_octets;
  const size_t text = packet.packet.size() - text_at - sa.icv_octets;
  const MutableBytes own = MutableBytes(memory_).subspan(used_ * kMostOctets, kMostOctets);
  crypto::Aead::Job& job = jobs_[used_];
  ByteView octets = packet.packet;
  job.aad_suffix = {};
  job.icv = {};
  job.out = own.first(text);
  if (sa.esn) {
    // RFC 4303 2.2.1: the high half is authenticated behind the text, where the ICV is: in a copy, which is opened in
    // place.
    std::copy(octets.begin(), octets.end(), own.begin());
    octets = own.first(octets.size());
    store_be32(high_[used_].data(), static_cast<uint32_t>(packet.sequence >> 32));
    job.aad_suffix = high_[used_];
    job.icv = own.subspan(text_at + text, sa.icv_octets);
    job.out = own.subspan(text_at, text);
  }
  job.aad = octets.first(kEspHeader);
  job.iv = octets.subspan(kEspHeader, sa.iv_octets);
  job.in = octets.subspan(text_at, text);
  job.icv_to_check = packet.packet.last(sa.icv_octets);
  ++used_;
}

void OpenQueue::open() { sa_->aead->open_batch(std::span(jobs_).first(used_)); }

}  // namespace sallyport::ipsec
