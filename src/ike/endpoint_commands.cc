// Time and the commands from above. RFC 7296 2.1, 2.4, 2.8.
#include <algorithm>

#include "ike/endpoint_impl.h"
#include "ike/v2/child_sa.h"
#include "ike/v2/handshake.h"
#include "ike/v2/ike_sa_init.h"
#include "ike/v2/liveness.h"
#include "ike/v2/rekey.h"
#include "ike/v2/resources.h"

namespace sallyport::ike {

using v2::ChildSa;
using v2::IkeSa;
using v2::IkeState;
using v2::Task;
using v2::Timer;

static constexpr Duration kOwnHandshakeMost = minutes(5);

// ---- time

void Endpoint::Impl::handle_deadline(TimePoint now) {
  failed_auths_.forget_over(now);
  // An agent that hangs must not hold an IKE SA for ever: other exchanges wait for the one in hand.
  while (!work_due_.empty() && work_due_.front().first <= now) {
    const model::RequestId id = work_due_.front().second;
    take_reply(now, id, model::Refused{Errc::timeout, "work on a key was not answered in time"});
    settle_touched();
    forget_answered();
  }
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const model::IkeId id = deadlines_.begin()->second;
    const auto it = sas_.find(id);
    if (it == sas_.end()) {
      deadlines_.erase(deadlines_.begin());
      continue;
    }
    IkeSa& sa = *it->second;
    const auto due = sa.timers.take_expired(now);
    if (due) expire(sa, now, *due);
    settle(sa);
    settle_touched();
  }
}

static std::string seconds_text(Duration d) {
  return std::to_string(std::chrono::duration_cast<seconds>(d).count()) + " s";
}

void Endpoint::Impl::give_up_waiting(IkeSa& sa, TimePoint now) {
  const std::string tries = std::to_string(sa.window.transmissions());
  if (sa.authenticated()) {
    if (sa.state() == IkeState::DELETING && sa.active()) {
      const Task task = *sa.active();
      sa.destroy(now, Errc::timeout, task.reason, task.by_command);
    } else {
      sa.destroy(now, Errc::timeout, "the peer at " + sa.remote.to_string() + " does not answer (" + tries + " tries)");
    }
    return;
  }
  const char* what = sa.state() == IkeState::INIT_SENT ? "IKE_SA_INIT" : "IKE_AUTH";
  sa.destroy(now, Errc::timeout,
             "no answer from " + sa.remote.to_string() + " to " + what + " (" + tries + " tries in " +
                 seconds_text(now - sa.born) + ")");
}

void Endpoint::Impl::expire(IkeSa& sa, TimePoint now, Timer timer) {
  switch (timer) {
    case Timer::retransmit:
      if (v2::ike_sa_init::end_refused(sa, now)) return;
      if (sa.window.retransmit(now)) {
        ++counters_.retransmissions;
        sa.timers.set(Timer::retransmit, *sa.window.deadline());
        sa.transmit(sa.window.outstanding());
      } else {
        give_up_waiting(sa, now);
      }
      return;
    case Timer::half_open:
      if (sa.original_initiator) {
        sa.destroy(now, Errc::timeout, "the negotiation took too long");
      } else if (!sa.authenticated()) {
        sa.destroy_quietly(now);
      }
      return;
    case Timer::liveness: v2::liveness::handle_deadline(sa, now); return;
    case Timer::rekey:
      if (sa.established() && !sa.has_task(Task::Kind::rekey_ike)) {
        sa.queue(Task(Task::Kind::rekey_ike));
        sa.start_tasks(now);
      }
      return;
    case Timer::over_time:
      if (sa.authenticated() && !sa.has_task(Task::Kind::delete_ike)) {
        Task over(Task::Kind::delete_ike);
        over.reason = "its lifetime is over";
        sa.queue(std::move(over));
        sa.start_tasks(now);
      }
      return;
    case Timer::task: sa.start_tasks(now); return;
    case Timer::fragments: sa.fragments.clear(); return;
    case Timer::discard: sa.destroy_quietly(now); return;
    case Timer::switch_over: v2::rekey::switch_due(sa, now); return;
    case Timer::kCount_: return;
  }
}

// ---- commands

