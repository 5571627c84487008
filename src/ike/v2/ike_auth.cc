// IKE_AUTH as its initiator. RFC 7296 1.2.
//
//   us                                                         peer
//   HDR, SK{IDi, [CERT+], [CERTREQ], [IDr], AUTH,
//           SAi2, TSi, TSr, [N(INITIAL_CONTACT)]}          ->
//                                                          <-  HDR, SK{IDr, [CERT+], AUTH, SAr2, TSi, TSr}
//                                                          <-  HDR, SK{IDr, [CERT+], AUTH, N(error)}   no Child SA
//                                                          <-  HDR, SK{N(AUTHENTICATION_FAILED)}      the end
//
// Where users prove who they are as well, the answer holds no Child SA yet, and user_auth.cc goes on (RFC 4739).
#include "ike/v2/ike_auth.h"

#include <algorithm>

#include "crypto/certificate.h"
#include "ike/v2/auth_octets.h"
#include "ike/v2/connection_choice.h"
#include "ike/v2/resources.h"
#include "ike/v2/simultaneous_init.h"
#include "ike/v2/transition.h"
#include "ike/v2/user_auth.h"

namespace sallyport::ike::v2::ike_auth {

using namespace wire::ike2;
using wire::ike::PayloadType;

namespace {

void apply_answer(IkeSa& sa, TimePoint now, const Message& message);
void apply_error(IkeSa& sa, TimePoint now, const Message& message);

constexpr PayloadRule kAnswer[] = {{PayloadType::IDr, 1, 1}, {PayloadType::AUTH, 1, 1}, {PayloadType::CERT, 0, 8},
                                   {PayloadType::SA, 0, 1},  {PayloadType::TSi, 0, 1},  {PayloadType::TSr, 0, 1}};
constexpr PayloadRule kError[] = {{PayloadType::N, 1, 20}, {PayloadType::AUTH, 0, 0}};
constexpr Row kRows[] = {
    {IkeState::AUTH_SENT, Role::initiator, kAnswer, apply_answer, IkeState::ESTABLISHED, "IKE_AUTH answered"},
};
constexpr Row kErrorRows[] = {
    {IkeState::AUTH_SENT, Role::initiator, kError, apply_error, IkeState::DEAD, "IKE_AUTH refused by the peer"},
};

// Many peers may share a connection; the address tells them apart before the identity does.
bool same_peer(const IkeSa& a, const IkeSa& b) {
  return a.remote.addr == b.remote.addr || !b.connection()->remote_addrs.empty();
}

bool any_other_with(IkeSa& sa) {
  const auto others = sa.host.sas_of(sa.connection_name(), nullptr);
  return std::any_of(others.begin(), others.end(), [&](const IkeSa* other) {
    return other != &sa && other->authenticated() && same_peer(*other, sa) && user_auth::same_users(*other, sa);
  });
}

void send(IkeSa& sa, TimePoint now, const IdPayload& own, AuthPayload auth) {
  Handshake& h = handshake_of(sa);
  const model::ConnectionPolicy& c = *sa.connection();
  std::vector<Payload> payloads;
  payloads.push_back(own);
  add_certificates(sa, Round::machine, payloads);
  // RFC 7296 2.4: only true when we know of no other IKE SA with the peer.
  if (!any_other_with(sa)) payloads.push_back(NotifyPayload{0, {}, NotifyType::INITIAL_CONTACT, {}});
  add_certificate_request(sa, payloads);
  if (c.remote_id) {
    if (auto id = wire_identity(*c.remote_id)) payloads.push_back(IdPayload{false, std::move(*id)});
  }
  payloads.push_back(std::move(auth));
  user_auth::announce(h, true, payloads);
  for (const model::ChildPolicy& child : c.children) {
    if (h.children.empty() || child.name != h.children.front()) continue;
    auto offer = add_child_offer(sa, child, ChildWish{true, nullptr, {}}, payloads);
    if (!offer) {
      ChildRefusal& why = offer.error();
      return give_up(sa, now,
                     failure(why.error.code, std::move(why.sentence), std::move(why.ours), std::move(why.peers)));
    }
    h.offer = std::move(*offer);
    break;
  }
  sa.transition_to(IkeState::AUTH_SENT, "IKE_AUTH sent");
  sa.send_request(now, ExchangeType::IKE_AUTH, payloads);
}

void child_failed(IkeSa& sa, const std::string& child, ChildRefusal why) {
  report_child_refused(sa, child, std::move(why), true);
}

// The Child SA that came along. Whatever becomes of it, the IKE SA stays (RFC 7296 1.2).
void take_child(IkeSa& sa, TimePoint now, const ChildOffer& offer, const std::vector<Payload>& payloads,
                ByteView nonce_i, ByteView nonce_r) {
  if (const auto* error = error_notify(payloads)) {
    ChildRefusal why{Error{Errc::no_proposal_chosen, 0}, {}, {}, {}};
    why.by_peer = true;
    why.ours = to_string(offer);
    if (error->type == NotifyType::TS_UNACCEPTABLE) {
      why.error.code = Errc::ts_unacceptable;
      why.sentence = "the peer has no room for our traffic selectors: we asked for " + why.ours;
    } else if (error->type == NotifyType::NO_PROPOSAL_CHOSEN) {
      why.sentence = "the peer accepts none of our Child SA proposals: we asked for " + why.ours;
    } else {
      why.error.code = Errc::state;
      why.sentence = "the peer refused the Child SA with " + std::string(to_string(error->type));
    }
    return child_failed(sa, offer.policy.name, std::move(why));
  }
  auto agreed = read_child_answer(sa, offer, payloads);
  if (!agreed) {
    forget_at_peer(sa, offer);
    return child_failed(sa, offer.policy.name, std::move(agreed.error()));
  }
  auto spec = make_child(sa, *agreed, ChildKeying{true, {}, nonce_i, nonce_r});
  if (!spec) {
    forget_at_peer(sa, offer);
    return child_failed(sa, offer.policy.name,
                        ChildRefusal{spec.error(), "the keys of the Child SA could not be made", {}, {}});
  }
  const ChildSa& made = install_child(sa, now, *agreed, std::move(*spec));
  resources::ask_for_copies(sa, made, offer.policy);
}

// The machine has proved who it is. Its user may be next, and ours.
void machine_verified(IkeSa& sa, TimePoint now, const model::Identity& peer, const std::vector<Payload>& payloads) {
  Handshake& h = handshake_of(sa);
  if (const auto refused = refused_by_policy(sa, Round::machine, peer))
    return reject_peer(sa, now, failure(Errc::authentication_failed, *refused, {}, crypto::shown(peer)));
  sa.remote_identity = peer;
  h.peer_user_follows = find_notify(payloads, NotifyType::ANOTHER_AUTH_FOLLOWS) != nullptr;
  if (auto unfit = user_auth::unfit_announcement(sa)) return reject_peer(sa, now, std::move(*unfit));
  if (!h.own_user_follows && !h.peer_user_follows) return succeed(sa, now, payloads);
  user_auth::start(sa, now, payloads);
}

void apply_answer(IkeSa& sa, TimePoint now, const Message& message) {
  Handshake& h = handshake_of(sa);
  const model::ConnectionPolicy& c = *sa.connection();
  const IdPayload id = *find_id(message.payloads, false);
  // The identity first: a peer that is somebody else has nothing to prove.
  if (c.remote_id && !identity_fits(*c.remote_id, id.id)) {
    const std::string wanted = crypto::shown(*c.remote_id), got = crypto::shown(id.id);
    return reject_peer(
        sa, now,
        failure(Errc::authentication_failed,
                "the peer at " + sa.remote.to_string() + " says it is " + got + ", expected " + wanted, wanted, got));
  }
  auto octets = auth_octets(sa.chosen.prf, h.init_response, h.nonce_i, sa.keys.sk_pr.view(), id);
  if (!octets) return give_up(sa, now, failure(octets.error().code, "the library refuses the agreed prf"));
  verify_auth(sa, now, Round::machine, message.payloads, id.id, std::move(*octets),
              [id, payloads = message.payloads](IkeSa& again, TimePoint at, const std::string& why) {
                if (why.empty()) return machine_verified(again, at, id.id, payloads);
                reject_peer(again, at,
                            failure(Errc::authentication_failed,
                                    "authentication failed: the peer " + crypto::shown(id.id) +
                                        " could not be authenticated: " + why,
                                    {}, crypto::shown(id.id)));
              });
}

void apply_error(IkeSa& sa, TimePoint now, const Message& message) {
  const NotifyPayload* error = error_notify(message.payloads);
  const model::ConnectionPolicy& c = *sa.connection();
  const std::string peer = "the peer at " + sa.remote.to_string();
  AttemptFailed event;
  if (error && error->type == NotifyType::AUTHENTICATION_FAILED) {
    event = failure(Errc::authentication_failed,
                    "authentication failed: " + peer + " did not accept our identity " + crypto::shown(c.local_id) +
                        " or our proof of it",
                    crypto::shown(c.local_id), c.remote_id ? crypto::shown(*c.remote_id) : std::string());
  } else {
    event = failure(Errc::state,
                    peer + " refused IKE_AUTH with " + std::string(error ? to_string(error->type) : "an empty answer"));
  }
  event.by_peer = true;
  give_up(sa, now, std::move(event));
}

}  // namespace

AttemptFailed failure(Errc code, std::string sentence, std::string ours, std::string peers) {
  AttemptFailed event;
  event.code = code;
  event.sentence = std::move(sentence);
  event.ours = std::move(ours);
  event.peers = std::move(peers);
  return event;
}

void give_up(IkeSa& sa, TimePoint now, AttemptFailed event) {
  event.connection = std::string(sa.connection_name());
  event.remote = sa.remote.addr;
  fail_quietly_with(sa, now, std::move(event), false);
}

void reject_peer(IkeSa& sa, TimePoint now, AttemptFailed event) {
  sa.send_request(now, ExchangeType::INFORMATIONAL, {NotifyPayload{0, {}, NotifyType::AUTHENTICATION_FAILED, {}}});
  give_up(sa, now, std::move(event));
}

void succeed(IkeSa& sa, TimePoint now, const std::vector<Payload>& payloads) {
  Handshake& h = handshake_of(sa);
  const Bytes nonce_i = std::move(h.nonce_i), nonce_r = std::move(h.nonce_r);
  const std::optional<ChildOffer> offer = std::move(h.offer);
  const std::vector<std::string> children = std::move(h.children);
  sa.transition_to(IkeState::ESTABLISHED, "peer authenticated");
  sa.on_established(now);
  announce(sa, now);
  if (offer) take_child(sa, now, *offer, payloads, nonce_i, nonce_r);
  for (size_t i = 1; i < children.size(); ++i) {
    sa.queue(Task(Task::Kind::create_child, children[i]));
  }
  simultaneous_init::settle(sa, now);
  sa.finish_task(now);
}

void start(IkeSa& sa, TimePoint now) {
  Handshake& h = handshake_of(sa);
  const model::ConnectionPolicy& c = *sa.connection();
  if (auto missing = user_auth::peer_cannot(sa)) return give_up(sa, now, std::move(*missing));
  h.own_user_follows = h.multiple_auth && sa.own_user;
  auto id = own_identity(sa);
  if (!id)
    return give_up(sa, now, failure(Errc::bad_config, "our identity cannot be encoded: " + crypto::shown(c.local_id)));
  sa.local_identity = *id;
  const IdPayload own{true, std::move(*id)};
  auto octets = auth_octets(sa.chosen.prf, h.init_request, h.nonce_r, sa.own_sk_p(), own);
  if (!octets) return give_up(sa, now, failure(octets.error().code, "the library refuses the agreed prf"));
  make_auth(sa, now, Round::machine, std::move(*octets), [own](IkeSa& again, TimePoint at, OwnAuth made) {
    if (!made.ok) return give_up(again, at, failure(Errc::bad_key, "we cannot authenticate ourselves: " + made.why));
    send(again, at, own, std::move(made.auth));
  });
}

Result<model::Identity> own_identity(const IkeSa& sa) {
  const model::Identity& configured = sa.connection()->local_id;
  if (!configured.value.empty()) return wire_identity(configured);
  const IpAddr& own = sa.local.addr;
  return model::Identity{own.is_v4() ? model::IdType::ID_IPV4_ADDR : model::IdType::ID_IPV6_ADDR, to_bytes(own.bytes()),
                         false};
}

void handle_response(IkeSa& sa, TimePoint now, const Message& message) {
  if (sa.state() == IkeState::USER_SENT) return user_auth::handle_response(sa, now, message);
  const bool refused = !find<AuthPayload>(message.payloads) && error_notify(message.payloads);
  const auto taken = refused ? take_row(kErrorRows, Role::initiator, sa, now, message)
                             : take_row(kRows, Role::initiator, sa, now, message);
  if (!taken) {
    give_up(sa, now,
            failure(taken.error().code,
                    "the peer's IKE_AUTH answer is not usable: " + std::string(describe(taken.error().code))));
  }
}

std::optional<std::string> refused_by_policy(const IkeSa& sa, Round round, const model::Identity& peer) {
  // The policy of today, not that of the IKE SA's birth.
  const auto& policy = sa.host.policy();
  if (!policy || !policy->authorization) return std::nullopt;
  const bool user = round == Round::user;
  auto why = policy->authorization->refusal({peer, sa.connection_name(),
                                             user ? model::AuthPolicy::Kind::cert : sa.connection()->remote_auth.kind,
                                             sa.original_initiator, user});
  if (why)
    why = (user ? "the peer's user " : "the peer ") + crypto::shown(peer) +
          " is authenticated, but not authorized: " + *why;
  return why;
}

void announce(IkeSa& sa, TimePoint) {
  ++sa.host.counters().established;
  sa.host.emit(Event(IkeSaUp{sa.id, std::string(sa.connection_name()), sa.local, sa.remote,
                             sa.remote_identity ? sa.remote_identity->to_string() : std::string(),
                             model::to_string(model::to_proposal(sa.chosen)), sa.original_initiator, sa.spi_i, sa.spi_r,
                             sa.nat_local, sa.nat_remote, sa.remote_user ? sa.remote_user->to_string() : std::string(),
                             sa.own_user ? sa.own_user->credential : std::string()}));
}

void fail_quietly_with(IkeSa& sa, TimePoint now, AttemptFailed event, bool keep_reply) {
  ++sa.host.counters().failed;
  event.phase = AttemptFailed::Phase::auth;
  event = describe_ends(sa, std::move(event));
  if (keep_reply) {
    sa.close_quietly(now);
  } else {
    sa.destroy_quietly(now);
  }
  sa.host.emit(Event(std::move(event)));
}

void replace_older(IkeSa& sa, TimePoint now) {
  if (!sa.remote_identity) return;
  for (IkeSa* other : sa.host.sas_of(sa.connection_name(), &*sa.remote_identity)) {
    // One that we initiated and that the peer has accepted since its first message here came: it only did not know of
    // it yet, both initiated at the same time.
    const bool simultaneous = other->original_initiator && !other->by_rekey && other->established_at >= sa.born;
    if (other == &sa || !other->authenticated() || simultaneous || !user_auth::same_users(*other, sa)) continue;
    other->destroy(now, Errc::state, "the peer has started anew", true);
  }
}

}  // namespace sallyport::ike::v2::ike_auth
