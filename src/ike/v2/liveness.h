// Liveness checks: an empty INFORMATIONAL when nothing authenticated came in for dpd_delay. RFC 7296 2.4. Pure.
#pragma once
#include "ike/v2/ike_sa.h"

namespace sallyport::ike::v2::liveness {

void rearm(IkeSa& sa, TimePoint now);            // sets the clock from the last proof of life
void handle_deadline(IkeSa& sa, TimePoint now);  // queues the check if it is due, else sets the clock again

}  // namespace sallyport::ike::v2::liveness
