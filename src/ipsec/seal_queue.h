// ESP packets that are laid out in the outputs and wait to be sealed together: for ciphers whose provider works on
// several packets at once (crypto::Aead::batches()). One thread: the shard's.
#pragma once
#include <array>

#include "crypto/aead.h"
#include "ipsec/esp_encap.h"

namespace sallyport::ipsec {

class SealQueue {
 public:
  // Appends the packet with number sa.sequence to the last slot of `out`, its text still in clear. Everything that
  // waits is sealed first where it is another SA's, or too much. Requires: the slot has room for esp_octets(); flush()
  // before anybody looks at the outputs.
  void add(Sad& sad, const SaOutbound& sa, const EspPayload& payload, Outputs& out, DropCounters& drops);
  // Seals what waits. A slot with a packet that was refused is emptied, for it holds clear text: Drop::seal_refused.
  void flush(Outputs& out, DropCounters& drops);

 private:
  static constexpr size_t kMost = 64;
  struct Place {
    size_t slot = 0;
    uint8_t high[4] = {};  // of an extended sequence number
  };

  crypto::Aead* aead_ = nullptr;
  size_t used_ = 0;
  std::array<crypto::Aead::Job, kMost> jobs_;
  std::array<Place, kMost> places_;
};

}  // namespace sallyport::ipsec
