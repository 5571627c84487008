// See endpoint_octets.h.
#include "runtime/endpoint_octets.h"

namespace sallyport::runtime {

void put_endpoint(Writer& out, const IpEndpoint& end) {
  const ByteView address = end.addr.bytes();
  out.u8(static_cast<uint8_t>(address.size()));
  out.bytes(address);
  out.zeros(16 - address.size());
  out.u16(end.port);
}

Result<IpEndpoint> take_endpoint(Reader& in) {
  SP_TRY(const uint8_t octets, in.u8());
  SP_TRY(const ByteView room, in.view(16));
  if (octets != 4 && octets != 16) return fail(Errc::bad_length);
  const auto address = IpAddr::from_bytes(room.first(octets));
  if (!address) return fail(Errc::bad_value);
  SP_TRY(const uint16_t port, in.u16());
  return IpEndpoint{*address, port};
}

}  // namespace sallyport::runtime