void Endpoint::Impl::handle_command(TimePoint now, Command& command) {
  if (auto* set = std::get_if<SetPolicy>(&command)) {
    set_policy(std::move(set->policy));
  } else if (const auto* up = std::get_if<Initiate>(&command)) {
    initiate(now, *up);
  } else if (const auto* down = std::get_if<Terminate>(&command)) {
    terminate(now, *down);
  } else if (const auto* ike = std::get_if<RekeyIke>(&command)) {
    for_each([&](IkeSa& sa) {
      if (!sa.established() || sa.connection_name() != ike->connection || sa.has_task(Task::Kind::rekey_ike)) return;
      sa.queue(Task(Task::Kind::rekey_ike));
      sa.start_tasks(now);
    });
  } else if (const auto* child = std::get_if<RekeyChild>(&command)) {
    for_each([&](IkeSa& sa) {
      if (!child->connection.empty() && sa.connection_name() != child->connection) return;
      rekey_children(sa, now,
                     [&](const ChildSa& c) { return child->spi ? c.spi_in == *child->spi : c.name == child->child; });
    });
  } else if (const auto* life = std::get_if<ChildLifetime>(&command)) {
    child_lifetime(now, *life);
  } else if (const auto* seen = std::get_if<InboundSeen>(&command)) {
    for_each([&](IkeSa& sa) {
      if (v2::find_child(sa, seen->child_id)) v2::rekey::inbound_seen(sa, seen->child_id);
    });
  } else if (const auto* alive = std::get_if<InboundActivity>(&command)) {
    for (model::IkeId id : alive->ike_ids) {
      if (IkeSa* sa = find(id)) sa->on_authenticated_received(now);
    }
  } else if (const auto* moved = std::get_if<PeerSeenAt>(&command)) {
    peer_seen_at(*moved);
  } else if (const auto* unknown = std::get_if<UnknownSpi>(&command)) {
    unknown_esp_spi(now, *unknown);
  } else if (const auto* copy = std::get_if<WantCopy>(&command)) {
    for_each([&](IkeSa& sa) {
      if (const v2::ChildSa* one = v2::find_child(sa, copy->child_id))
        v2::resources::ask_for_copy(sa, now, *one, copy->resource);
    });
  } else if (const auto* gone = std::get_if<DeleteChild>(&command)) {
    for_each([&](IkeSa& sa) {
      if (!v2::find_child(sa, gone->child_id) || sa.has_task(Task::Kind::delete_child, gone->child_id)) return;
      sa.queue(Task(Task::Kind::delete_child, gone->child_id));
      sa.start_tasks(now);
    });
  }
}

void Endpoint::Impl::set_policy(std::shared_ptr<const model::IkePolicySet> policy) {
  if (!policy) return;
  policy_ = std::move(policy);
  for_each([&](IkeSa& sa) {
    // Responders that have not chosen yet keep the snapshot their candidates point into.
    const model::ConnectionPolicy* old = sa.connection();
    if (!old) return;
    for (size_t i = 0; i < policy_->connections.size(); ++i) {
      if (policy_->connections[i].name != old->name) continue;
      sa.policy = policy_;
      sa.connection_index = i;
      return;
    }
  });
}

static std::vector<std::string> wanted_children(const model::ConnectionPolicy& c, const std::string& child) {
  std::vector<std::string> out;
  if (!child.empty()) return {child};
  for (const model::ChildPolicy& p : c.children) {
    if (p.start == model::ChildPolicy::Start::up) out.push_back(p.name);
  }
  // Nothing starts by itself: whoever asks for the connection means all of it.
  if (out.empty()) {
    for (const model::ChildPolicy& p : c.children) out.push_back(p.name);
  }
  return out;
}

