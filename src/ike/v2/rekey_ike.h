// Rekeying of the IKE SA within the CREATE_CHILD_SA exchange, both roles. RFC 7296 1.3.2, 2.8.2, 2.18, 2.25.2.
// Called by create_child_sa.cc only. Pure; one thread.
#pragma once
#include "ike/v2/rekey_collision.h"

namespace sallyport::ike::v2 {

namespace create_child_sa {
// Our request is ready but for KE: makes a key pair if own.group wants one, sends, waits for handle_response().
void send(IkeSa& sa, TimePoint now, OwnExchange& own);
// The active task is over without success. Puts it back for later after TEMPORARY_FAILURE (retry), else reports.
void fail_own(IkeSa& sa, TimePoint now, OwnExchange& own, ChildRefusal why, bool retry = false);
Bytes fresh_nonce(IkeSa& sa);
void refuse(IkeSa& sa, TimePoint now, wire::ike2::NotifyType type, Bytes content = {});
void refuse_group(IkeSa& sa, TimePoint now, model::GroupId wanted);
}  // namespace create_child_sa

namespace rekey_ike {
void start(IkeSa& sa, TimePoint now, OwnExchange& own);
// The answer holds no error notify.
void handle_answer(IkeSa& sa, TimePoint now, OwnExchange& own, const wire::ike2::Message& message);
void handle_request(IkeSa& sa, TimePoint now, const wire::ike2::Message& message);
}  // namespace rekey_ike

}  // namespace sallyport::ike::v2
