// What every packet of an inbound SA needs, and no more: the hot half of the record. Owned by SaRecord. One thread.
#pragma once
#include "ipsec/lifetime.h"
#include "ipsec/replay_window.h"

namespace sallyport::crypto {
class Aead;
class Integ;
}  // namespace sallyport::crypto

namespace sallyport::ipsec {

struct SaRecord;

struct alignas(64) SaInbound {
  SaInbound(uint32_t window, bool with_esn, UsageMeter meter) : replay(window, with_esn), usage(meter), esn(with_esn) {}

  crypto::Aead* aead = nullptr;    // ESP
  crypto::Integ* integ = nullptr;  // AH
  SaRecord* record = nullptr;
  ReplayWindow replay;
  UsageMeter usage;
  TimePoint last_packet{};  // authenticated
  model::Spi spi = 0;
  model::Protocol protocol = model::Protocol::ESP;
  model::Mode mode = model::Mode::tunnel;
  // Anything but plain tunnel mode ESP: goes through decapsulate().
  bool special = false;
  bool carries_nested = false;  // another SA names this one's reqid as its outer_reqid
  bool reassemble = false;      // inner fragments are put together before the selectors are asked
  bool implicit_iv = false;
  uint8_t iv_octets = 0;
  uint8_t icv_octets = 0;
  uint8_t block_octets = 4;  // of the cipher, at least 4
  bool esn;
  bool combined = false;  // AEAD: the whole sequence number is in front; otherwise its high half is behind
  bool udp_encap = false;
  bool clamp_mss = false;
  uint16_t failures = 0;  // ICVs in a row that did not verify
  bool dead = false;      // hard lifetime over
  bool used = false;      // FirstInbound was reported
};
static_assert(sizeof(SaInbound) <= 192);

}  // namespace sallyport::ipsec
