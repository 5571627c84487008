// Both ends initiate at the same time, and two IKE SAs stand where one was wanted. The standard allows that and settles
// nothing (RFC 7296 2.8 speaks of rekeying only); two IKE SAs would be kept alive and rekeyed for ever. Both ends know
// both pairs of SPIs, so both choose the same one to keep; who initiated the other one deletes it. Pure; one thread.
#pragma once
#include "ike/v2/ike_sa.h"

namespace sallyport::ike::v2::simultaneous_init {

// IKE_AUTH has just established this IKE SA, and its first Child SA stands. The redundant one of a pair is deleted
// where it is ours; Child SAs that only it has are asked for on the other.
void settle(IkeSa& sa, TimePoint now);

// Of an IKE SA that is gone: the one of the same peers that stands beside it; nullptr: none does.
IkeSa* survivor_of(const IkeSa& gone);

}  // namespace sallyport::ike::v2::simultaneous_init
