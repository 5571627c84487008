// The IKE_AUTH exchange, both roles, with the first Child SA. RFC 7296 1.2, 2.15, 2.21.2. Pure; one thread.
#pragma once
#include "ike/v2/auth_octets.h"
#include "ike/v2/handshake.h"

namespace sallyport::ike::v2::ike_auth {

void start(IkeSa& sa, TimePoint now);
void handle_response(IkeSa& sa, TimePoint now, const wire::ike2::Message& message);
void handle_request(IkeSa& sa, TimePoint now, const wire::ike2::Message& message);

// As it goes on the wire. A connection without an identity of ours speaks for the address that the peer talks to.
Result<model::Identity> own_identity(const IkeSa& sa);
// Shared by both roles: the IKE SA is up; tells the world.
void announce(IkeSa& sa, TimePoint now);
// RFC 7296 2.4: the peer said (and proved) that it has no other IKE SA with us: what we still have is dead.
void replace_older(IkeSa& sa, TimePoint now);
// The sentence why this peer, who has proved its identity, may not have an IKE SA; nothing: it may.
std::optional<std::string> refused_by_policy(const IkeSa& sa, Round round, const model::Identity& peer);
void fail_quietly_with(IkeSa& sa, TimePoint now, AttemptFailed event, bool keep_reply);

// As initiator: no IKE SA comes of it.
void give_up(IkeSa& sa, TimePoint now, AttemptFailed event);
// The same, and the responder, which may hold the IKE SA for established, is told once (RFC 7296 2.21.2).
void reject_peer(IkeSa& sa, TimePoint now, AttemptFailed event);
// As initiator: all have proved who they are; `payloads` hold the answer about the Child SA.
void succeed(IkeSa& sa, TimePoint now, const std::vector<wire::ike2::Payload>& payloads);

// As responder: AUTHENTICATION_FAILED, and no IKE SA.
void refuse_authentication(IkeSa& sa, TimePoint now, AttemptFailed event);
// As responder: all have proved who they are. The answer about the Child SA is added to `answer` and sent.
void finish(IkeSa& sa, TimePoint now, std::vector<wire::ike2::Payload> answer);

// Why it failed, in the words of AttemptFailed.
AttemptFailed failure(Errc code, std::string sentence, std::string ours = {}, std::string peers = {});

}  // namespace sallyport::ike::v2::ike_auth
