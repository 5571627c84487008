// ESP packets of one SA that wait to be opened together, for ciphers whose provider works on several packets at once
// (crypto::Aead::batches()): each into memory that nobody else sees, from where what is authentic is copied on. One
// thread: the shard's.
#pragma once
#include <array>

#include "crypto/aead.h"
#include "ipsec/sa_inbound.h"

namespace sallyport::ipsec {

struct Incoming;

class OpenQueue {
 public:
  static constexpr size_t kMost = 64;
  static constexpr size_t kMostOctets = 2048;  // of one packet; longer ones gain nothing by company

  struct Waiting {
    const Incoming* from = nullptr;
    ByteView packet;  // from the ESP header on
    uint64_t sequence = 0;
  };

  // The SA whose packets wait; nullptr where none does.
  SaInbound* sa() const { return used_ == 0 ? nullptr : sa_; }
  bool full() const { return used_ == kMost; }
  // Requires: the same SA as those that wait; !full(); the packet has the SA's shape and not more than kMostOctets.
  // What it refers to has to live until clear().
  void add(SaInbound& sa, const Waiting& packet);
  // Opens all of them. Then waiting(), plain() and authentic() tell of each, until clear().
  void open();
  size_t size() const { return used_; }
  const Waiting& waiting(size_t i) const { return waiting_[i]; }
  MutableBytes plain(size_t i) const { return jobs_[i].out; }
  bool authentic(size_t i) const { return jobs_[i].ok; }
  void clear() { used_ = 0; }

 private:
  SaInbound* sa_ = nullptr;
  size_t used_ = 0;
  std::array<crypto::Aead::Job, kMost> jobs_;
  std::array<Waiting, kMost> waiting_;
  std::array<std::array<uint8_t, 4>, kMost> high_{};  // of extended sequence numbers
  Bytes memory_;                                      // kMostOctets for each; none before the first packet
};

}  // namespace sallyport::ipsec
