// Certificates out of their DER, for the .cc files of this room. Reading one costs OpenSSL 3 three times a signature
// check, and the same ones come again and again: our anchors with every peer, a peer's own with each of its
// connections, and one of them several times in one verification. So each thread remembers the last few it has read.
// What it remembers are octets and what they mean, never whether they were believed.
#pragma once
#include "base/bytes.h"
#include "crypto/openssl_ptr.h"

namespace sallyport::crypto {

// Null where the octets are no certificate, hold more than one, or are longer than kMaxCertificateOctets. Shared with
// later callers of the same thread: to be read, not changed.
X509Ptr decoded_certificate(ByteView der);

}  // namespace sallyport::crypto
