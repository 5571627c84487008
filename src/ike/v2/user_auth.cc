// The second authentication as its initiator. RFC 4739 2.1, 2.4, 2.5.
//
//   us                                            peer
//   HDR, SK{…, AUTH, …, N(MULTIPLE_AUTH_SUPPORTED),
//           [N(ANOTHER_AUTH_FOLLOWS)]}        ->
//                                             <-  HDR, SK{IDr, [CERT+], AUTH, [N(ANOTHER_AUTH_FOLLOWS)]}
//   HDR, SK{[IDi, CERT+, AUTH]}               ->      of our user, who was announced
//                                             <-  HDR, SK{[IDr, CERT+, AUTH], SAr2, TSi, TSr}
//                                             <-  HDR, SK{[IDr, CERT+, AUTH], N(error)}    no Child SA
//                                             <-  HDR, SK{N(AUTHENTICATION_FAILED)}        the end
#include "ike/v2/user_auth.h"

#include <algorithm>

#include "crypto/certificate.h"
#include "ike/v2/connection_choice.h"
#include "ike/v2/ike_auth.h"
#include "ike/v2/transition.h"

namespace sallyport::ike::v2::user_auth {

using namespace wire::ike2;
using wire::ike::PayloadType;

namespace {

void apply_answer(IkeSa& sa, TimePoint now, const Message& message);
void apply_error(IkeSa& sa, TimePoint now, const Message& message);

constexpr PayloadRule kAnswer[] = {{PayloadType::IDr, 0, 1}, {PayloadType::AUTH, 0, 1}, {PayloadType::CERT, 0, 8},
                                   {PayloadType::SA, 0, 1},  {PayloadType::TSi, 0, 1},  {PayloadType::TSr, 0, 1}};
constexpr PayloadRule kError[] = {{PayloadType::N, 1, 20}};
constexpr Row kRows[] = {
    {IkeState::USER_SENT, Role::initiator, kAnswer, apply_answer, IkeState::ESTABLISHED, "second IKE_AUTH answered"},
};
constexpr Row kErrorRows[] = {
    {IkeState::USER_SENT, Role::initiator, kError, apply_error, IkeState::DEAD, "second IKE_AUTH refused by the peer"},
};

void reject(IkeSa& sa, TimePoint now, std::string sentence, std::string ours = {}, std::string peers = {}) {
  ike_auth::reject_peer(sa, now,
                        failure(Errc::authentication_failed, std::move(sentence), std::move(ours), std::move(peers)));
}

void send(IkeSa& sa, TimePoint now, const std::vector<Payload>& payloads) {
  sa.transition_to(IkeState::USER_SENT, "the machines are authenticated");
  sa.send_request(now, ExchangeType::IKE_AUTH, payloads);
}

// RFC 7296 1.2: these leave the IKE SA as it is.
bool is_about_child(NotifyType type) {
  constexpr NotifyType kAboutChild[] = {NotifyType::NO_PROPOSAL_CHOSEN, NotifyType::SINGLE_PAIR_REQUIRED,
                                        NotifyType::NO_ADDITIONAL_SAS,  NotifyType::INTERNAL_ADDRESS_FAILURE,
                                        NotifyType::FAILED_CP_REQUIRED, NotifyType::TS_UNACCEPTABLE};
  return std::find(std::begin(kAboutChild), std::end(kAboutChild), type) != std::end(kAboutChild);
}

void apply_answer(IkeSa& sa, TimePoint now, const Message& message) {
  Handshake& h = handshake_of(sa);
  const std::string peer = "the peer at " + sa.remote.to_string();
  const IdPayload* id = find_id(message.payloads, false);
  const bool proves = id != nullptr && find<AuthPayload>(message.payloads) != nullptr;
  if (find_notify(message.payloads, NotifyType::ANOTHER_AUTH_FOLLOWS))
    return reject(sa, now, peer + " announces one more authentication behind that of its user");
  if (!h.peer_user_follows) {
    if (!proves) return ike_auth::succeed(sa, now, message.payloads);
    return reject(sa, now, peer + " proves a user that it has not announced");
  }
  if (!proves)
    return ike_auth::give_up(sa, now, failure(Errc::missing_payload, peer + " has announced a user and proves none"));
  if (std::string why = unexpected_user(sa, id->id); !why.empty())
    return reject(sa, now, std::move(why), expected_user(sa), crypto::shown(id->id));
  auto octets = auth_octets(sa.chosen.prf, h.init_response, h.nonce_i, sa.keys.sk_pr.view(), *id);
  if (!octets) return ike_auth::give_up(sa, now, failure(octets.error().code, "the library refuses the agreed prf"));
  verify_auth(sa, now, Round::user, message.payloads, id->id, std::move(*octets),
              [user = id->id, payloads = message.payloads](IkeSa& again, TimePoint at, const std::string& why) {
                if (!why.empty())
                  return reject(again, at,
                                "authentication failed: the peer's user " + crypto::shown(user) +
                                    " could not be authenticated: " + why,
                                {}, crypto::shown(user));
                if (const auto refused = ike_auth::refused_by_policy(again, Round::user, user))
                  return reject(again, at, *refused, {}, crypto::shown(user));
                again.remote_user = user;
                ike_auth::succeed(again, at, payloads);
              });
}

void apply_error(IkeSa& sa, TimePoint now, const Message& message) {
  const NotifyPayload* error = error_notify(message.payloads);
  const std::string peer = "the peer at " + sa.remote.to_string(),
                    own = sa.local_user ? crypto::shown(*sa.local_user) : "";
  AttemptFailed event;
  if (error && error->type == NotifyType::AUTHENTICATION_FAILED) {
    event = failure(Errc::authentication_failed,
                    "authentication failed: " + peer + " accepts our machine, but did not accept " +
                        (own.empty() ? "it without a user" : "our user " + own + " or our proof of it"),
                    own);
  } else {
    event = failure(Errc::state, peer + " refused the authentication of users with " +
                                     std::string(error ? to_string(error->type) : "an empty answer"));
  }
  event.by_peer = true;
  ike_auth::give_up(sa, now, std::move(event));
}

bool same(const std::optional<model::Identity>& a, const std::optional<model::Identity>& b) {
  return a && b ? model::same_identity(*a, *b) : !a && !b;
}

// Who it is, or is going to be.
std::optional<std::string> own_user_of(const IkeSa& sa) {
  const bool proves = sa.own_user && (sa.local_user || !sa.authenticated());
  return proves ? std::optional(sa.own_user->credential) : std::nullopt;
}

}  // namespace

AttemptFailed failure(Errc code, std::string sentence, std::string ours, std::string peers) {
  AttemptFailed event = ike_auth::failure(code, std::move(sentence), std::move(ours), std::move(peers));
  event.of_user = true;
  return event;
}

bool same_users(const IkeSa& a, const IkeSa& b) {
  const bool known = a.authenticated() && b.authenticated();
  return own_user_of(a) == own_user_of(b) && (!known || same(a.remote_user, b.remote_user));
}

void announce(const Handshake& h, bool initiator, std::vector<Payload>& payloads) {
  if (!h.multiple_auth) return;
  if (initiator) payloads.push_back(NotifyPayload{0, {}, NotifyType::MULTIPLE_AUTH_SUPPORTED, {}});
  if (h.own_user_follows) payloads.push_back(NotifyPayload{0, {}, NotifyType::ANOTHER_AUTH_FOLLOWS, {}});
}

std::optional<AttemptFailed> peer_cannot(const IkeSa& sa) {
  const model::ConnectionPolicy& c = *sa.connection();
  if (!c.remote_user || !c.remote_user->required || static_cast<const Handshake&>(*sa.handshake).multiple_auth)
    return std::nullopt;
  return failure(Errc::authentication_failed,
                 "the connection demands a user beside the machine, and the peer at " + sa.remote.to_string() +
                     " takes no second authentication (MULTIPLE_AUTH_SUPPORTED)",
                 expected_user(sa));
}

std::optional<AttemptFailed> unfit_announcement(const IkeSa& sa) {
  const auto& h = static_cast<const Handshake&>(*sa.handshake);
  const auto& wanted = sa.connection()->remote_user;
  const std::string peer = "the peer at " + sa.remote.to_string();
  const auto unfit = [&](const std::string& sentence, std::string ours) {
    return failure(Errc::authentication_failed, sentence, std::move(ours));
  };
  if (h.peer_user_follows && !h.multiple_auth)
    return unfit(peer + " announces a second authentication that it was not offered", "no user");
  if (h.peer_user_follows && !wanted)
    return unfit(peer + " would prove a user beside its machine, and the connection takes none", "no user");
  if (!h.peer_user_follows && wanted && wanted->required)
    return unfit("the connection demands a user beside the machine, and " + peer + " proves none", expected_user(sa));
  return std::nullopt;
}

void start(IkeSa& sa, TimePoint now, const std::vector<Payload>& answer) {
  Handshake& h = handshake_of(sa);
  if (find<SaPayload>(answer) || find_ts(answer, true) || find_ts(answer, false))
    return reject(
        sa, now,
        "the peer at " + sa.remote.to_string() + " answers about the Child SA before the users are authenticated");
  if (!h.own_user_follows) return send(sa, now, {});
  auto id = own_identity(sa);
  if (!id) return ike_auth::give_up(sa, now, failure(Errc::bad_config, "the identity of our user cannot be encoded"));
  sa.local_user = *id;
  const IdPayload own{true, std::move(*id)};
  auto octets = auth_octets(sa.chosen.prf, h.init_request, h.nonce_r, sa.own_sk_p(), own);
  if (!octets) return ike_auth::give_up(sa, now, failure(octets.error().code, "the library refuses the agreed prf"));
  make_auth(sa, now, Round::user, std::move(*octets), [own](IkeSa& again, TimePoint at, OwnAuth made) {
    if (!made.ok)
      return ike_auth::give_up(
          again, at,
          failure(Errc::bad_key, "our user " + crypto::shown(own.id) + " cannot be authenticated: " + made.why));
    std::vector<Payload> payloads{own};
    add_certificates(again, Round::user, payloads);
    payloads.push_back(std::move(made.auth));
    send(again, at, payloads);
  });
}

void handle_response(IkeSa& sa, TimePoint now, const Message& message) {
  const NotifyPayload* error = error_notify(message.payloads);
  const bool proves = find<AuthPayload>(message.payloads) != nullptr;
  const bool refused = !proves && error && (handshake_of(sa).peer_user_follows || !is_about_child(error->type));
  const auto taken = take_row(refused ? kErrorRows : kRows, Role::initiator, sa, now, message);
  if (taken) return;
  ike_auth::give_up(sa, now,
                    failure(taken.error().code, "the peer's answer to the authentication of users is not usable: " +
                                                    std::string(describe(taken.error().code))));
}

Result<model::Identity> own_identity(const IkeSa& sa) {
  const model::LocalUser& user = *sa.own_user;
  if (!user.id.value.empty()) return wire_identity(user.id);
  const model::Credential* credential = sa.policy->credential(user.credential);
  if (credential == nullptr || credential->chain.empty()) return fail(Errc::bad_certificate);
  // RFC 4945 3.1: the identity that a certificate can prove is its subject.
  SP_TRY(const crypto::CertificateView leaf, crypto::read_certificate(credential->chain.front()));
  return model::Identity{model::IdType::ID_DER_ASN1_DN, to_bytes(leaf.subject_der), false};
}

std::string expected_user(const IkeSa& sa) {
  const auto& wanted = sa.connection()->remote_user;
  if (!wanted) return "no user";
  return wanted->id ? "user " + crypto::shown(*wanted->id) : "a user";
}

std::string unexpected_user(const IkeSa& sa, const model::Identity& user) {
  const auto& wanted = sa.connection()->remote_user;
  if (!wanted) return "the connection takes no user any more";
  if (!wanted->id || identity_fits(*wanted->id, user)) return {};
  return "the peer at " + sa.remote.to_string() + " says its user is " + crypto::shown(user) + ", expected " +
         crypto::shown(*wanted->id);
}

}  // namespace sallyport::ike::v2::user_auth
