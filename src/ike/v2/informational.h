// The INFORMATIONAL exchange: deletion, liveness, error notifies. RFC 7296 1.4, 2.4, 2.21. Pure; one thread.
#pragma once
#include "ike/v2/ike_sa.h"

namespace sallyport::ike::v2::informational {

void start(IkeSa& sa, TimePoint now);  // the active task is delete_ike, delete_child, liveness or report
void handle_response(IkeSa& sa, TimePoint now, const wire::ike2::Message& message);
void handle_request(IkeSa& sa, TimePoint now, const wire::ike2::Message& message);

}  // namespace sallyport::ike::v2::informational
