// Switching over to a successor and deleting what it replaces. RFC 7296 1.4.1, 2.8, 2.25.
#include "ike/v2/rekey.h"

#include "ike/v2/child_sa.h"
#include "ike/v2/rekey_collision.h"

namespace sallyport::ike::v2::rekey {

static void switch_over(IkeSa& sa, ChildSa& child) {
  if (child.outbound_ready || child.redundant) return;
  child.outbound_ready = true;
  child.switch_at.reset();
  sa.host.emit(Event(SwitchOutbound{child.id}));
}

// Successors first, so that no moment passes without an outbound SA.
static void remove_replaced(IkeSa& sa, model::ChildId id) {
  for (const auto& child : sa.children) {
    if (child->replaces == id) switch_over(sa, *child);
  }
  remove_child(sa, id, kLinger);
}

void switch_later(IkeSa& sa, TimePoint now, ChildSa& copy) {
  copy.switch_at = now + kCopyRests;
  arm_switch(sa);
}

void switch_due(IkeSa& sa, TimePoint now) {
  for (const auto& child : sa.children) {
    if (child->switch_at && *child->switch_at <= now) switch_over(sa, *child);
  }
  arm_switch(sa);
}

void arm_switch(IkeSa& sa) {
  sa.timers.clear(Timer::switch_over);
  for (const auto& child : sa.children) {
    if (!child->switch_at) continue;
    const auto soonest = sa.timers.get(Timer::switch_over);
    if (!soonest || *child->switch_at < *soonest) sa.timers.set(Timer::switch_over, *child->switch_at);
  }
}

void inbound_seen(IkeSa& sa, model::ChildId id) {
  if (ChildSa* child = find_child(sa, id)) switch_over(sa, *child);
}

std::vector<model::Spi> peer_deletes(IkeSa& sa, TimePoint, model::Protocol protocol,
                                     const std::vector<model::Spi>& spis_out) {
  std::vector<model::Spi> answer;
  for (const model::Spi spi : spis_out) {
    const ChildSa* child = find_child_by_spi_out(sa, protocol, spi);
    if (!child) {
      // The answer that would tell us of it may still be under way; the list is bounded, for a peer may name anything.
      OwnExchange* own = own_exchange_of(sa);
      if (own && own->deleted_early.size() < 64) own->deleted_early.emplace_back(protocol, spi);
      continue;
    }
    // RFC 7296 2.25.1: our own Delete is out; its answer will end the SA on both sides.
    if (child->state == ChildSa::State::DELETING) {
      sa.host.count_row("collision: both delete the Child SA");
      continue;
    }
    if (child->state == ChildSa::State::REKEYING) sa.host.count_row("collision: the peer deletes what we rekey");
    answer.push_back(child->spi_in);
    remove_replaced(sa, child->id);
  }
  return answer;
}

// Some peers rekey nothing within an IKE SA (RFC 7296 2.8 allows them that): only a new IKE SA brings a new Child SA.
static void close_unrekeyed(IkeSa& sa, const ChildSa& child) {
  sa.host.count_row("a Child SA could not be rekeyed: the IKE SA is closed");
  if (sa.has_task(Task::Kind::delete_ike)) return;
  Task over(Task::Kind::delete_ike);
  over.reason = "the lifetime of Child SA " + child.name + " is over, and it could not be rekeyed";
  sa.queue(std::move(over));
}

void child_expired(IkeSa& sa, TimePoint now, ChildSa& child) {
  const bool in_use = child.state == ChildSa::State::INSTALLED || child.state == ChildSa::State::REKEYING;
  if (in_use && !child.redundant && sa.has_task(Task::Kind::rekey_child, child.id)) {
    child.expired = true;
    return;
  }
  // RFC 9611 5.2: what a copy carried is carried by those that stand.
  if (in_use && !child.redundant && child.rekey_failed && !child.resource && sa.established()) {
    close_unrekeyed(sa, child);
  } else if (!sa.has_task(Task::Kind::delete_child, child.id)) {
    sa.queue(Task(Task::Kind::delete_child, child.id));
  }
  sa.start_tasks(now);
}

bool rekey_failed(IkeSa& sa, ChildSa& child) {
  child.rekey_failed = true;
  if (!child.expired) return false;
  if (child.resource || !sa.established()) {
    sa.queue(Task(Task::Kind::delete_child, child.id));
  } else {
    close_unrekeyed(sa, child);
  }
  return true;
}

bool begin_delete(IkeSa& sa, model::ChildId id) {
  ChildSa* child = find_child(sa, id);
  if (!child) return false;
  child->state = ChildSa::State::DELETING;
  return true;
}

void delete_answered(IkeSa& sa, TimePoint, model::ChildId id) { remove_replaced(sa, id); }

void peer_deletes_ike(IkeSa& sa, TimePoint now) {
  OwnExchange* own = own_exchange_of(sa);
  if (!own || own->kind != Task::Kind::rekey_ike) return;
  sa.host.count_row("collision: the peer deletes the IKE SA that we rekey");
  (void)rekey_collision::peers_stands(sa, now, *own);
}

void peer_uses(IkeSa& sa, TimePoint now) {
  if (!sa.established() || !sa.children.empty()) return;
  IkeSa* rekeyed = nullptr;
  for (IkeSa* other : sa.host.sas_of(sa.connection_name(), nullptr)) {
    const OwnExchange* own = own_exchange_of(*other);
    if (own && own->kind == Task::Kind::rekey_ike && own->peer && own->peer->ike_id == sa.id &&
        own->peer->verdict == PeerRekey::Verdict::OPEN) {
      rekeyed = other;
    }
  }
  if (rekeyed) (void)rekey_collision::peers_stands(*rekeyed, now, *own_exchange_of(*rekeyed));
}

}  // namespace sallyport::ike::v2::rekey
