// IKE_AUTH as its initiator. RFC 7296 1.2.
//
//   us                                                         peer
//   HDR, SK{IDi, [CERT+], [CERTREQ], [IDr], AUTH,
//           SAi2, TSi, TSr, [N(INITIAL_CONTACT)]}          ->
//                                                          <-  HDR, SK{IDr, [CERT+], AUTH, SAr2, TSi, TSr}
//                                                          <-  HDR, SK{IDr, [CERT+], AUTH, N(error)}   no Child SA
//                                                          <-  HDR, SK{N(AUTHENTICATION_FAILED)}      the end
#include "ike/v2/ike_auth.h"

#include <algorithm>

#include "ike/v2/auth_octets.h"
#include "ike/v2/connection_choice.h"
#include "ike/v2/resources.h"
#include "ike/v2/simultaneous_init.h"
#include "ike/v2/transition.h"

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

void give_up(IkeSa& sa, TimePoint now, Errc code, std::string sentence, std::string ours = {}, std::string peers = {},
             bool by_peer = false) {
  AttemptFailed event{std::string(sa.connection_name()),
                      {},
                      code,
                      std::move(sentence),
                      std::move(ours),
                      std::move(peers),
                      true,
                      sa.remote.addr};
  event.by_peer = by_peer;
  fail_quietly_with(sa, now, std::move(event), false);
}

// RFC 7296 2.21.2: the responder already holds the IKE SA for established; it is told, once, that it is not.
void reject_peer(IkeSa& sa, TimePoint now, std::string sentence, std::string ours, std::string peers) {
  sa.send_request(now, ExchangeType::INFORMATIONAL, {NotifyPayload{0, {}, NotifyType::AUTHENTICATION_FAILED, {}}});
  give_up(sa, now, Errc::authentication_failed, std::move(sentence), std::move(ours), std::move(peers));
}

// Many peers may share a connection; the address tells them apart before the identity does.
bool same_peer(const IkeSa& a, const IkeSa& b) {
  return a.remote.addr == b.remote.addr || !b.connection()->remote_addrs.empty();
}

bool any_other_with(IkeSa& sa) {
  const auto others = sa.host.sas_of(sa.connection_name(), nullptr);
  return std::any_of(others.begin(), others.end(), [&](const IkeSa* other) {
    return other != &sa && other->authenticated() && same_peer(*other, sa);
  });
}

