// AUTH by shared key. RFC 7296 2.15. Any thread.
#pragma once
#include <functional>

#include "base/secret.h"
#include "model/key_request.h"

namespace sallyport::crypto {

// A credential's secret; null when there is none. It must live until run_psk() returns.
using SecretOf = std::function<const SecretBytes*(const std::string& credential)>;

// AUTH = prf( prf(secret, "Key Pad for IKEv2"), octets ), in AuthData. With a claim of the peer's, that comes first, in
// constant time: when it does not verify the answer is a Verdict that says so, and no AUTH is made. Refused: bad_key
// (no such secret), algorithm_refused (the PRF).
model::KeyReply run_psk(const model::PskAuth& work, const SecretOf& secret_of);

}  // namespace sallyport::crypto
