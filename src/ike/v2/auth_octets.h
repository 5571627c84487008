// The AUTH payload of both sides: what is signed, how ours is made, how the peer's is verified. RFC 7296 2.15, RFC
// 7427. Secrets and private keys are elsewhere: every step is a Request. Pure; one thread.
#pragma once
#include <functional>

#include "ike/v2/handshake.h"

namespace sallyport::ike::v2 {

// {message | nonce of the other side | prf(SK_p, ID payload without its generic header)}
Result<Bytes> auth_octets(model::PrfId prf, ByteView message, ByteView nonce, ByteView sk_p,
                          const wire::ike2::IdPayload& id);

// Of whom IKE_AUTH speaks: of the machine first, of its user then (RFC 4739).
enum class Round : uint8_t { machine, user };

struct OwnAuth {
  bool ok = false;
  std::string why;
  wire::ike2::AuthPayload auth;
};
// Ours, by the connection's local_auth or our user's certificate. RFC 7427 4: a digital signature where the peer sent
// its hash algorithms.
void make_auth(IkeSa& sa, TimePoint now, Round round, Bytes octets,
               std::function<void(IkeSa&, TimePoint, OwnAuth)> then);

// The peer's, by the connection's remote_auth or remote_user. `why` is empty when it verifies.
void verify_auth(IkeSa& sa, TimePoint now, Round round, const std::vector<wire::ike2::Payload>& payloads,
                 const model::Identity& peer, Bytes octets,
                 std::function<void(IkeSa&, TimePoint, std::string why)> then);

// Both at once where both are by pre-shared key, so that the key process is asked once; ours is made only when the
// peer's verifies. `why` is empty when it does.
bool both_by_psk(const IkeSa& sa);
void verify_and_make_psk(IkeSa& sa, TimePoint now, const std::vector<wire::ike2::Payload>& payloads, Bytes peer_octets,
                         Bytes own_octets, std::function<void(IkeSa&, TimePoint, std::string why, OwnAuth)> then);

bool is_signature(model::AuthMethod method);
// CERT payloads of our credential, leaf first; nothing for a PSK.
void add_certificates(const IkeSa& sa, Round round, std::vector<wire::ike2::Payload>& payloads);
// CERTREQ naming the trust anchors of remote_auth and remote_user; nothing where there is none.
void add_certificate_request(const IkeSa& sa, std::vector<wire::ike2::Payload>& payloads);

}  // namespace sallyport::ike::v2
