// The Authentication Header of a packet checked. RFC 4302 3.4, RFC 4543 4. Pure; one thread.
#pragma once
#include "ipsec/sad.h"
#include "wire/esp_ah/ah.h"

namespace sallyport::ipsec {

// The header's own shape: malformed_ah when it is cut off, or its length is not the one the SA's ICV and padding make.
Verdict parse_ah_of(const SaInbound& sa, ByteView packet, size_t at, wire::AhHeader& header);

// True: authentic as that number. `at`: where the header stands behind IP header and extension headers.
bool verify_ah(const SaInbound& sa, ByteView packet, size_t at, const wire::AhHeader& header, uint64_t sequence);

}  // namespace sallyport::ipsec
