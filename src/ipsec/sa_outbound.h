// What every packet of an outbound SA needs, and no more: the hot half of the record. Owned by SaRecord. One thread.
#pragma once
#include "ipsec/lifetime.h"

namespace sallyport::crypto {
class Aead;
class Integ;
}  // namespace sallyport::crypto

namespace sallyport::ipsec {

struct SaRecord;

struct alignas(64) SaOutbound {
  explicit SaOutbound(UsageMeter meter) : usage(meter) {}

  crypto::Aead* aead = nullptr;    // ESP
  crypto::Integ* integ = nullptr;  // AH
  SaRecord* record = nullptr;
  uint64_t sequence = 0;  // of the packet sent last; the first packet has 1 (RFC 4303 3.3.3)
  UsageMeter usage;
  IpEndpoint local;
  IpEndpoint remote;
  TimePoint last_packet{};
  model::Spi spi = 0;
  uint16_t path_mtu = 0;     // of the path between local and remote
  uint16_t inner_mtu = 0;    // largest inner packet that leaves without the outer one being fragmented
  uint16_t tfc_octets = 0;   // model::PacketShape
  uint32_t outer_reqid = 0;  // model::SaSpec
  model::Protocol protocol = model::Protocol::ESP;
  model::Mode mode = model::Mode::tunnel;
  // Anything but plain tunnel mode ESP: goes through encapsulate(), but for what plain_transport says.
  bool special = false;
  // Transport mode ESP and nothing else that is special: in UDP, a packet that has an IP header and none behind it is
  // sealed where it stands.
  bool plain_transport = false;
  uint8_t tos_keep = 0xFF;  // outer TOS = inner & tos_keep | tos_set
  uint8_t tos_set = 0;
  model::PacketShape::Df df = model::PacketShape::Df::copy;
  bool fragment_after = false;
  bool clamp_mss = false;
  uint8_t iv_octets = 0;
  uint8_t icv_octets = 0;
  uint8_t block_octets = 4;  // of the cipher, at least 4
  bool esn = false;
  bool combined = false;   // see SaInbound
  bool random_iv = false;  // CBC: the IV must not be predictable; the others take the sequence number
  bool udp_encap = false;
  bool native_too = false;  // model::SaSpec
  bool implicit_iv = false;
  bool dead = false;     // hard lifetime over, or out of sequence numbers
  bool batched = false;  // plain packets that come together are sealed together
};
static_assert(sizeof(SaOutbound) <= 192);

inline void prefetch(const SaOutbound& sa) {
  for (size_t line = 0; line < sizeof sa; line += 64) __builtin_prefetch(reinterpret_cast<const uint8_t*>(&sa) + line);
}

}  // namespace sallyport::ipsec
