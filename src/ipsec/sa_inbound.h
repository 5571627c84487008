// What every packet of an inbound SA needs, and no more: the hot half of the record. Owned by SaRecord. One thread.
#pragma once
#include "ipsec/lifetime.h"
#include "ipsec/replay_window.h"

namespace sallyport::crypto {
class Aead;
}  // namespace sallyport::crypto

namespace sallyport::ipsec {

struct SaRecord;

struct alignas(128) SaInbound {
  SaInbound(uint32_t window, bool with_esn, UsageMeter meter) : replay(window, with_esn), esn(with_esn), usage(meter) {}

  crypto::Aead* aead = nullptr;  // ESP; of AH it is SaRecord::integ_in
  SaRecord* record = nullptr;
  ReplayWindow replay;
  model::Spi spi = 0;
  uint16_t failures = 0;  // ICVs in a row that did not verify
  // Anything but plain tunnel mode ESP: goes through decapsulate(), but for what plain_transport says.
  bool special = false;
  bool plain_transport = false;  // transport mode ESP and nothing else that is special: what comes in UDP does not
  bool dead = false;             // hard lifetime over
  uint8_t iv_octets = 0;
  uint8_t icv_octets = 0;
  uint8_t block_octets = 4;  // of the cipher, at least 4
  bool esn;
  bool combined = false;    // AEAD: the whole sequence number is in front; otherwise its high half is behind
  UsageMeter usage;         // the second line of the cache begins about here
  TimePoint last_packet{};  // authenticated
  model::Protocol protocol = model::Protocol::ESP;
  model::Mode mode = model::Mode::tunnel;
  bool carries_nested = false;  // another SA names this one's reqid as its outer_reqid
  bool reassemble = false;      // inner fragments are put together before the selectors are asked
  bool implicit_iv = false;
  bool clamp_mss = false;
  bool used = false;     // FirstInbound was reported
  bool batched = false;  // plain packets that come together are opened together
};
static_assert(sizeof(SaInbound) <= 128);

inline void prefetch(const SaInbound& sa) {
  for (size_t line = 0; line < sizeof sa; line += 64) __builtin_prefetch(reinterpret_cast<const uint8_t*>(&sa) + line);
}

}  // namespace sallyport::ipsec
