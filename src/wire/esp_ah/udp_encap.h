// What a UDP payload on the NAT traversal port is. RFC 3948 2. Pure; any thread.
#pragma once
#include "base/bytes.h"

namespace sallyport::wire {

inline constexpr size_t kNonEspMarkerOctets = 4;

enum class EncapKind : uint8_t {
  keepalive,  // one octet 0xFF (RFC 3948 2.3)
  ike,        // four zero octets, then an IKE message (RFC 3948 2.2)
  esp,        // an SPI that is not zero, then the rest of the ESP packet (RFC 3948 2.1)
  runt,       // too short for any of them (D1)
};

EncapKind classify_encap(ByteView payload);

}  // namespace sallyport::wire
