// Telling IKE, ESP and keepalives apart.
#include "wire/esp_ah/udp_encap.h"

namespace sallyport::wire {

EncapKind classify_encap(ByteView payload) {
  if (payload.size() == 1 && payload[0] == 0xFF) return EncapKind::keepalive;
  if (payload.size() < 8) return EncapKind::runt;
  return load_be32(payload.data()) == 0 ? EncapKind::ike : EncapKind::esp;
}

}  // namespace sallyport::wire
