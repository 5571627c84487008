// The IKE_SA_INIT exchange, both roles. RFC 7296 1.2, 2.6, 2.7, 2.10, 2.14, 2.23; RFC 7383 2.3; RFC 7427 4.
// Nothing in it is authenticated until IKE_AUTH signs it. Pure; one thread.
#pragma once
#include "ike/v2/handshake.h"

namespace sallyport::ike::v2::ike_sa_init {

// Initiator.
void start(IkeSa& sa, TimePoint now);
void handle_response(IkeSa& sa, TimePoint now, ByteView datagram, const wire::ike2::Message& message);
// RFC 7296 2.21.1: what was refused without proof is given up only when no better answer came meanwhile. Called when it
// is time to retransmit; true: the attempt is over.
bool end_refused(IkeSa& sa, TimePoint now);

// Responder: a first message that has passed limits and cookie. Without a common proposal or with the wrong group only
// a clear answer is made and nothing stays; otherwise the new IKE SA, whose answer follows when its key exchange is
// done.
std::unique_ptr<IkeSa> respond(Host& host, TimePoint now, const Datagram& in, const wire::ike2::Message& message);
// The half-open IKE SA that respond() made has been entered: its key exchange may start.
void begin(IkeSa& sa, TimePoint now);

// Shared by both roles.
Bytes signature_hashes();  // content of our SIGNATURE_HASH_ALGORITHMS
void read_signature_hashes(const std::vector<wire::ike2::Payload>& payloads, std::vector<uint16_t>& out);
Result<> derive_and_install(IkeSa& sa, const model::ChosenIke& chosen, ByteView shared);
Bytes group_octets(model::GroupId group);  // content of INVALID_KE_PAYLOAD

// A clear answer that leaves no state behind.
Bytes clear_answer(const wire::ike::IkeHeader& request, wire::ike2::NotifyType type, Bytes content);

}  // namespace sallyport::ike::v2::ike_sa_init