void send(IkeSa& sa, TimePoint now, const IdPayload& own, AuthPayload auth) {
  Handshake& h = handshake_of(sa);
  const model::ConnectionPolicy& c = *sa.connection();
  std::vector<Payload> payloads;
  payloads.push_back(own);
  add_certificates(sa, payloads);
  // RFC 7296 2.4: only true when we know of no other IKE SA with the peer.
  if (!any_other_with(sa)) payloads.push_back(NotifyPayload{0, {}, NotifyType::INITIAL_CONTACT, {}});
  add_certificate_request(sa, payloads);
  if (c.remote_id) {
    if (auto id = wire_identity(*c.remote_id)) payloads.push_back(IdPayload{false, std::move(*id)});
  }
  payloads.push_back(std::move(auth));
  for (const model::ChildPolicy& child : c.children) {
    if (h.children.empty() || child.name != h.children.front()) continue;
    auto offer = add_child_offer(sa, child, ChildWish{true, nullptr, {}}, payloads);
    if (!offer) {
      ChildRefusal& why = offer.error();
      return give_up(sa, now, why.error.code, std::move(why.sentence), std::move(why.ours), std::move(why.peers));
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

void authenticated(IkeSa& sa, TimePoint now, const model::Identity& peer, const std::vector<Payload>& payloads) {
  Handshake& h = handshake_of(sa);
  sa.remote_identity = peer;
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

void apply_answer(IkeSa& sa, TimePoint now, const Message& message) {
  Handshake& h = handshake_of(sa);
  const model::ConnectionPolicy& c = *sa.connection();
  const IdPayload id = *find_id(message.payloads, false);
  // The identity first: a peer that is somebody else has nothing to prove.
  if (c.remote_id && !identity_fits(*c.remote_id, id.id)) {
    const std::string wanted = c.remote_id->to_string(), got = id.id.to_string();
    return reject_peer(sa, now, "the peer at " + sa.remote.to_string() + " says it is " + got + ", expected " + wanted,
                       wanted, got);
  }
  auto octets = auth_octets(sa.chosen.prf, h.init_response, h.nonce_i, sa.keys.sk_pr.view(), id);
  if (!octets) return give_up(sa, now, octets.error().code, "the library refuses the agreed prf");
  verify_auth(sa, now, message.payloads, id.id, std::move(*octets),
              [id, payloads = message.payloads](IkeSa& again, TimePoint at, std::string why) {
                if (why.empty()) {
                  const auto refused = refused_by_policy(again, id.id);
                  if (!refused) return authenticated(again, at, id.id, payloads);
                  return reject_peer(again, at, *refused, {}, id.id.to_string());
                }
                reject_peer(
                    again, at,
                    "authentication failed: the peer " + id.id.to_string() + " could not be authenticated: " + why, {},
                    id.id.to_string());
              });
}

void apply_error(IkeSa& sa, TimePoint now, const Message& message) {
  const NotifyPayload* error = error_notify(message.payloads);
  const model::ConnectionPolicy& c = *sa.connection();
  if (error && error->type == NotifyType::AUTHENTICATION_FAILED) {
    return give_up(sa, now, Errc::authentication_failed,
                   "authentication failed: the peer at " + sa.remote.to_string() + " did not accept our identity " +
                       c.local_id.to_string() + " or our proof of it",
                   c.local_id.to_string(), c.remote_id ? c.remote_id->to_string() : std::string(), true);
  }
  give_up(sa, now, Errc::state,
          "the peer at " + sa.remote.to_string() + " refused IKE_AUTH with " +
              std::string(error ? to_string(error->type) : "an empty answer"),
          {}, {}, true);
}

}  // namespace

void start(IkeSa& sa, TimePoint now) {
  Handshake& h = handshake_of(sa);
  const model::ConnectionPolicy& c = *sa.connection();
  auto id = own_identity(sa);
  if (!id) return give_up(sa, now, Errc::bad_config, "our identity cannot be encoded: " + c.local_id.to_string());
  sa.local_identity = *id;
  const IdPayload own{true, std::move(*id)};
  auto octets = auth_octets(sa.chosen.prf, h.init_request, h.nonce_r, sa.own_sk_p(), own);
  if (!octets) return give_up(sa, now, octets.error().code, "the library refuses the agreed prf");
  make_auth(sa, now, std::move(*octets), [own](IkeSa& again, TimePoint at, OwnAuth made) {
    if (!made.ok) return give_up(again, at, Errc::bad_key, "we cannot authenticate ourselves: " + made.why);
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
  const bool refused = !find<AuthPayload>(message.payloads) && error_notify(message.payloads);
  const auto taken = refused ? take_row(kErrorRows, Role::initiator, sa, now, message)
                             : take_row(kRows, Role::initiator, sa, now, message);
  if (!taken) {
    give_up(sa, now, taken.error().code,
            "the peer's IKE_AUTH answer is not usable: " + std::string(describe(taken.error().code)));
  }
}

std::optional<std::string> refused_by_policy(const IkeSa& sa, const model::Identity& peer) {
  // The policy of today, not that of the IKE SA's birth.
  const auto& policy = sa.host.policy();
  if (!policy || !policy->authorization) return std::nullopt;
  auto why = policy->authorization->refusal(
      {peer, sa.connection_name(), sa.connection()->remote_auth.kind, sa.original_initiator});
  if (why) why = "the peer " + peer.to_string() + " is authenticated, but not authorized: " + *why;
  return why;
}

void announce(IkeSa& sa, TimePoint) {
  ++sa.host.counters().established;
  sa.host.emit(Event(IkeSaUp{sa.id, std::string(sa.connection_name()), sa.local, sa.remote,
                             sa.remote_identity ? sa.remote_identity->to_string() : std::string(),
                             model::to_string(model::to_proposal(sa.chosen)), sa.original_initiator, sa.spi_i, sa.spi_r,
                             sa.nat_local, sa.nat_remote}));
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
    if (other == &sa || !other->authenticated() || simultaneous) continue;
    other->destroy(now, Errc::state, "the peer has started anew", true);
  }
}

}  // namespace sallyport::ike::v2::ike_auth
