// IKE_AUTH as its responder. RFC 7296 1.2. The initiator's AUTH is verified before our own is made.
//
//   peer                                                       us
//   HDR, SK{IDi, [CERT+], [CERTREQ], [IDr], AUTH,
//           SAi2, TSi, TSr, [N(INITIAL_CONTACT)]}          ->
//                                                          <-  HDR, SK{IDr, [CERT+], AUTH, SAr2, TSi, TSr}
//                                                          <-  HDR, SK{IDr, [CERT+], AUTH, N(error)}   no Child SA
//                                                          <-  HDR, SK{N(AUTHENTICATION_FAILED)}      the end
//
// Where users prove who they are as well, the first answer says nothing of the Child SA, and user_auth_responder.cc
// goes on (RFC 4739).
#include "crypto/certificate.h"
#include "ike/v2/auth_octets.h"
#include "ike/v2/connection_choice.h"
#include "ike/v2/ike_auth.h"
#include "ike/v2/simultaneous_init.h"
#include "ike/v2/transition.h"
#include "ike/v2/user_auth.h"

namespace sallyport::ike::v2::ike_auth {

using namespace wire::ike2;
using wire::ike::PayloadType;

namespace {

void apply_request(IkeSa& sa, TimePoint now, const Message& message);

constexpr PayloadRule kRequest[] = {{PayloadType::IDi, 1, 1},  {PayloadType::IDr, 0, 1}, {PayloadType::AUTH, 0, 1},
                                    {PayloadType::CERT, 0, 8}, {PayloadType::SA, 1, 1},  {PayloadType::TSi, 1, 1},
                                    {PayloadType::TSr, 1, 1}};
constexpr Row kRows[] = {
    {IkeState::INIT_DONE, Role::responder, kRequest, apply_request, IkeState::ESTABLISHED, "IKE_AUTH received"},
};

void refuse(IkeSa& sa, TimePoint now, NotifyType type, AttemptFailed event) {
  event.connection = std::string(sa.connection_name());
  event.initiated = false;
  sa.respond_error(now, ExchangeType::IKE_AUTH, type);
  fail_quietly_with(sa, now, std::move(event), true);
}

void refuse_machine(IkeSa& sa, TimePoint now, std::string sentence, std::string ours = {}, std::string peers = {}) {
  refuse_authentication(sa, now,
                        failure(Errc::authentication_failed, std::move(sentence), std::move(ours), std::move(peers)));
}

// The Child SA asked for. The answer's payloads; the Child SA itself once the answer is on its way.
struct FirstChild {
  std::optional<ChildAgreement> agreed;
  std::optional<model::SaSpec> spec;
  std::optional<ChildRefusal> refusal;
};

FirstChild prepare_child(IkeSa& sa, const Handshake& h, std::vector<Payload>& answer) {
  FirstChild first;
  auto agreed = choose_child(sa, h.auth_request, true);
  if (!agreed) {
    first.refusal = std::move(agreed.error());
  } else if (auto spec = make_child(sa, *agreed, ChildKeying{false, {}, h.nonce_i, h.nonce_r}); !spec) {
    first.refusal = ChildRefusal{spec.error(), "the keys of the Child SA could not be made", {}, {}};
  } else {
    first.spec = std::move(*spec);
    first.agreed = std::move(*agreed);
    add_child_answer(sa, *first.agreed, answer);
    return first;
  }
  // RFC 7296 1.2: the IKE SA is made all the same.
  answer.push_back(NotifyPayload{0, {}, notify_for(*first.refusal), {}});
  return first;
}

// Both machines have proved who they are.
void machines_verified(IkeSa& sa, TimePoint now, const IdPayload& own, AuthPayload auth) {
  Handshake& h = handshake_of(sa);
  std::vector<Payload> answer;
  answer.push_back(own);
  add_certificates(sa, Round::machine, answer);
  answer.push_back(std::move(auth));
  if (!h.own_user_follows && !h.peer_user_follows) return finish(sa, now, std::move(answer));
  user_auth::announce(h, false, answer);
  sa.transition_to(IkeState::USER_AWAITED, "the machines are authenticated");
  sa.respond(now, ExchangeType::IKE_AUTH, answer);
}

// What we say of ourselves, and what our AUTH is made of.
struct Own {
  IdPayload id;
  Bytes octets;
};

// Nothing: the IKE SA has been refused.
std::optional<Own> own_side(IkeSa& sa, TimePoint now) {
  Handshake& h = handshake_of(sa);
  auto id = own_identity(sa);
  if (!id) {
    refuse_machine(sa, now, "our identity cannot be encoded");
    return std::nullopt;
  }
  sa.local_identity = *id;
  Own own{IdPayload{false, std::move(*id)}, {}};
  auto octets = auth_octets(sa.chosen.prf, h.init_response, h.nonce_i, sa.own_sk_p(), own.id);
  if (!octets) {
    refuse_machine(sa, now, "the library refuses the agreed prf");
    return std::nullopt;
  }
  own.octets = std::move(*octets);
  return own;
}

// True: it has been told so, and that is the end.
bool refused_unauthorized(IkeSa& sa, TimePoint now) {
  auto why = refused_by_policy(sa, Round::machine, *sa.remote_identity);
  if (!why) return false;
  refuse_machine(sa, now, std::move(*why), {}, crypto::shown(*sa.remote_identity));
  return true;
}

void peer_verified(IkeSa& sa, TimePoint now) {
  if (refused_unauthorized(sa, now)) return;
  auto own = own_side(sa, now);
  if (!own) return;
  make_auth(sa, now, Round::machine, std::move(own->octets),
            [id = std::move(own->id)](IkeSa& again, TimePoint at, OwnAuth made) {
              if (!made.ok) return refuse_machine(again, at, "we cannot authenticate ourselves: " + made.why);
              machines_verified(again, at, id, std::move(made.auth));
            });
}

void refuse_peer(IkeSa& sa, TimePoint now, const std::string& from, const std::string& why) {
  sa.host.authentication_failed(now, sa.remote);
  refuse_machine(sa, now, "authentication failed: the peer " + from + " could not be authenticated: " + why);
}

void apply_request(IkeSa& sa, TimePoint now, const Message& message) {
  Handshake& h = handshake_of(sa);
  sa.transition_to(IkeState::AUTH_CHECKING, "IKE_AUTH received");
  h.auth_request = message.payloads;
  const IdPayload peer = *find_id(message.payloads, true);
  const IdPayload* asked = find_id(message.payloads, false);
  const AuthPayload* auth = find<AuthPayload>(message.payloads);
  const std::string from = crypto::shown(peer.id) + " at " + sa.remote.to_string();
  // RFC 7296 2.16: without AUTH the initiator wishes for EAP.
  if (!auth) return refuse_machine(sa, now, "the peer " + from + " wants EAP, which no connection offers");
  h.peer_user_follows = find_notify(message.payloads, NotifyType::ANOTHER_AUTH_FOLLOWS) != nullptr;
  h.multiple_auth = h.multiple_auth && find_notify(message.payloads, NotifyType::MULTIPLE_AUTH_SUPPORTED) != nullptr;
  if (h.peer_user_follows && !h.multiple_auth)
    return refuse_machine(sa, now, "the peer " + from + " announces a second authentication that it was not offered");

  PeerClaim claim{
      peer.id, {}, is_signature(auth->method) ? model::AuthPolicy::Kind::cert : model::AuthPolicy::Kind::psk};
  if (asked) claim.asked_for = asked->id;
  claim.user_follows = h.peer_user_follows;
  const ConnectionChoice choice = choose_connection(*sa.policy, h.candidates, claim, sa.chosen);
  if (!choice.index) {
    sa.host.authentication_failed(now, sa.remote);
    AttemptFailed event = failure(Errc::authentication_failed, "the peer " + from + " was refused: " + choice.why,
                                  choice.ours, crypto::shown(peer.id));
    event.of_user = choice.but_for_user.has_value();
    if (choice.but_for_user) sa.connection_index = *choice.but_for_user;
    return refuse_authentication(sa, now, std::move(event));
  }
  sa.connection_index = *choice.index;
  sa.remote_identity = peer.id;
  sa.own_user = sa.connection()->local_user;
  h.own_user_follows = h.multiple_auth && sa.own_user;
  auto octets = auth_octets(sa.chosen.prf, h.init_request, h.nonce_r, sa.keys.sk_pi.view(), peer);
  if (!octets) return refuse_machine(sa, now, "the library refuses the agreed prf");
  if (both_by_psk(sa)) {
    auto own = own_side(sa, now);
    if (!own) return;
    return verify_and_make_psk(
        sa, now, message.payloads, std::move(*octets), std::move(own->octets),
        [from, id = std::move(own->id)](IkeSa& again, TimePoint at, std::string reason, OwnAuth made) {
          if (!reason.empty()) return refuse_peer(again, at, from, reason);
          if (refused_unauthorized(again, at)) return;
          machines_verified(again, at, id, std::move(made.auth));
        });
  }
  verify_auth(sa, now, Round::machine, message.payloads, peer.id, std::move(*octets),
              [from](IkeSa& again, TimePoint at, std::string reason) {
                if (reason.empty()) return peer_verified(again, at);
                refuse_peer(again, at, from, reason);
              });
}

}  // namespace

void refuse_authentication(IkeSa& sa, TimePoint now, AttemptFailed event) {
  sa.host.count_row("IKE_AUTH refused by us");
  refuse(sa, now, NotifyType::AUTHENTICATION_FAILED, std::move(event));
}

void finish(IkeSa& sa, TimePoint now, std::vector<Payload> answer) {
  Handshake& h = handshake_of(sa);
  const bool only_one = find_notify(h.auth_request, NotifyType::INITIAL_CONTACT) != nullptr;
  FirstChild first = prepare_child(sa, h, answer);
  sa.transition_to(IkeState::ESTABLISHED, "peer authenticated");
  sa.respond(now, ExchangeType::IKE_AUTH, answer);
  if (!sa.established()) return;
  sa.first_request_after_auth = sa.window.request_in_hand_id() + 1;
  if (only_one) replace_older(sa, now);
  sa.on_established(now);
  announce(sa, now);
  if (first.spec) {
    install_child(sa, now, *first.agreed, std::move(*first.spec));
  } else {
    first.refusal->sentence = "Child SA refused: " + first.refusal->sentence;
    report_child_refused(sa, {}, std::move(*first.refusal), false);
  }
  simultaneous_init::settle(sa, now);
  sa.start_tasks(now);
}

void handle_request(IkeSa& sa, TimePoint now, const Message& message) {
  const auto taken = sa.state() == IkeState::USER_AWAITED ? user_auth::take_request(sa, now, message)
                                                          : take_row(kRows, Role::responder, sa, now, message);
  if (taken) return;
  AttemptFailed event;
  event.code = taken.error().code;
  event.of_user = sa.state() == IkeState::USER_AWAITED;
  event.sentence = "the IKE_AUTH request from " + sa.remote.to_string() +
                   " is not usable: " + std::string(describe(taken.error().code));
  refuse(sa, now, NotifyType::INVALID_SYNTAX, std::move(event));
}

}  // namespace sallyport::ike::v2::ike_auth
