// The IKE_AUTH exchange, both roles, with the first Child SA. RFC 7296 1.2, 2.15, 2.21.2. Pure; one thread.
#pragma once
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
std::optional<std::string> refused_by_policy(const IkeSa& sa, const model::Identity& peer);
void fail_quietly_with(IkeSa& sa, TimePoint now, AttemptFailed event, bool keep_reply);

}  // namespace sallyport::ike::v2::ike_auth
