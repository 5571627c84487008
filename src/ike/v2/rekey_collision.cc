// Nonce comparison and what follows from it. RFC 7296 2.8.1, 2.8.2, 2.25.
#include "ike/v2/rekey_collision.h"

#include <algorithm>

#include "ike/v2/rekey.h"

namespace sallyport::ike::v2 {

OwnExchange* own_exchange_of(IkeSa& sa) {
  if (!sa.active() || !sa.own_exchange) return nullptr;
  switch (sa.active()->kind) {
    case Task::Kind::create_child:
    case Task::Kind::rekey_child:
    case Task::Kind::rekey_ike: return static_cast<OwnExchange*>(sa.own_exchange.get());
    case Task::Kind::ike_sa_init:
    case Task::Kind::ike_auth:
    case Task::Kind::delete_child:
    case Task::Kind::delete_ike:
    case Task::Kind::liveness:
    case Task::Kind::report: return nullptr;
  }
  return nullptr;
}

namespace rekey_collision {

// A rekeyed or redundant IKE SA is kept so long for a peer that never deletes it.
static constexpr Duration kOldIkeSaLife = minutes(2);
// So long the peer has for deleting the redundant Child SA it made; one that knows no such rule never does.
static constexpr Duration kRedundantChildLife = seconds(30);

bool lower_than(const Bytes& a, const Bytes& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

const Bytes& lower(const Bytes& a, const Bytes& b) { return lower_than(b, a) ? b : a; }

std::shared_ptr<PeerRekey> note(IkeSa& sa, Task::Kind kind, model::ChildId old_child, const Bytes& nonce_i,
                                const Bytes& nonce_r) {
  OwnExchange* own = own_exchange_of(sa);
  if (!own || own->kind != kind) return nullptr;
  if (kind == Task::Kind::rekey_child && own->old_child != old_child) return nullptr;
  own->peer = std::make_shared<PeerRekey>();
  own->peer->lower_nonce = lower(nonce_i, nonce_r);
  sa.host.count_row(kind == Task::Kind::rekey_child ? "collision: both rekey the Child SA"
                                                    : "collision: both rekey the IKE SA");
  return own->peer;
}

bool ours_is_redundant(IkeSa& sa, OwnExchange& own, const Bytes& nonce_r) {
  if (!own.peer) return false;
  const bool child = own.kind == Task::Kind::rekey_child;
  const bool lost =
      own.peer->verdict == PeerRekey::Verdict::SURVIVES || lower_than(lower(own.nonce, nonce_r), own.peer->lower_nonce);
  own.peer->verdict = lost ? PeerRekey::Verdict::SURVIVES : PeerRekey::Verdict::REDUNDANT;
  if (child) {
    sa.host.count_row(lost ? "collision: our new Child SA is redundant"
                           : "collision: the peer's new Child SA is redundant");
  } else {
    sa.host.count_row(lost ? "collision: our new IKE SA is redundant"
                           : "collision: the peer's new IKE SA is redundant");
  }
  return lost;
}

std::shared_ptr<PeerRekey> note_create(IkeSa& sa, const ChildAgreement& agreed, const Bytes& nonce_i,
                                       const Bytes& nonce_r) {
  OwnExchange* own = own_exchange_of(sa);
  if (!own || own->kind != Task::Kind::create_child || own->offer.resource || agreed.resource) return nullptr;
  if (own->policy.name != agreed.policy.name) return nullptr;
  own->peer = std::make_shared<PeerRekey>();
  own->peer->lower_nonce = lower(nonce_i, nonce_r);
  own->peer->ts_local = agreed.ts_local;
  own->peer->ts_remote = agreed.ts_remote;
  sa.host.count_row("collision: both create the Child SA");
  return own->peer;
}

bool ours_is_needless(IkeSa& sa, OwnExchange& own, const ChildAgreement& agreed, const Bytes& nonce_r) {
  if (!own.peer) return false;
  const bool computing = own.peer->child_id == 0;
  if (!computing && !find_child(sa, own.peer->child_id)) {
    // The peer may have rekeyed it before our answer came: what stands in its place is meant.
    for (const auto& child : sa.children) {
      if (child->name == own.policy.name && !child->resource && child->state == ChildSa::State::INSTALLED) {
        own.peer->child_id = child->id;
      }
    }
  }
  const bool twins = own.peer->ts_local == agreed.ts_local && own.peer->ts_remote == agreed.ts_remote;
  if (!twins || (!computing && !find_child(sa, own.peer->child_id))) {
    own.peer.reset();
    return false;
  }
  const bool lost = lower_than(lower(own.nonce, nonce_r), own.peer->lower_nonce);
  own.peer->verdict = lost ? PeerRekey::Verdict::SURVIVES : PeerRekey::Verdict::REDUNDANT;
  sa.host.count_row(lost ? "collision: of two new Child SAs ours goes"
                         : "collision: of two new Child SAs the peer's goes");
  return lost;
}

void set_redundant(IkeSa& sa, ChildSa& child, TimePoint now) {
  child.redundant = true;
  child.replaces.reset();
  Task away(Task::Kind::delete_child, child.id);
  away.not_before = now + kRedundantChildLife;
  sa.queue(std::move(away));
}

void let_go(IkeSa& sa, TimePoint now, bool silent_peer) {
  OwnExchange* own = own_exchange_of(sa);
  if (!own || own->kind != Task::Kind::rekey_ike || !own->peer || own->peer->verdict != PeerRekey::Verdict::OPEN)
    return;
  IkeSa* other = own->peer->ike_id != 0 ? sa.host.find(own->peer->ike_id) : nullptr;
  if (!other || !other->established()) return;
  if (silent_peer) (void)peers_stands(sa, now, *own);
  own->peer->verdict = PeerRekey::Verdict::SURVIVES;
  other->tentative = false;
  other->queue(Task(Task::Kind::liveness));
  other->start_tasks(now);
}

bool peers_stands(IkeSa& sa, TimePoint now, OwnExchange& own) {
  if (!own.peer) return false;
  if (own.kind == Task::Kind::create_child) {
    own.peer->verdict = PeerRekey::Verdict::SURVIVES;
    return find_child(sa, own.peer->child_id) != nullptr;
  }
  if (own.kind == Task::Kind::rekey_child) {
    own.peer->verdict = PeerRekey::Verdict::SURVIVES;
    if (own.peer->child_id == 0) return false;
    if (ChildSa* old = find_child(sa, own.old_child); old && old->state == ChildSa::State::REKEYING) {
      old->state = ChildSa::State::REKEYED;
    }
    sa.host.count_row("collision: the peer had finished rekeying the Child SA");
    return true;
  }
  if (own.peer->verdict == PeerRekey::Verdict::SURVIVES) return true;
  own.peer->verdict = PeerRekey::Verdict::SURVIVES;
  IkeSa* heir = own.peer->ike_id != 0 ? sa.host.find(own.peer->ike_id) : nullptr;
  if (!heir || !heir->established()) return false;
  sa.host.count_row("collision: the peer had finished rekeying the IKE SA");
  inherit(sa, *heir, now);
  return true;
}

void inherit(IkeSa& old, IkeSa& heir, TimePoint now) {
  heir.tentative = false;
  for (auto& child : old.children) heir.children.push_back(std::move(child));
  old.children.clear();
  rekey::arm_switch(heir);
  old.replaced = true;
  for (Task& task : old.take_tasks()) {
    switch (task.kind) {
      case Task::Kind::create_child:
      case Task::Kind::rekey_child:
      case Task::Kind::delete_child:
      case Task::Kind::delete_ike: heir.queue(std::move(task)); break;
      case Task::Kind::ike_sa_init:
      case Task::Kind::ike_auth:
      case Task::Kind::rekey_ike:
      case Task::Kind::liveness:
      case Task::Kind::report: break;
    }
  }
  old.successor_id = heir.id;
  if (old.established()) old.transition_to(IkeState::REKEYED, "a successor carries the Child SAs");
  set_redundant(old, now);
  old.host.emit(Event(IkeSaRekeyed{old.id, heir.id}));
  heir.start_tasks(now);
}

void set_redundant(IkeSa& sa, TimePoint now) {
  sa.replaced = true;
  sa.tentative = false;
  sa.timers.clear(Timer::rekey);
  sa.timers.clear(Timer::over_time);
  sa.timers.clear(Timer::liveness);
  sa.timers.set(Timer::discard, now + kOldIkeSaLife);
}

}  // namespace rekey_collision
}  // namespace sallyport::ike::v2
