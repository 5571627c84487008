// Telling IKE from ESP.
#include "stack/udp_demux.h"

#include "wire/esp_ah/udp_encap.h"

namespace sallyport::stack {

Demuxed demux(ByteView datagram, bool natt) {
  if (!natt) return {Demuxed::To::ike, datagram};
  switch (wire::classify_encap(datagram)) {
    case wire::EncapKind::ike: return {Demuxed::To::ike, datagram.subspan(wire::kNonEspMarkerOctets)};
    case wire::EncapKind::esp: return {Demuxed::To::esp, datagram};
    case wire::EncapKind::keepalive: return {Demuxed::To::keepalive, {}};
    case wire::EncapKind::runt: break;
  }
  return {};
}

}  // namespace sallyport::stack
