// The second authentication as its responder. RFC 4739 2.1, 2.4, 2.5.
//
//   peer                                          us
//   HDR, SK{[IDi, CERT+, AUTH]}               ->      of its user, who was announced
//                                             <-  HDR, SK{[IDr, CERT+, AUTH], SAr2, TSi, TSr}
//                                             <-  HDR, SK{[IDr, CERT+, AUTH], N(error)}    no Child SA
//                                             <-  HDR, SK{N(AUTHENTICATION_FAILED)}        the end
#include "crypto/certificate.h"
#include "ike/v2/ike_auth.h"
#include "ike/v2/transition.h"
#include "ike/v2/user_auth.h"

namespace sallyport::ike::v2::user_auth {

using namespace wire::ike2;
using wire::ike::PayloadType;

namespace {

void apply_request(IkeSa& sa, TimePoint now, const Message& message);

// What the Child SA is to be was said in the first request.
constexpr PayloadRule kRequest[] = {{PayloadType::IDi, 0, 1}, {PayloadType::AUTH, 0, 1}, {PayloadType::CERT, 0, 8},
                                    {PayloadType::SA, 0, 0},  {PayloadType::TSi, 0, 0},  {PayloadType::TSr, 0, 0}};
constexpr Row kRows[] = {
    {IkeState::USER_AWAITED, Role::responder, kRequest, apply_request, IkeState::ESTABLISHED,
     "second IKE_AUTH received"},
};

void refuse(IkeSa& sa, TimePoint now, std::string sentence, std::string ours = {}, std::string peers = {}) {
  sa.host.authentication_failed(now, sa.remote);
  ike_auth::refuse_authentication(
      sa, now, failure(Errc::authentication_failed, std::move(sentence), std::move(ours), std::move(peers)));
}

// Not the peer's fault.
void fail_here(IkeSa& sa, TimePoint now, Errc code, std::string sentence) {
  ike_auth::refuse_authentication(sa, now, failure(code, std::move(sentence)));
}

// The peer has proved what it announced. Our own user, if one follows, and the end.
void peer_verified(IkeSa& sa, TimePoint now) {
  Handshake& h = handshake_of(sa);
  if (!h.own_user_follows) return ike_auth::finish(sa, now, {});
  auto id = own_identity(sa);
  if (!id) return fail_here(sa, now, Errc::bad_config, "the identity of our user cannot be encoded");
  sa.local_user = *id;
  const IdPayload own{false, std::move(*id)};
  auto octets = auth_octets(sa.chosen.prf, h.init_response, h.nonce_i, sa.own_sk_p(), own);
  if (!octets) return fail_here(sa, now, octets.error().code, "the library refuses the agreed prf");
  make_auth(sa, now, Round::user, std::move(*octets), [own](IkeSa& again, TimePoint at, OwnAuth made) {
    if (!made.ok)
      return fail_here(again, at, Errc::bad_key,
                       "our user " + crypto::shown(own.id) + " cannot be authenticated: " + made.why);
    std::vector<Payload> answer{own};
    add_certificates(again, Round::user, answer);
    answer.push_back(std::move(made.auth));
    ike_auth::finish(again, at, std::move(answer));
  });
}

void user_verified(IkeSa& sa, TimePoint now, const model::Identity& user) {
  if (auto refused = ike_auth::refused_by_policy(sa, Round::user, user))
    return ike_auth::refuse_authentication(
        sa, now, failure(Errc::authentication_failed, std::move(*refused), {}, crypto::shown(user)));
  sa.remote_user = user;
  peer_verified(sa, now);
}

void apply_request(IkeSa& sa, TimePoint now, const Message& message) {
  Handshake& h = handshake_of(sa);
  sa.transition_to(IkeState::AUTH_CHECKING, "second IKE_AUTH received");
  const std::string peer = "the peer at " + sa.remote.to_string();
  const IdPayload* id = find_id(message.payloads, true);
  const bool has_auth = find<AuthPayload>(message.payloads) != nullptr;
  if (find_notify(message.payloads, NotifyType::ANOTHER_AUTH_FOLLOWS))
    return refuse(sa, now, peer + " announces one more authentication behind that of its user");
  if (!h.peer_user_follows) {
    if (id == nullptr && !has_auth) return peer_verified(sa, now);
    return refuse(sa, now, peer + " proves a user that it has not announced");
  }
  if (id == nullptr || !has_auth) return refuse(sa, now, peer + " has announced a user and proves none");
  if (std::string why = unexpected_user(sa, id->id); !why.empty())
    return refuse(sa, now, std::move(why), expected_user(sa), crypto::shown(id->id));
  auto octets = auth_octets(sa.chosen.prf, h.init_request, h.nonce_r, sa.keys.sk_pi.view(), *id);
  if (!octets) return fail_here(sa, now, octets.error().code, "the library refuses the agreed prf");
  verify_auth(
      sa, now, Round::user, message.payloads, id->id, std::move(*octets),
      [user = id->id](IkeSa& again, TimePoint at, const std::string& why) {
        if (why.empty()) return user_verified(again, at, user);
        refuse(again, at,
               "authentication failed: the peer's user " + crypto::shown(user) + " could not be authenticated: " + why,
               {}, crypto::shown(user));
      });
}

}  // namespace

Result<> take_request(IkeSa& sa, TimePoint now, const Message& message) {
  return take_row(kRows, Role::responder, sa, now, message);
}

}  // namespace sallyport::ike::v2::user_auth
