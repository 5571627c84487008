// The choice between two IKE SAs of the same peers.
#include "ike/v2/simultaneous_init.h"

#include <algorithm>
#include <utility>

#include "ike/v2/child_sa.h"
#include "ike/v2/user_auth.h"

namespace sallyport::ike::v2::simultaneous_init {

namespace {

// A peer that was quick may have rekeyed one of the two before the other stood: what counts is where they come from.
IkeSa::Origin origin_of(const IkeSa& sa) {
  return sa.origin.value_or(IkeSa::Origin{sa.spi_i, sa.spi_r, sa.original_initiator});
}

bool usable(const IkeSa& sa) { return sa.established() && !sa.replaced && !sa.tentative && sa.remote_identity; }

bool same_peers(const IkeSa& a, const IkeSa& b) {
  return a.connection_name() == b.connection_name() && model::same_identity(*a.remote_identity, *b.remote_identity) &&
         user_auth::same_users(a, b);
}

// Made by one IKE_AUTH each, by one end each, for the same connection and identity.
bool are_twins(const IkeSa& a, const IkeSa& b) {
  return &a != &b && usable(a) && usable(b) && origin_of(a).initiator != origin_of(b).initiator && same_peers(a, b);
}

bool comes_first(const IkeSa& a, const IkeSa& b) {
  const IkeSa::Origin x = origin_of(a), y = origin_of(b);
  return std::make_pair(x.spi_i, x.spi_r) < std::make_pair(y.spi_i, y.spi_r);
}

void want_child(IkeSa& kept, const std::string& name) {
  const bool there = std::any_of(kept.children.begin(), kept.children.end(),
                                 [&](const auto& c) { return c->name == name && c->serves_us(); });
  if (!there && !kept.has_create(name)) kept.queue(Task(Task::Kind::create_child, name));
}

}  // namespace

IkeSa* survivor_of(const IkeSa& gone) {
  if (!gone.remote_identity) return nullptr;
  for (IkeSa* other : gone.host.sas_of(gone.connection_name(), &*gone.remote_identity)) {
    if (other != &gone && usable(*other) && same_peers(gone, *other)) return other;
  }
  return nullptr;
}

void settle(IkeSa& sa, TimePoint now) {
  if (!sa.remote_identity) return;
  IkeSa* twin = nullptr;
  for (IkeSa* other : sa.host.sas_of(sa.connection_name(), &*sa.remote_identity)) {
    if (are_twins(sa, *other)) twin = other;
  }
  if (!twin) return;
  IkeSa& kept = comes_first(sa, *twin) ? sa : *twin;
  IkeSa& redundant = &kept == &sa ? *twin : sa;
  if (!origin_of(redundant).initiator || redundant.has_task(Task::Kind::delete_ike)) return;  // the peer's, or done
  sa.host.count_row("both initiated: ours is redundant");
  for (const auto& child : redundant.children) want_child(kept, child->name);
  for (const Task& task : redundant.take_tasks()) {
    if (task.kind == Task::Kind::create_child) want_child(kept, task.child);
  }
  Task away(Task::Kind::delete_ike);
  away.reason = "both ends had initiated";
  away.by_command = true;
  redundant.queue(std::move(away));
  // The one whose turn it is starts its tasks when that is over.
  if (&redundant != &sa) redundant.start_tasks(now);
  if (&kept != &sa) kept.start_tasks(now);
}

}  // namespace sallyport::ike::v2::simultaneous_init
