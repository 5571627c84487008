// Liveness checks: an empty INFORMATIONAL when nothing authenticated came in for dpd_delay. RFC 7296 2.4. Pure.
#pragma once
#include "ike/v2/ike_sa.h"

namespace sallyport::ike::v2::liveness {

void rearm(IkeSa& sa, TimePoint now);  // sets the clock from the last proof of life
// RFC 7296 2.21.4: somebody, perhaps the peer, says that it does not know an SPI of ours. Such a message may be forged:
// it changes no state, it only has us ask at once, and soon again, whether the peer still has this IKE SA; at most once
// per kHintInterval.
void hint(IkeSa& sa, TimePoint now);
constexpr Duration kHintInterval = seconds(10);
// INVALID_IKE_SPI in answer to the request that is out, with its SPIs and message ID. Whoever sends it has seen that
// request, so it weighs more than a hint: the request is sent a few times more within seconds, and if the true peer
// does not answer any of them it is given up. As with a hint, an IKE SA whose peer lives stays.
void denied(IkeSa& sa, TimePoint now);

void handle_deadline(IkeSa& sa, TimePoint now);  // queues the check if it is due, else sets the clock again

}  // namespace sallyport::ike::v2::liveness
