// Which exchange file a task or an opened message belongs to. RFC 7296 1.2 to 1.5; robustness S1, S2.
#include "ike/v2/create_child_sa.h"
#include "ike/v2/ike_auth.h"
#include "ike/v2/ike_sa_init.h"
#include "ike/v2/informational.h"

namespace sallyport::ike::v2 {

using namespace wire::ike2;

void start_exchange(IkeSa& sa, TimePoint now) {
  switch (sa.active()->kind) {
    case Task::Kind::ike_sa_init: return ike_sa_init::start(sa, now);
    case Task::Kind::ike_auth: return ike_auth::start(sa, now);
    case Task::Kind::create_child:
    case Task::Kind::rekey_child:
    case Task::Kind::rekey_ike: return create_child_sa::start(sa, now);
    case Task::Kind::delete_child:
    case Task::Kind::delete_ike:
    case Task::Kind::liveness:
    case Task::Kind::report: return informational::start(sa, now);
  }
}

void handle_response(IkeSa& sa, TimePoint now, const Message& message) {
  if (!sa.active()) return;
  switch (sa.active()->kind) {
    case Task::Kind::ike_sa_init: return;  // comes in clear, another way
    case Task::Kind::ike_auth: return ike_auth::handle_response(sa, now, message);
    case Task::Kind::create_child:
    case Task::Kind::rekey_child:
    case Task::Kind::rekey_ike: return create_child_sa::handle_response(sa, now, message);
    case Task::Kind::delete_child:
    case Task::Kind::delete_ike:
    case Task::Kind::liveness:
    case Task::Kind::report: return informational::handle_response(sa, now, message);
  }
}

void handle_request(IkeSa& sa, TimePoint now, const Message& message) {
  const ExchangeType exchange = message.header.exchange;
  const bool may_authenticate = sa.state() == IkeState::INIT_DONE || sa.state() == IkeState::USER_AWAITED;
  if (exchange == ExchangeType::IKE_AUTH && may_authenticate && !sa.original_initiator) {
    return ike_auth::handle_request(sa, now, message);
  }
  if (!sa.authenticated()) {
    // S2: nothing else before authentication, and whoever tries has lost this IKE SA.
    sa.host.count_row("request refused before authentication");
    sa.respond_error(now, exchange, NotifyType::INVALID_SYNTAX);
    sa.close_quietly(now);
    return;
  }
  switch (exchange) {
    case ExchangeType::CREATE_CHILD_SA: return create_child_sa::handle_request(sa, now, message);
    case ExchangeType::INFORMATIONAL: return informational::handle_request(sa, now, message);
    case ExchangeType::IKE_SA_INIT:
    case ExchangeType::IKE_AUTH: break;
  }
  sa.respond_error(now, exchange, NotifyType::INVALID_SYNTAX);
}

}  // namespace sallyport::ike::v2
