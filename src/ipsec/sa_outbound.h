// What every packet of an outbound SA needs, and no more: the hot half of the record. Owned by SaRecord. One thread.
#pragma once
#include "ipsec/lifetime.h"

namespace sallyport::crypto {
class Aead;
}

namespace sallyport::ipsec {

struct SaRecord;

struct alignas(64) SaOutbound {
  explicit SaOutbound(UsageMeter meter) : usage(meter) {}

  crypto::Aead* aead = nullptr;
  SaRecord* record = nullptr;
  uint64_t sequence = 0;  // of the packet sent last; the first packet has 1 (RFC 4303 3.3.3)
  UsageMeter usage;
  IpEndpoint local;
  IpEndpoint remote;
  TimePoint last_packet{};
  model::Spi spi = 0;
  uint16_t inner_mtu = 0;  // largest inner packet that leaves without the outer one being fragmented
  uint8_t iv_octets = 0;
  uint8_t icv_octets = 0;
  uint8_t block_octets = 4;  // of the cipher, at least 4
  bool esn = false;
  bool combined = false;   // see SaInbound
  bool random_iv = false;  // CBC: the IV must not be predictable; the others take the sequence number
  bool udp_encap = false;
  bool dead = false;  // hard lifetime over, or out of sequence numbers
};
static_assert(sizeof(SaOutbound) <= 192);

}  // namespace sallyport::ipsec
