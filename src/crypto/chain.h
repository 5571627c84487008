// Certificate chains: from a peer's leaf to one of our anchors. RFC 5280 6, RFC 4945 5. All of it by OpenSSL. Any
// thread.
#pragma once
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "model/identity.h"

namespace sallyport::crypto {

struct ChainVerdict {
  bool ok = false;
  std::string why;      // one clause for people; empty when ok
  std::string subject;  // of the leaf
};

// P9: at most 64 KiB and 8 certificates, depth 6. Validity at `now`, name constraints, path length, key usage, extended
// key usage of the leaf (RFC 4945 5.1.3.12: none, ipsecIKE or any; and, as others do, serverAuth, clientAuth and
// iKEIntermediate) and 112 bits of strength count; every issuer below the anchor must be marked as an authority. An
// anchor may be any certificate, also the leaf itself. chain: the leaf first, the others in any order.
ChainVerdict verify_chain(const std::vector<Bytes>& chain, const std::vector<Bytes>& anchors,
                          const model::Identity& expected, WallTime now);

}  // namespace sallyport::crypto
