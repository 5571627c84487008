// INFORMATIONAL in both roles. RFC 7296 1.4, 1.4.1, 2.25.
//
//   asker                                             answerer
//   HDR, SK{}                                     ->                      alive?
//                                                 <-  HDR, SK{}           alive
//   HDR, SK{D(IKE)}                               ->
//                                                 <-  HDR, SK{}           the IKE SA is gone
//   HDR, SK{D(ESP, asker's inbound SPIs)}         ->
//                                                 <-  HDR, SK{D(ESP, answerer's inbound SPIs)}
//   HDR, SK{N(error)}                             ->
//                                                 <-  HDR, SK{}
#include "ike/v2/informational.h"

#include "ike/v2/child_sa.h"
#include "ike/v2/liveness.h"
#include "ike/v2/rekey.h"
#include "ike/v2/transition.h"

namespace sallyport::ike::v2::informational {

using namespace wire::ike2;
using wire::ike::PayloadType;

namespace {

void apply_request(IkeSa& sa, TimePoint now, const Message& message);
void apply_response(IkeSa& sa, TimePoint now, const Message& message);

constexpr PayloadRule kAny[] = {{PayloadType::N, 0, 20}, {PayloadType::D, 0, 20}};
constexpr Row kRows[] = {
    {IkeState::ESTABLISHED, Role::responder, kAny, apply_request, IkeState::ESTABLISHED, "INFORMATIONAL received"},
    {IkeState::REKEYED, Role::responder, kAny, apply_request, IkeState::REKEYED,
     "INFORMATIONAL received on a rekeyed IKE SA"},
    {IkeState::DELETING, Role::responder, kAny, apply_request, IkeState::DELETING,
     "INFORMATIONAL received while deleting"},
    {IkeState::ESTABLISHED, Role::initiator, kAny, apply_response, IkeState::ESTABLISHED, "INFORMATIONAL answered"},
    {IkeState::REKEYED, Role::initiator, kAny, apply_response, IkeState::REKEYED,
     "INFORMATIONAL answered on a rekeyed IKE SA"},
    {IkeState::DELETING, Role::initiator, kAny, apply_response, IkeState::DEAD, "Delete of the IKE SA answered"},
};

Bytes spi_octets(model::Spi spi) {
  Bytes out(4);
  store_be32(out.data(), spi);
  return out;
}

bool deletes_ike(const Message& message) {
  for (const DeletePayload* d : find_all<DeletePayload>(message.payloads)) {
    if (d->protocol == model::Protocol::IKE) return true;
  }
  return false;
}

// RFC 7296 2.21.2: in the exchange right after IKE_AUTH these too mean that there is no IKE SA. Anywhere else an error
// notify in a request changes nothing (RFC 7296 2.21.4).
const NotifyPayload* could_not_read_auth(const IkeSa& sa, const Message& message) {
  if (sa.original_initiator || message.header.message_id != sa.first_request_after_auth) return nullptr;
  if (const auto* fatal = find_notify(message.payloads, NotifyType::INVALID_SYNTAX)) return fatal;
  return find_notify(message.payloads, NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD);
}

void apply_request(IkeSa& sa, TimePoint now, const Message& message) {
  if (deletes_ike(message)) {
    // RFC 7296 1.4.1: the answer is empty; every Child SA goes with its IKE SA.
    const bool ours_too = sa.state() == IkeState::DELETING;
    const bool by_command = ours_too && sa.active() && sa.active()->by_command;
    rekey::peer_deletes_ike(sa, now);
    sa.respond(now, ExchangeType::INFORMATIONAL, {});
    sa.close(now, Errc::not_found, "deleted by the peer", by_command);
    return;
  }
  if (find_notify(message.payloads, NotifyType::AUTHENTICATION_FAILED)) {
    // RFC 7296 2.21.2: the initiator found our AUTH wrong, after we held the IKE SA for established.
    sa.respond(now, ExchangeType::INFORMATIONAL, {});
    sa.close(now, Errc::authentication_failed, "the peer could not authenticate us", true);
    return;
  }
  if (const NotifyPayload* fatal = could_not_read_auth(sa, message)) {
    sa.respond(now, ExchangeType::INFORMATIONAL, {});
    sa.close(now, Errc::bad_value, "the peer refused our IKE_AUTH answer with " + std::string(to_string(fatal->type)));
    return;
  }
  rekey::peer_uses(sa, now);
  std::vector<Payload> answer;
  for (const model::Protocol protocol : {model::Protocol::AH, model::Protocol::ESP}) {
    std::vector<model::Spi> spis;
    for (const DeletePayload* d : find_all<DeletePayload>(message.payloads)) {
      if (d->protocol == protocol) spis.insert(spis.end(), d->spis.begin(), d->spis.end());
    }
    if (spis.empty()) continue;
    std::vector<model::Spi> own = rekey::peer_deletes(sa, now, protocol, spis);
    if (!own.empty()) answer.push_back(DeletePayload{protocol, std::move(own)});
  }
  sa.respond(now, ExchangeType::INFORMATIONAL, answer);
}

void apply_response(IkeSa& sa, TimePoint now, const Message&) {
  const Task task = *sa.active();
  switch (task.kind) {
    case Task::Kind::delete_ike: sa.destroy(now, Errc::not_found, task.reason, task.by_command); return;
    case Task::Kind::delete_child:
      if (!task.spi) rekey::delete_answered(sa, now, task.child_id);
      break;
    case Task::Kind::liveness:
    case Task::Kind::report:
    case Task::Kind::ike_sa_init:
    case Task::Kind::ike_auth:
    case Task::Kind::create_child:
    case Task::Kind::rekey_child:
    case Task::Kind::rekey_ike: break;
  }
  sa.finish_task(now);
}

void send_delete_child(IkeSa& sa, TimePoint now, const Task& task) {
  model::Spi spi = task.spi.value_or(0);
  model::Protocol protocol = task.protocol;
  if (!task.spi) {
    const ChildSa* child = find_child(sa, task.child_id);
    if (!child || !rekey::begin_delete(sa, task.child_id)) {
      sa.finish_task(now);
      return;
    }
    spi = child->spi_in;
    protocol = child->chosen.protocol;
  }
  sa.send_request(now, ExchangeType::INFORMATIONAL, {DeletePayload{protocol, {spi}}});
}

}  // namespace

void start(IkeSa& sa, TimePoint now) {
  const Task task = *sa.active();
  switch (task.kind) {
    case Task::Kind::delete_ike:
      sa.transition_to(IkeState::DELETING, task.reason);
      sa.send_request(now, ExchangeType::INFORMATIONAL, {DeletePayload{model::Protocol::IKE, {}}});
      return;
    case Task::Kind::delete_child: send_delete_child(sa, now, task); return;
    case Task::Kind::report:
      sa.send_request(
          now, ExchangeType::INFORMATIONAL,
          {NotifyPayload{0, {}, static_cast<NotifyType>(task.notify), task.spi ? spi_octets(*task.spi) : Bytes{}}});
      return;
    case Task::Kind::liveness:
    case Task::Kind::ike_sa_init:
    case Task::Kind::ike_auth:
    case Task::Kind::create_child:
    case Task::Kind::rekey_child:
    case Task::Kind::rekey_ike: sa.send_request(now, ExchangeType::INFORMATIONAL, {}); return;
  }
}

void handle_response(IkeSa& sa, TimePoint now, const Message& message) {
  if (find_notify(message.payloads, NotifyType::INVALID_SYNTAX)) return sa.peer_says_invalid_syntax(now);
  if (!take_row(kRows, Role::initiator, sa, now, message)) sa.finish_task(now);
}

void handle_request(IkeSa& sa, TimePoint now, const Message& message) {
  if (!take_row(kRows, Role::responder, sa, now, message)) {
    sa.respond_error(now, ExchangeType::INFORMATIONAL, NotifyType::INVALID_SYNTAX);
  }
}

}  // namespace sallyport::ike::v2::informational
