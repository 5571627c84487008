// The second authentication of IKE_AUTH: users beside the machines, by certificate. RFC 4739. The machines have proved
// who they are when it begins, and nothing is made of that before it is over. Pure; one thread.
#pragma once
#include "ike/v2/auth_octets.h"
#include "ike/v2/handshake.h"

namespace sallyport::ike::v2::user_auth {

// Identities of users count in telling IKE SAs of the same peers from each other, as whom they are for.
bool same_users(const IkeSa& a, const IkeSa& b);

// MULTIPLE_AUTH_SUPPORTED of an initiator, and ANOTHER_AUTH_FOLLOWS, as far as the handshake has them.
void announce(const Handshake& h, bool initiator, std::vector<wire::ike2::Payload>& payloads);

// As initiator, before IKE_AUTH: why a peer that takes no second authentication cannot be ours; nothing: it can.
std::optional<AttemptFailed> peer_cannot(const IkeSa& sa);
// As initiator: what is wrong with the peer's announcing a second authentication, or not; nothing: it fits.
std::optional<AttemptFailed> unfit_announcement(const IkeSa& sa);
// As initiator, when the peer's machine is authenticated. `answer`: to the first request.
void start(IkeSa& sa, TimePoint now, const std::vector<wire::ike2::Payload>& answer);
void handle_response(IkeSa& sa, TimePoint now, const wire::ike2::Message& message);

// As responder: the second request. missing_payload, unexpected_payload: as take_row().
Result<> take_request(IkeSa& sa, TimePoint now, const wire::ike2::Message& message);

// As it goes on the wire: the subject of the certificate where the configuration names no other.
Result<model::Identity> own_identity(const IkeSa& sa);
// The sentence why this is not a user that we ask for; empty: it is.
std::string unexpected_user(const IkeSa& sa, const model::Identity& user);
std::string expected_user(const IkeSa& sa);  // what we ask for, in words
AttemptFailed failure(Errc code, std::string sentence, std::string ours = {}, std::string peers = {});

}  // namespace sallyport::ike::v2::user_auth
