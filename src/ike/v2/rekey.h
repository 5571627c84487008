// The end of what a rekey replaces: what the INFORMATIONAL exchange and the endpoint must tell the rekey code, so that
// no packet is lost and crossing deletes and rekeys settle. RFC 7296 1.4.1, 2.8, 2.25. Pure; one thread.
#pragma once
#include <vector>

#include "ike/v2/ike_sa.h"

namespace sallyport::ike::v2::rekey {

// How long the inbound half of a removed Child SA still opens packets that were under way.
constexpr Duration kLinger = seconds(5);

// How long the peer may take over our answer that makes a per-resource copy.
constexpr Duration kCopyRests = seconds(1);

// A copy that the peer asked for (RFC 9611) is sent by when the peer has used it, or after kCopyRests.
void switch_later(IkeSa& sa, TimePoint now, ChildSa& copy);
// Timer::switch_over.
void switch_due(IkeSa& sa, TimePoint now);
// Sets Timer::switch_over for the Child SAs that the IKE SA has now.
void arm_switch(IkeSa& sa);

// The first packet on a new inbound SA: whoever made it has switched, so do we. Emits SwitchOutbound where due.
void inbound_seen(IkeSa& sa, model::ChildId id);

// The peer's Delete for Child SAs of one protocol (its inbound SPIs). Removes them (with linger), switches successors
// over, and returns our inbound SPIs for the Delete payload of the answer. RFC 7296 2.25.1: an SA whose Delete of ours
// is out, or one that does not exist, adds nothing to the answer; with an empty result the answer holds no Delete
// payload.
std::vector<model::Spi> peer_deletes(IkeSa& sa, TimePoint now, model::Protocol protocol,
                                     const std::vector<model::Spi>& spis_out);

// The hard lifetime of a Child SA is over: it is deleted; but where it could not be rekeyed, the IKE SA is closed with
// all its Child SAs (RFC 7296 2.8), so that a new one can be made. While a rekey of ours is under way its outcome
// decides.
void child_expired(IkeSa& sa, TimePoint now, ChildSa& child);
// The attempt to rekey that Child SA is over and has failed. True: it had expired, and the IKE SA is about to be
// closed.
bool rekey_failed(IkeSa& sa, ChildSa& child);

// Marks a Child SA as being deleted by us; false when there is nothing to delete any more (the task is then over).
bool begin_delete(IkeSa& sa, model::ChildId id);
// Our Delete for it has been answered (with or without a Delete payload).
void delete_answered(IkeSa& sa, TimePoint now, model::ChildId id);

// The peer's Delete for this IKE SA, before the IKE SA is destroyed. RFC 7296 2.25.2: a rekey of ours is forgotten; the
// Child SAs go to the successor the peer made, if there is one.
void peer_deletes_ike(IkeSa& sa, TimePoint now);

// Any request of the peer other than a Delete of the IKE SA came on this IKE SA. One made by a rekey of the peer that
// collided with ours is thereby known to be the surviving one.
void peer_uses(IkeSa& sa, TimePoint now);

}  // namespace sallyport::ike::v2::rekey
