// A new Child SA, or one in place of another (REKEY_SA):
//   initiator                                                        responder
//   HDR, SK {[N(REKEY_SA)], SA, Ni, [KEi], TSi, TSr}           -->
//                                                              <--   HDR, SK {SA, Nr, [KEr], TSi, TSr}
// No packet is lost: the responder's inbound half stands before its answer leaves; in a rekey its outbound half waits
// until the initiator is seen to use the new SA or deletes the old one, that of a copy (RFC 9611) for a second at most.
// RFC 7296 1.3.1, 1.3.3, 2.8, 2.17, 2.25.
#include "ike/v2/create_child_sa.h"

#include <algorithm>

#include "ike/exchange_rules.h"
#include "ike/v2/child_sa.h"
#include "ike/v2/rekey.h"
#include "ike/v2/rekey_collision.h"
#include "ike/v2/rekey_ike.h"
#include "ike/v2/resources.h"

namespace sallyport::ike::v2::create_child_sa {

using namespace wire::ike2;
using wire::ike::ExchangeType;

namespace {

constexpr size_t kMaxChildren = 256;         // of one IKE SA; more are answered with NO_ADDITIONAL_SAS
constexpr unsigned kTemporaryFailures = 10;  // over several minutes, RFC 7296 2.25
constexpr size_t kNonceOctets = 32;          // RFC 7296 2.10: at least half the key size of any prf here

const model::ChildPolicy* find_policy(IkeSa& sa, std::string_view name) {
  const model::ConnectionPolicy* connection = sa.connection();
  if (!connection) return nullptr;
  for (const model::ChildPolicy& policy : connection->children) {
    if (policy.name == name) return &policy;
  }
  return nullptr;
}

model::GroupId first_group(const model::Proposals& proposals) {
  for (const model::Proposal& p : proposals) {
    for (const model::Transform& t : p.transforms) {
      if (t.type == model::TransformType::KE) return static_cast<model::GroupId>(t.id);
    }
  }
  return model::GroupId::NO_GROUP;
}

bool offers_group(const model::Proposals& proposals, uint16_t group) {
  for (const model::Proposal& p : proposals) {
    for (const model::Transform& t : p.transforms) {
      if (t.type == model::TransformType::KE && t.id == group) return true;
    }
  }
  return false;
}

Bytes spi_octets(model::Spi spi) {
  Bytes out(4);
  store_be32(out.data(), spi);
  return out;
}

// TEMPORARY_FAILURE: 1, 2, 4 … 60 s, plus up to a half, so that two ends do not run into each other for ever.
Duration backoff(IkeSa& sa, unsigned tries) {
  const auto base = std::min<Duration>(seconds(1) * (1u << std::min(tries, 6u)), seconds(60));
  return base + base / 2 * (sa.host.rng().u32() % 1000) / 1000;
}

void transmit_request(IkeSa& sa, TimePoint now, OwnExchange& own, Bytes public_value) {
  std::vector<Payload> payloads = own.payloads;
  if (own.group != model::GroupId::NO_GROUP) {
    // Behind the nonce, where the standard's picture has it.
    auto at = std::find_if(payloads.begin(), payloads.end(),
                           [](const Payload& p) { return std::holds_alternative<NoncePayload>(p); });
    payloads.insert(at + 1, KePayload{static_cast<uint16_t>(own.group), std::move(public_value)});
  }
  sa.send_request(now, ExchangeType::CREATE_CHILD_SA, payloads);
}

void start_child(IkeSa& sa, TimePoint now, OwnExchange& own, const model::ChildPolicy& policy, const ChildWish& wish) {
  own.policy = policy;
  std::vector<Payload> offer;
  auto made = add_child_offer(sa, policy, wish, offer);
  if (!made) return fail_own(sa, now, own, std::move(made.error()));
  own.offer = std::move(*made);
  for (Payload& p : offer) {
    const bool sa_payload = std::holds_alternative<SaPayload>(p);
    own.payloads.push_back(std::move(p));
    if (sa_payload) own.payloads.push_back(NoncePayload{own.nonce});
  }
  own.group = first_group(own.offer.proposals);
  send(sa, now, own);
}

}  // namespace

Bytes fresh_nonce(IkeSa& sa) {
  Bytes nonce(kNonceOctets);
  sa.host.rng().fill(nonce);
  return nonce;
}

void refuse(IkeSa& sa, TimePoint now, NotifyType type, Bytes content) {
  sa.respond_error(now, ExchangeType::CREATE_CHILD_SA, type, std::move(content));
}

void refuse_group(IkeSa& sa, TimePoint now, model::GroupId wanted) {
  Bytes group(2);
  store_be16(group.data(), static_cast<uint16_t>(wanted));
  sa.host.count_row("INVALID_KE_PAYLOAD to CREATE_CHILD_SA");
  refuse(sa, now, NotifyType::INVALID_KE_PAYLOAD, std::move(group));
}

void send(IkeSa& sa, TimePoint now, OwnExchange& own) {
  if (own.group == model::GroupId::NO_GROUP) return transmit_request(sa, now, own, {});
  key_exchange(sa, now, model::KeWork{own.group, {}, {}},
               [alive = std::weak_ptr<char>(own.alive)](IkeSa& at, TimePoint then, model::KeyReply reply) {
                 if (alive.expired()) return;
                 OwnExchange& mine = *own_exchange_of(at);
                 auto* done = std::get_if<model::KeDone>(&reply);
                 if (!done) {
                   fail_own(at, then, mine,
                            ChildRefusal{Error{Errc::algorithm_refused, 0}, "no key pair could be made", {}, {}});
                   return;
                 }
                 mine.private_key = std::move(done->private_key);
                 transmit_request(at, then, mine, std::move(done->public_value));
               });
}

void fail_own(IkeSa& sa, TimePoint now, OwnExchange& own, ChildRefusal why, bool retry) {
  // Nothing is lost where the peer has rekeyed the same SA.
  if (rekey_collision::peers_stands(sa, now, own)) return sa.finish_task(now);
  ChildSa* old = own.kind == Task::Kind::rekey_child ? find_child(sa, own.old_child) : nullptr;
  if (old && old->state == ChildSa::State::REKEYING) old->state = ChildSa::State::INSTALLED;
  const bool pointless = own.kind == Task::Kind::rekey_child && !old;  // deleted meanwhile
  const bool too_late = old && rekey::rekey_failed(sa, *old);
  if (retry && !pointless && !too_late && sa.active()->tries < kTemporaryFailures) {
    Task again = *sa.active();
    again.not_before = now + backoff(sa, again.tries++);
    sa.host.count_row("TEMPORARY_FAILURE: tried again later");
    IkeSa* heir = sa.successor_id != 0 ? sa.host.find(sa.successor_id) : nullptr;
    (heir ? *heir : sa).queue(std::move(again));
    if (heir) heir->start_tasks(now);
  } else if (!pointless) {
    // RFC 7296 2.25: after minutes of it the two ends no longer agree on what there is; they start over.
    if (retry && !too_late && sa.established()) {
      sa.host.count_row("TEMPORARY_FAILURE without end");
      Task over(Task::Kind::delete_ike);
      over.reason = "the peer has answered TEMPORARY_FAILURE for minutes";
      sa.queue(std::move(over));
    }
    report_child_refused(sa, own.policy.name, std::move(why), true);
  }
  sa.finish_task(now);
}

void start(IkeSa& sa, TimePoint now) {
  const Task& task = *sa.active();
  auto fresh = std::make_unique<OwnExchange>();
  OwnExchange& own = *fresh;
  own.kind = task.kind;
  own.nonce = fresh_nonce(sa);
  sa.own_exchange = std::move(fresh);
  if (task.kind == Task::Kind::rekey_ike) return rekey_ike::start(sa, now, own);
  if (task.kind == Task::Kind::create_child) {
    const model::ChildPolicy* policy = find_policy(sa, task.child);
    if (!policy) return sa.finish_task(now);
    // The peer has made it since the task was queued.
    if (!task.resource && sa.stands(task.child)) return sa.finish_task(now);
    return start_child(sa, now, own, *policy, ChildWish{false, nullptr, task.resource});
  }
  ChildSa* old = find_child(sa, task.child_id);
  const model::ChildPolicy* policy = old ? find_policy(sa, old->name) : nullptr;
  // Deleted, or rekeyed by the peer, since the task was queued.
  if (!old || !policy || old->state != ChildSa::State::INSTALLED || old->redundant) {
    if (old && old->expired) sa.queue(Task(Task::Kind::delete_child, old->id));
    return sa.finish_task(now);
  }
  old->state = ChildSa::State::REKEYING;
  own.old_child = old->id;
  // RFC 7296 1.3.3: the SPI by which we receive on the SA to be replaced.
  own.payloads.push_back(
      NotifyPayload{static_cast<uint8_t>(old->chosen.protocol), spi_octets(old->spi_in), NotifyType::REKEY_SA, {}});
  start_child(sa, now, own, *policy, ChildWish{false, old, old->resource});
}

// ---- our answer has come

namespace {

void conclude_child(IkeSa& sa, TimePoint now, OwnExchange& own, const ChildAgreement& agreed, const Bytes& nonce_r,
                    ByteView shared) {
  auto spec = make_child(sa, agreed, ChildKeying{true, shared, own.nonce, nonce_r});
  if (!spec) {
    forget_at_peer(sa, own.offer);
    return fail_own(sa, now, own, ChildRefusal{spec.error(), "the keys of the new Child SA were refused", {}, {}});
  }
  const bool rekeys = own.kind == Task::Kind::rekey_child;
  const bool redundant = rekeys ? rekey_collision::ours_is_redundant(sa, own, nonce_r)
                                : rekey_collision::ours_is_needless(sa, own, agreed, nonce_r);
  ChildSa* old = rekeys ? find_child(sa, own.old_child) : nullptr;
  const bool waits = redundant && rekeys;  // of two new ones either may be used while both stand
  spec->outbound_ready = !waits;
  if (old && !redundant) spec->replaces = old->id;
  if (old) spec->asked_by_peer = old->asked_by_peer;
  ChildSa& made = install_child(sa, now, agreed, std::move(*spec));
  made.outbound_ready = !waits;
  made.redundant = redundant;
  const model::ChildId made_id = made.id;
  if (old) old->state = ChildSa::State::REKEYED;
  if (redundant) {
    // RFC 7296 2.8.1: ours held the lowest nonce; we delete it, and the peer deletes the old one.
    sa.queue(Task(Task::Kind::delete_child, made.id));
    return sa.finish_task(now);
  }
  // The peer deleted it before its answer reached us.
  const auto& gone = own.deleted_early;
  if (std::find(gone.begin(), gone.end(), std::pair(made.chosen.protocol, made.spi_out)) != gone.end()) {
    sa.host.count_row("deleted by the peer before its answer came");
    (void)rekey::peer_deletes(sa, now, made.chosen.protocol, {made.spi_out});
  }
  if (own.peer) {
    if (ChildSa* other = find_child(sa, own.peer->child_id)) rekey_collision::set_redundant(sa, *other, now);
  }
  sa.host.count_row(rekeys ? "we rekeyed a Child SA" : "we created a Child SA");
  if (old) sa.queue(Task(Task::Kind::delete_child, old->id));
  if (const ChildSa* first = rekeys ? nullptr : find_child(sa, made_id)) {
    resources::ask_for_copies(sa, *first, own.policy);
  }
  sa.finish_task(now);
}

void handle_child_answer(IkeSa& sa, TimePoint now, OwnExchange& own, const Message& message) {
  const NoncePayload* nonce = find<NoncePayload>(message.payloads);
  const KePayload* ke = find<KePayload>(message.payloads);
  auto agreed = read_child_answer(sa, own.offer, message.payloads);
  if (!agreed) {
    forget_at_peer(sa, own.offer);
    return fail_own(sa, now, own, std::move(agreed.error()));
  }
  const bool pfs = agreed->chosen.group != model::GroupId::NO_GROUP;
  // RFC 7296 1.3.1: KEr stands exactly when a group was chosen, and it is the group of our KEi.
  if (!nonce || pfs != (ke != nullptr) ||
      (pfs && (agreed->chosen.group != own.group || ke->group != static_cast<uint16_t>(own.group)))) {
    forget_at_peer(sa, own.offer);
    return fail_own(
        sa, now, own,
        ChildRefusal{Error{Errc::missing_payload, 0}, "the peer's answer lacks Nonce or a fitting KE", {}, {}});
  }
  if (!pfs) return conclude_child(sa, now, own, *agreed, nonce->value, {});
  key_exchange(sa, now, model::KeWork{own.group, own.private_key.clone(), ke->value},
               [alive = std::weak_ptr<char>(own.alive), agreed = *agreed, nonce_r = nonce->value](
                   IkeSa& at, TimePoint then, model::KeyReply reply) {
                 if (alive.expired()) return;
                 OwnExchange& mine = *own_exchange_of(at);
                 const auto* done = std::get_if<model::KeDone>(&reply);
                 if (!done) {
                   forget_at_peer(at, mine.offer);
                   return fail_own(
                       at, then, mine,
                       ChildRefusal{Error{Errc::bad_public_value, 0}, "the key exchange with the peer failed", {}, {}});
                 }
                 conclude_child(at, then, mine, agreed, nonce_r, done->shared.view());
               });
}

// RFC 7296 1.3: the responder names the group it wants; one that we offered is worth one more try.
bool obey_group(IkeSa& sa, TimePoint now, OwnExchange& own, const NotifyPayload& notify) {
  if (own.restarted || notify.content.size() != 2) return false;
  const uint16_t wanted = load_be16(notify.content.data());
  const model::Proposals& offered = own.kind == Task::Kind::rekey_ike ? own.ike_offer : own.offer.proposals;
  if (!offers_group(offered, wanted) || wanted == static_cast<uint16_t>(own.group)) return false;
  own.restarted = true;
  own.group = static_cast<model::GroupId>(wanted);
  sa.host.count_row("INVALID_KE_PAYLOAD obeyed in CREATE_CHILD_SA");
  send(sa, now, own);
  return true;
}

// RFC 7296 2.25: the peer does not have what we wanted to rekey: it goes silently, and a new one is asked for.
void not_found(IkeSa& sa, TimePoint now, OwnExchange& own) {
  sa.host.count_row("CHILD_SA_NOT_FOUND: made anew");
  const std::string name = own.policy.name;
  const bool had = find_child(sa, own.old_child) != nullptr;
  remove_child(sa, own.old_child, rekey::kLinger);
  const bool another = std::any_of(sa.children.begin(), sa.children.end(),
                                   [&](const auto& c) { return c->name == name && c->serves_us(); });
  if (had && !another && !sa.has_create(name)) sa.queue(Task(Task::Kind::create_child, name));
  sa.finish_task(now);
}

void handle_refusal(IkeSa& sa, TimePoint now, OwnExchange& own, const NotifyPayload& notify) {
  if (notify.type == NotifyType::INVALID_SYNTAX) return sa.peer_says_invalid_syntax(now);
  if (notify.type == NotifyType::INVALID_KE_PAYLOAD && obey_group(sa, now, own, notify)) return;
  if (notify.type == NotifyType::CHILD_SA_NOT_FOUND && own.kind == Task::Kind::rekey_child &&
      !(own.peer && own.peer->child_id != 0)) {
    return not_found(sa, now, own);
  }
  const bool enough = notify.type == NotifyType::TS_MAX_QUEUE || notify.type == NotifyType::NO_ADDITIONAL_SAS;
  if (enough && own.kind == Task::Kind::create_child && own.offer.resource) {
    // RFC 9611 5.2: those that stand carry the traffic.
    resources::stop(sa, own.policy.name);
    return sa.finish_task(now);
  }
  ChildRefusal why{Error{Errc::unsupported, static_cast<uint32_t>(notify.type)},
                   "the peer refused with " + std::string(to_string(notify.type)),
                   {},
                   {}};
  why.by_peer = true;
  if (notify.type == NotifyType::NO_PROPOSAL_CHOSEN) {
    why.error.code = Errc::no_proposal_chosen;
    const bool ike = own.kind == Task::Kind::rekey_ike;
    why.ours = ike ? model::to_string(own.ike_offer) : to_string(own.offer);
    why.sentence = "the peer accepts none of our proposals: we asked for " + why.ours;
  } else if (notify.type == NotifyType::TS_UNACCEPTABLE) {
    why.error.code = Errc::ts_unacceptable;
    why.ours = to_string(own.offer);
    why.sentence = "the peer has no room for our traffic selectors: we asked for " + why.ours;
  } else if (notify.type == NotifyType::NO_ADDITIONAL_SAS) {
    why.error.code = Errc::limit;
  }
  fail_own(sa, now, own, std::move(why), notify.type == NotifyType::TEMPORARY_FAILURE);
}

}  // namespace

void handle_response(IkeSa& sa, TimePoint now, const Message& message) {
  OwnExchange* own = own_exchange_of(sa);
  if (!own) return;
  if (const NotifyPayload* notify = error_notify(message.payloads)) return handle_refusal(sa, now, *own, *notify);
  if (own->kind == Task::Kind::rekey_ike) return rekey_ike::handle_answer(sa, now, *own, message);
  handle_child_answer(sa, now, *own, message);
}

// ---- the peer asks

namespace {

void complete_child(IkeSa& sa, TimePoint now, ByteView shared, Bytes public_value) {
  auto& peer = static_cast<PeerExchange&>(*sa.peer_exchange);
  const ChildAgreement agreed = *peer.agreed;
  auto spec = make_child(sa, agreed, ChildKeying{false, shared, peer.nonce_i, peer.nonce_r});
  if (!spec) return refuse(sa, now, NotifyType::NO_PROPOSAL_CHOSEN);
  const auto collision = peer.collision;
  const bool redundant = collision && collision->verdict == PeerRekey::Verdict::REDUNDANT;
  ChildSa* old = peer.old_child != 0 ? find_child(sa, peer.old_child) : nullptr;
  // Until the peer has our answer it drops what comes by a new SA, and of a copy there is another to send by.
  const bool new_copy = agreed.resource && peer.old_child == 0;
  const bool waits = old != nullptr || (redundant && peer.old_child != 0) || new_copy;
  spec->outbound_ready = !waits;
  if (old && !redundant) spec->replaces = old->id;
  // Where we asked at the same time, one of the two goes and the other one serves both ends.
  if (collision) spec->asked_by_peer = false;
  if (old) spec->asked_by_peer = old->asked_by_peer;
  const auto replaces = spec->replaces;
  ChildSa& made = install_child(sa, now, agreed, std::move(*spec));
  made.outbound_ready = !waits;
  made.replaces = replaces;
  if (new_copy) rekey::switch_later(sa, now, made);
  if (redundant) rekey_collision::set_redundant(sa, made, now);
  if (collision) collision->child_id = made.id;
  // While a rekey of ours is under way its outcome decides about the old one.
  const bool ours_runs = collision && collision->verdict == PeerRekey::Verdict::OPEN;
  if (old && !ours_runs && old->state != ChildSa::State::DELETING) old->state = ChildSa::State::REKEYED;
  sa.host.count_row(peer.old_child != 0 ? "the peer rekeyed a Child SA" : "the peer created a Child SA");

  std::vector<Payload> answer;
  add_child_answer(sa, agreed, answer);
  auto at =
      std::find_if(answer.begin(), answer.end(), [](const Payload& p) { return std::holds_alternative<SaPayload>(p); });
  at = answer.insert(at + 1, NoncePayload{peer.nonce_r});
  if (agreed.chosen.group != model::GroupId::NO_GROUP) {
    answer.insert(at + 1, KePayload{static_cast<uint16_t>(agreed.chosen.group), std::move(public_value)});
  }
  sa.respond(now, ExchangeType::CREATE_CHILD_SA, answer);
}

void complete_child_ke(IkeSa& sa, TimePoint now, model::KeyReply reply) {
  if (!sa.peer_exchange) return;
  if (auto* done = std::get_if<model::KeDone>(&reply)) {
    return complete_child(sa, now, done->shared.view(), std::move(done->public_value));
  }
  auto& peer = static_cast<PeerExchange&>(*sa.peer_exchange);
  if (OwnExchange* own = own_exchange_of(sa); own && peer.collision && own->peer == peer.collision) own->peer.reset();
  // RFC 7296 3.4, P7: a public value off the curve or out of range.
  refuse(sa, now, NotifyType::INVALID_SYNTAX);
}

// The Child SA a REKEY_SA notify speaks of, if it may be rekeyed now; otherwise the request is answered.
ChildSa* rekeyed_child(IkeSa& sa, TimePoint now, const NotifyPayload& notify) {
  ChildSa* old = notify.spi.size() != 4 ? nullptr
                                        : find_child_by_spi_out(sa, static_cast<model::Protocol>(notify.protocol),
                                                                load_be32(notify.spi.data()));
  const OwnExchange* own = own_exchange_of(sa);
  if (!old && own && own->kind != Task::Kind::rekey_ike) {
    // It may be the one that the answer we still wait for would tell us of.
    sa.host.count_row("TEMPORARY_FAILURE to a rekey of what may be coming");
    refuse(sa, now, NotifyType::TEMPORARY_FAILURE);
    return nullptr;
  }
  if (!old) {
    // RFC 7296 2.25.1: the notify names what was not found.
    sa.host.count_row("CHILD_SA_NOT_FOUND to a rekey");
    sa.respond(now, ExchangeType::CREATE_CHILD_SA,
               {NotifyPayload{notify.protocol, notify.spi, NotifyType::CHILD_SA_NOT_FOUND, {}}});
    return nullptr;
  }
  switch (old->state) {
    case ChildSa::State::INSTALLED:
    case ChildSa::State::REKEYING:
      // One that lost a collision is about to be deleted: another one in its place would stay.
      if (!old->redundant) return old;
      [[fallthrough]];
    case ChildSa::State::REKEYED:
    case ChildSa::State::DELETING:
      // RFC 7296 2.25.1: we are closing it.
      sa.host.count_row("TEMPORARY_FAILURE to a rekey of what we close");
      refuse(sa, now, NotifyType::TEMPORARY_FAILURE);
      return nullptr;
  }
  return nullptr;
}

void handle_child_request(IkeSa& sa, TimePoint now, const Message& message) {
  const NoncePayload* nonce = find<NoncePayload>(message.payloads);
  const KePayload* ke = find<KePayload>(message.payloads);
  const NotifyPayload* rekeys = find_notify(message.payloads, NotifyType::REKEY_SA);
  // RFC 7296 2.25.2: not while the IKE SA is rekeyed by us, or already replaced.
  if (!sa.established() || sa.replaced || (sa.active() && sa.active()->kind == Task::Kind::rekey_ike) ||
      (sa.active() && sa.active()->kind == Task::Kind::delete_ike)) {
    sa.host.count_row("TEMPORARY_FAILURE to a Child SA while the IKE SA is rekeyed");
    return refuse(sa, now, NotifyType::TEMPORARY_FAILURE);
  }
  if (!nonce || !find_ts(message.payloads, true) || !find_ts(message.payloads, false)) {
    return refuse(sa, now, NotifyType::INVALID_SYNTAX);
  }
  ChildSa* old = nullptr;
  if (rekeys) {
    old = rekeyed_child(sa, now, *rekeys);
    if (!old) return;
  } else if (sa.children.size() >= kMaxChildren) {
    sa.host.count_row("NO_ADDITIONAL_SAS");
    return refuse(sa, now, NotifyType::NO_ADDITIONAL_SAS);
  }
  auto agreed = choose_child(sa, message.payloads, false, old);
  if (!agreed) {
    const NotifyType answer = notify_for(agreed.error());
    report_child_refused(sa, old ? old->name : std::string(), std::move(agreed.error()), false);
    return refuse(sa, now, answer);
  }
  const model::GroupId group = agreed->chosen.group;
  if (group != model::GroupId::NO_GROUP && (!ke || ke->group != static_cast<uint16_t>(group))) {
    return refuse_group(sa, now, group);
  }
  auto peer = std::make_unique<PeerExchange>();
  peer->nonce_i = nonce->value;
  peer->nonce_r = fresh_nonce(sa);
  peer->agreed = *agreed;
  if (old) {
    peer->old_child = old->id;
    peer->collision = rekey_collision::note(sa, Task::Kind::rekey_child, old->id, peer->nonce_i, peer->nonce_r);
  } else {
    peer->collision = rekey_collision::note_create(sa, *agreed, peer->nonce_i, peer->nonce_r);
  }
  sa.peer_exchange = std::move(peer);
  if (group == model::GroupId::NO_GROUP) return complete_child(sa, now, {}, {});
  key_exchange(sa, now, model::KeWork{group, {}, ke->value}, complete_child_ke);
}

}  // namespace

void handle_request(IkeSa& sa, TimePoint now, const Message& message) {
  rekey::peer_uses(sa, now);
  // T13: each costs a key exchange.
  if (!sa.peer_rekeys.take(now, sa.host.config().limits.rekeys_per_minute)) {
    ++sa.host.counters().rekeys_postponed;
    return refuse(sa, now, NotifyType::TEMPORARY_FAILURE);
  }
  const SaPayload* offered = find<SaPayload>(message.payloads);
  if (!offered || offered->proposals.empty()) return refuse(sa, now, NotifyType::INVALID_SYNTAX);
  if (offered->proposals[0].protocol == model::Protocol::IKE) return rekey_ike::handle_request(sa, now, message);
  handle_child_request(sa, now, message);
}

}  // namespace sallyport::ike::v2::create_child_sa
