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

void handle_deadline(IkeSa& sa, TimePoint now);  // queues the check if it is due, else sets the clock again

}  // namespace sallyport::ike::v2::liveness
