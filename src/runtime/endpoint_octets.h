// An address and a port between our processes: the address's length, 16 octets of which it takes the first, the port. A
// codec; any thread.
#pragma once
#include "base/bytes.h"
#include "base/ip_addr.h"

namespace sallyport::runtime {

void put_endpoint(Writer& out, const IpEndpoint& end);
Result<IpEndpoint> take_endpoint(Reader& in);  // truncated, bad_length, bad_value

}  // namespace sallyport::runtime
