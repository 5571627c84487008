// Lifetimes of one direction by octets and packets, and the end of its sequence numbers. RFC 4301 4.4.2.1; time is kept
// by the SAD, which asks for a wakeup. A limit that is absent is never reached. Pure; one thread.
#pragma once
#include <cstdint>
#include <optional>

#include "ipsec/outputs.h"
#include "model/sa_spec.h"

namespace sallyport::ipsec {

class UsageMeter {
 public:
  UsageMeter(const model::Lifetime& soft, const model::Lifetime& hard);

  // RFC 4301 4.4.2.1: the packet that crosses the limit is still carried; after it nothing is.
  bool may_carry() const { return packets_ < hard_packets_ && octets_ < hard_octets_; }
  void count(uint64_t octets) {
    ++packets_;
    octets_ += octets;
  }
  // The limit that has been reached, if any.
  std::optional<LifetimeCause> soft_reached() const;
  std::optional<LifetimeCause> hard_reached() const;

  uint64_t packets() const { return packets_; }
  uint64_t octets() const { return octets_; }

 private:
  uint64_t packets_ = 0;
  uint64_t octets_ = 0;
  uint64_t soft_packets_;
  uint64_t soft_octets_;
  uint64_t hard_packets_;
  uint64_t hard_octets_;
};

// RFC 4303 3.3.3: without ESN the counter may not cycle past 2^32 - 1, with ESN not past 2^64 - 1. A rekey is asked for
// when a sixteenth of the space is left.
constexpr uint64_t last_sequence(bool esn) { return esn ? UINT64_MAX : UINT32_MAX; }
constexpr uint64_t soft_sequence(bool esn) { return last_sequence(esn) / 16 * 15; }

}  // namespace sallyport::ipsec
