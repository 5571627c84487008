// The CREATE_CHILD_SA exchange, both roles: a new Child SA, the rekeying of a Child SA (rekey.h) and of the IKE SA.
// RFC 7296 1.3, 2.8, 2.17, 2.18, 2.25. Messages are opened and parsed. Pure; one thread.
#pragma once
#include "ike/v2/ike_sa.h"

namespace sallyport::ike::v2::create_child_sa {

void start(IkeSa& sa, TimePoint now);  // the active task is create_child, rekey_child or rekey_ike
void handle_response(IkeSa& sa, TimePoint now, const wire::ike2::Message& message);
void handle_request(IkeSa& sa, TimePoint now, const wire::ike2::Message& message);

}  // namespace sallyport::ike::v2::create_child_sa