void Endpoint::Impl::initiate(TimePoint now, const Initiate& command) {
  const auto& connections = policy_->connections;
  const auto it = std::find_if(connections.begin(), connections.end(),
                               [&](const model::ConnectionPolicy& c) { return c.name == command.connection; });
  if (it == connections.end()) {
    emit(Event(AttemptFailed{
        command.connection, command.child, Errc::not_found, "no connection is called " + command.connection, {}, {}}));
    return;
  }
  const std::vector<std::string> children = wanted_children(*it, command.child);
  for (const std::string& name : children) {
    const bool known = std::any_of(it->children.begin(), it->children.end(),
                                   [&](const model::ChildPolicy& p) { return p.name == name; });
    if (known) continue;
    emit(Event(AttemptFailed{command.connection,
                             name,
                             Errc::not_found,
                             "connection " + command.connection + " has no child called " + name,
                             {},
                             {}}));
    return;
  }
  const std::optional<model::LocalUser>& own_user = command.user ? command.user : it->local_user;
  // What a peer's user has begun is for what that user asks, where the policy says so.
  const bool not_by_asker = std::any_of(it->children.begin(), it->children.end(), [&](const model::ChildPolicy& p) {
    return p.serves_asker && std::find(children.begin(), children.end(), p.name) != children.end();
  });
  IkeSa* there = nullptr;
  for (IkeSa* sa : sas_of(command.connection, nullptr)) {
    if (sa->has_task(Task::Kind::delete_ike) || sa->replaced || sa->tentative) continue;
    if (command.remote && sa->remote.addr != *command.remote) continue;
    if (sa->own_user != own_user) continue;  // one user's IKE SA carries nothing of another's
    if (not_by_asker && sa->remote_user && !sa->original_initiator) continue;
    const bool usable = sa->established() || (sa->original_initiator && !sa->authenticated() && sa->handshake &&
                                              sa->state() != IkeState::CLOSED);
    if (usable && (!there || sa->established())) there = sa;
  }
  if (there && !there->established()) {
    // Under way: the children join it.
    auto& list = v2::handshake_of(*there).children;
    for (const std::string& name : children) {
      if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
    }
    return;
  }
  if (there) {
    for (const std::string& name : children) {
      const bool up = std::any_of(there->children.begin(), there->children.end(), [&](const auto& c) {
        return c->name == name && c->serves_us() && c->state != ChildSa::State::DELETING &&
               !there->has_task(Task::Kind::delete_child, c->id);
      });
      if (!up && !there->has_create(name)) there->queue(Task(Task::Kind::create_child, name));
    }
    there->start_tasks(now);
    return;
  }
  auto sa = std::make_unique<IkeSa>(*this, true, policy_);
  sa->connection_index = static_cast<size_t>(it - connections.begin());
  sa->spi_i = new_ike_spi();
  sa->own_user = own_user;
  sa->born = now;
  // Whatever another process still owes us, or a peer keeps asking for.
  sa->timers.set(Timer::half_open, now + kOwnHandshakeMost);
  sa->window = MessageWindow({it->retransmit_timeout, it->retransmit_factor, it->retransmit_tries});
  auto handshake = std::make_unique<v2::Handshake>();
  handshake->children = children;
  handshake->given_local = command.local;
  handshake->given_remote = command.remote;
  sa->handshake = std::move(handshake);
  sa->queue(Task(Task::Kind::ike_sa_init));
  IkeSa& fresh = *sa;
  adopt(std::move(sa));
  fresh.start_tasks(now);
}

static void terminate_one(IkeSa& sa, TimePoint now, const std::string& only_child) {
  if (!only_child.empty()) {
    for (const auto& child : sa.children) {
      if (child->name != only_child) continue;
      // The peer's to delete: ours waits in the queue and would be late.
      if (!child->redundant && sa.has_task(Task::Kind::delete_child, child->id)) continue;
      sa.queue(Task(Task::Kind::delete_child, child->id));
    }
    // Being set up for this child alone: then for nothing.
    if (!sa.authenticated() && sa.original_initiator && sa.handshake &&
        v2::handshake_of(sa).children == std::vector<std::string>{only_child})
      return sa.destroy(now, Errc::state, "stopped by command", true);
    sa.start_tasks(now);
    return;
  }
  if (!sa.authenticated()) {
    if (sa.original_initiator) sa.destroy(now, Errc::state, "stopped by command", true);
    return;
  }
  if (sa.has_task(Task::Kind::delete_ike)) return;
  sa.drop_tasks();
  Task away(Task::Kind::delete_ike);
  away.reason = "stopped by command";
  away.by_command = true;
  sa.queue(std::move(away));
  sa.start_tasks(now);
}

void Endpoint::Impl::terminate(TimePoint now, const Terminate& command) {
  if (command.ike_id) {
    if (IkeSa* sa = find(*command.ike_id)) terminate_one(*sa, now, command.child);
    return;
  }
  for (IkeSa* sa : sas_of(command.connection, nullptr)) terminate_one(*sa, now, command.child);
}

