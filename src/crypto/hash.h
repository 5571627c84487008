// Plain digests. SHA-1 only where the standard demands it (NAT detection RFC 7296 2.23, CERTREQ 3.7). Any thread.
#pragma once
#include "base/bytes.h"
#include "model/algorithms.h"

namespace sallyport::crypto {

Bytes sha1(ByteView data);
Bytes sha256(ByteView data);
// HMAC-SHA2-256 under a secret of ours: cookies (RFC 7296 2.6). Empty when the library refuses.
Bytes keyed_hash(ByteView key, std::initializer_list<ByteView> data);

}  // namespace sallyport::crypto