void Endpoint::Impl::rekey_children(IkeSa& sa, TimePoint now, const std::function<bool(const ChildSa&)>& which) {
  if (!sa.established()) return;
  for (const auto& child : sa.children) {
    if (!which(*child) || child->state != ChildSa::State::INSTALLED) continue;
    if (!sa.has_task(Task::Kind::rekey_child, child->id)) sa.queue(Task(Task::Kind::rekey_child, child->id));
  }
  sa.start_tasks(now);
}

void Endpoint::Impl::child_lifetime(TimePoint now, const ChildLifetime& command) {
  for_each([&](IkeSa& sa) {
    ChildSa* child = v2::find_child_by_spi_in(sa, command.spi);
    if (!child) return;
    if (!command.hard) {
      rekey_children(sa, now, [&](const ChildSa& c) { return c.spi_in == command.spi; });
      return;
    }
    v2::rekey::child_expired(sa, now, *child);
  });
}

// ---- status

static ChildSaStatus status_of(const ChildSa& child) {
  ChildSaStatus s;
  s.child_id = child.id;
  s.child = child.name;
  s.state = v2::to_string(child.state);
  s.spi_in = child.spi_in;
  s.spi_out = child.spi_out;
  s.chosen = model::to_string(model::to_proposal(child.chosen));
  s.mode = model::to_string(child.mode);
  s.protocol = child.chosen.protocol;
  s.esn = child.chosen.esn;
  s.resource = child.resource;
  s.udp_encap = child.udp_encap;
  s.ts_local = child.ts_local;
  s.ts_remote = child.ts_remote;
  s.peer_boundary = child.peer_boundary;
  s.guaranteed_encryption = child.guaranteed_encryption;
  return s;
}

static IkeSaStatus status_of(const IkeSa& sa) {
  IkeSaStatus s;
  s.ike_id = sa.id;
  s.connection = std::string(sa.connection_name());
  s.state = v2::to_string(sa.state());
  s.initiator = sa.original_initiator;
  s.local = sa.local;
  s.remote = sa.remote;
  if (sa.local_identity) s.local_identity = sa.local_identity->to_string();
  if (sa.authenticated() && sa.remote_identity) s.remote_identity = sa.remote_identity->to_string();
  if (sa.protection) {
    s.chosen = model::to_string(model::to_proposal(sa.chosen));
    s.algorithms = sa.chosen;
  }
  if (sa.authenticated()) {
    s.local_proof = sa.local_proof;
    s.remote_proof = sa.remote_proof;
    if (sa.local_user) s.local_user = sa.local_user->to_string();
    if (sa.remote_user) s.remote_user = sa.remote_user->to_string();
    s.local_user_proof = sa.local_user_proof;
    s.remote_user_proof = sa.remote_user_proof;
  }
  s.spi_i = sa.spi_i;
  s.spi_r = sa.spi_r;
  s.nat_local = sa.nat_local;
  s.nat_remote = sa.nat_remote;
  s.established = sa.established_at;
  s.rekey_at = sa.timers.get(Timer::rekey);
  for (const auto& child : sa.children) s.children.push_back(status_of(*child));
  return s;
}

static bool over(const IkeSa& sa) { return sa.state() == IkeState::DEAD || sa.state() == IkeState::CLOSED; }

std::vector<IkeSaStatus> Endpoint::status() const {
  std::vector<IkeSaStatus> out;
  for (const auto& [id, sa] : impl_->sas_) {
    if (!over(*sa)) out.push_back(status_of(*sa));
  }
  return out;
}

std::optional<IkeSaStatus> Endpoint::status(model::IkeId id) const {
  const auto found = impl_->sas_.find(id);
  if (found == impl_->sas_.end() || over(*found->second)) return std::nullopt;
  return status_of(*found->second);
}

std::vector<model::IkeId> Endpoint::authenticated() const {
  std::vector<model::IkeId> out;
  for (const auto& [id, sa] : impl_->sas_) {
    if (sa->authenticated()) out.push_back(id);
  }
  return out;
}

// ---- SPIs of others

model::Spi Endpoint::take_spi() { return impl_->new_child_spi(std::nullopt); }

bool Endpoint::take_spi(model::Spi spi) {
  constexpr model::Spi kReserved = 255;
  return spi > kReserved && impl_->child_spis_.insert(spi).second;
}

void Endpoint::release_spi(model::Spi spi) { impl_->release_child_spi(spi); }

}  // namespace sallyport::ike
