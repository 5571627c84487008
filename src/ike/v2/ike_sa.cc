// State, queue and sealed traffic of one IKE SA. RFC 7296 2.1 to 2.4, 2.8.
#include "ike/v2/ike_sa.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "ike/v2/child_sa.h"
#include "ike/v2/liveness.h"
#include "ike/v2/rekey_collision.h"
#include "ike/v2/simultaneous_init.h"

namespace sallyport::ike::v2 {

using namespace wire::ike2;

// How long the last reply is kept for a peer that did not get it.
static constexpr Duration kClosedLinger = seconds(20);

std::string_view to_string(IkeState state) {
  switch (state) {
    case IkeState::STARTING: return "STARTING";
    case IkeState::INIT_SENT: return "INIT_SENT";
    case IkeState::INIT_DONE: return "INIT_DONE";
    case IkeState::AUTH_SENT: return "AUTH_SENT";
    case IkeState::AUTH_CHECKING: return "AUTH_CHECKING";
    case IkeState::USER_SENT: return "USER_SENT";
    case IkeState::USER_AWAITED: return "USER_AWAITED";
    case IkeState::ESTABLISHED: return "ESTABLISHED";
    case IkeState::REKEYED: return "REKEYED";
    case IkeState::DELETING: return "DELETING";
    case IkeState::CLOSED: return "CLOSED";
    case IkeState::DEAD: return "DEAD";
  }
  return "?";
}

IkeSa::IkeSa(Host& h, bool initiator, std::shared_ptr<const model::IkePolicySet> snapshot)
    : host(h), original_initiator(initiator), id(h.new_ike_id()), policy(std::move(snapshot)) {}

IkeSa::~IkeSa() = default;

[[maybe_unused]] static bool may_follow(IkeState from, IkeState to) {
  if (to == IkeState::DEAD || to == IkeState::CLOSED) return true;
  switch (from) {
    case IkeState::STARTING:
      return to == IkeState::INIT_SENT || to == IkeState::INIT_DONE || to == IkeState::ESTABLISHED;
    case IkeState::INIT_SENT: return to == IkeState::STARTING || to == IkeState::INIT_DONE;
    case IkeState::INIT_DONE: return to == IkeState::AUTH_SENT || to == IkeState::AUTH_CHECKING;
    case IkeState::AUTH_SENT: return to == IkeState::USER_SENT || to == IkeState::ESTABLISHED;
    case IkeState::AUTH_CHECKING: return to == IkeState::USER_AWAITED || to == IkeState::ESTABLISHED;
    case IkeState::USER_SENT: return to == IkeState::ESTABLISHED;
    case IkeState::USER_AWAITED: return to == IkeState::AUTH_CHECKING;
    case IkeState::ESTABLISHED: return to == IkeState::REKEYED || to == IkeState::DELETING;
    case IkeState::REKEYED: return to == IkeState::DELETING;
    case IkeState::DELETING:
    case IkeState::CLOSED:
    case IkeState::DEAD: return false;
  }
  return false;
}

void IkeSa::transition_to(IkeState next, std::string_view why) {
  if (next == state_) return;
  assert(may_follow(state_, next));
  state_why.assign(to_string(state_)).append(" -> ").append(to_string(next)).append(" (").append(why).append(")");
  host.emit(Event(ike::StateChanged{id, std::string(connection_name()), to_string(state_), to_string(next), row,
                                    std::string(why)}));
  state_ = next;
  host.touch(*this);
}

bool IkeSa::authenticated() const {
  switch (state_) {
    case IkeState::ESTABLISHED:
    case IkeState::REKEYED:
    case IkeState::DELETING: return true;
    case IkeState::STARTING:
    case IkeState::INIT_SENT:
    case IkeState::INIT_DONE:
    case IkeState::AUTH_SENT:
    case IkeState::AUTH_CHECKING:
    case IkeState::USER_SENT:
    case IkeState::USER_AWAITED:
    case IkeState::CLOSED:
    case IkeState::DEAD: return false;
  }
  return false;
}

const model::ConnectionPolicy* IkeSa::connection() const {
  return policy && connection_index < policy->connections.size() ? &policy->connections[connection_index] : nullptr;
}

std::string_view IkeSa::connection_name() const { return connection() ? std::string_view(connection()->name) : ""; }

// ---- the queue

void IkeSa::queue(Task task) {
  if (state_ == IkeState::DEAD) return;
  tasks_.push_back(std::move(task));
}

bool IkeSa::has_task(Task::Kind kind, model::ChildId child_id) const {
  const auto is = [&](const Task& t) { return t.kind == kind && t.child_id == child_id; };
  if (active_ && is(*active_)) return true;
  for (const Task& t : tasks_) {
    if (is(t)) return true;
  }
  return false;
}

bool IkeSa::has_copy(std::string_view child, uint32_t resource) const {
  const auto is = [&](const Task& t) {
    return t.kind == Task::Kind::create_child && t.child == child && t.resource == resource;
  };
  return (active_ && is(*active_)) || std::any_of(tasks_.begin(), tasks_.end(), is);
}

bool IkeSa::has_create(std::string_view child) const {
  const auto is = [&](const Task& t) { return t.kind == Task::Kind::create_child && t.child == child; };
  if (active_ && is(*active_)) return true;
  for (const Task& t : tasks_) {
    if (is(t)) return true;
  }
  return false;
}

bool IkeSa::stands(std::string_view child) const {
  return std::any_of(children.begin(), children.end(), [&](const auto& c) {
    const bool good = c->state == ChildSa::State::INSTALLED || c->state == ChildSa::State::REKEYING;
    return c->name == child && good && c->serves_us() && !has_task(Task::Kind::delete_child, c->id);
  });
}

void IkeSa::drop_tasks() {
  tasks_.clear();
  timers.clear(Timer::task);
}

std::deque<Task> IkeSa::take_tasks() {
  timers.clear(Timer::task);
  return std::exchange(tasks_, {});
}

// Which kinds of exchange a state allows us to start. S2: nothing but IKE_SA_INIT and IKE_AUTH before authentication.
static bool may_start(IkeState state, Task::Kind kind) {
  switch (state) {
    case IkeState::STARTING: return kind == Task::Kind::ike_sa_init;
    case IkeState::INIT_DONE: return kind == Task::Kind::ike_auth;
    case IkeState::ESTABLISHED: return kind != Task::Kind::ike_sa_init && kind != Task::Kind::ike_auth;
    case IkeState::REKEYED: return kind == Task::Kind::delete_ike;
    case IkeState::INIT_SENT:
    case IkeState::AUTH_SENT:
    case IkeState::AUTH_CHECKING:
    case IkeState::USER_SENT:
    case IkeState::USER_AWAITED:
    case IkeState::DELETING:
    case IkeState::CLOSED:
    case IkeState::DEAD: return false;
  }
  return false;
}

// Whether a task has to wait until the peer's CREATE_CHILD_SA request in hand is answered.
static bool must_wait(const Scratch* peer_exchange, Task::Kind kind) {
  const auto* in_hand = dynamic_cast<const PeerExchange*>(peer_exchange);
  if (!in_hand || kind == Task::Kind::liveness || kind == Task::Kind::report) return false;
  // The end of the IKE SA is the end of what is being computed for it, except for its successor.
  return kind != Task::Kind::delete_ike || in_hand->ike_answer.has_value();
}

void IkeSa::start_tasks(TimePoint now) {
  host.touch(*this);
  timers.clear(Timer::task);
  if (active_ || !window.can_send() || state_ == IkeState::DEAD || tentative) return;
  std::optional<TimePoint> soonest;
  for (auto it = tasks_.begin(); it != tasks_.end(); ++it) {
    if (!may_start(state_, it->kind)) continue;
    // One that lost a rekey collision is only waited for to be deleted.
    if (replaced && it->kind != Task::Kind::delete_ike) continue;
    // The peer's request in hand may make ours needless; and a collision would be seen by one end only if ours began
    // while the peer's is being computed here (RFC 7296 2.8.1 has both ends compare the same nonces). A Delete would
    // run on an IKE SA that its Child SA is about to leave.
    if (must_wait(peer_exchange.get(), it->kind)) continue;
    if (it->not_before && *it->not_before > now) {
      if (!soonest || *it->not_before < *soonest) soonest = it->not_before;
      continue;
    }
    active_ = std::move(*it);
    tasks_.erase(it);
    start_exchange(*this, now);
    return;
  }
  if (soonest) timers.set(Timer::task, *soonest);
}

void IkeSa::finish_task(TimePoint now) {
  active_.reset();
  own_exchange.reset();
  start_tasks(now);
}

// ---- messages

size_t IkeSa::fragment_octets() const {
  if (!peer_fragments) return 0;
  const model::ConnectionPolicy* c = connection();
  if (c && !c->fragmentation) return 0;
  const size_t packet = c ? c->fragment_size : size_t{1280};
  const size_t around = (remote.addr.is_v4() ? size_t{20} : size_t{40}) + 8 + (natt ? size_t{4} : size_t{0});
  return packet > around + 200 ? packet - around : size_t{200};
}

void IkeSa::transmit(const std::vector<Bytes>& datagrams) {
  for (const Bytes& bytes : datagrams) {
    host.emit(Datagram{local, remote, interface_index, natt, bytes});
  }
}

Result<std::vector<Bytes>> IkeSa::sealed(ExchangeType exchange, bool response, model::MessageId message_id,
                                         const std::vector<Payload>& payloads) {
  if (!protection) return fail(Errc::state);
  IkeHeader header;
  header.spi_i = spi_i;
  header.spi_r = spi_r;
  header.exchange = exchange;
  header.initiator_flag = original_initiator;
  header.response_flag = response;
  header.message_id = message_id;
  return protection->seal(header, payloads, fragment_octets());
}

void IkeSa::send_request(TimePoint now, ExchangeType exchange, const std::vector<Payload>& payloads) {
  auto datagrams = sealed(exchange, false, window.next_out(), payloads);
  if (!datagrams) {
    destroy(now, datagrams.error().code, "a message of ours could not be sealed");
    return;
  }
  window.sent(now, std::move(*datagrams));
  timers.set(Timer::retransmit, *window.deadline());
  transmit(window.outstanding());
}

void IkeSa::respond(TimePoint now, ExchangeType exchange, const std::vector<Payload>& payloads) {
  if (peer_exchange && !tasks_.empty()) timers.set(Timer::task, now);
  peer_exchange.reset();
  if (!window.request_in_hand()) return;
  auto datagrams = sealed(exchange, true, window.request_in_hand_id(), payloads);
  if (!datagrams) {
    destroy(now, datagrams.error().code, "a message of ours could not be sealed");
    return;
  }
  window.store_reply(std::move(*datagrams));
  transmit(window.stored_reply());
}

void IkeSa::respond_error(TimePoint now, ExchangeType exchange, NotifyType type, Bytes content) {
  respond(now, exchange, {NotifyPayload{0, {}, type, std::move(content)}});
  // RFC 7296 2.21.3: the peer takes this for the end of the IKE SA, and so do we.
  if (type == NotifyType::INVALID_SYNTAX && authenticated()) {
    close(now, Errc::bad_value, "the peer sent a request that is badly formed");
  }
}

void IkeSa::peer_says_invalid_syntax(TimePoint now) {
  host.count_row("INVALID_SYNTAX ends the IKE SA");
  destroy(now, Errc::bad_value, "the peer could not read our request (INVALID_SYNTAX)");
}

void IkeSa::send_clear_request(TimePoint now, Bytes message) {
  window.sent(now, {std::move(message)});
  timers.set(Timer::retransmit, *window.deadline());
  transmit(window.outstanding());
}

void IkeSa::respond_clear(TimePoint, Bytes message) {
  if (!window.request_in_hand()) return;
  window.store_reply({std::move(message)});
  transmit(window.stored_reply());
}

void IkeSa::response_received() {
  window.answered();
  timers.clear(Timer::retransmit);
}

// ---- keys

Result<> IkeSa::install_keys(const model::ChosenIke& agreed, IkeKeys fresh) {
  ProtectionKeys directions{fresh.sk_ei.view(), fresh.sk_ai.view(), fresh.sk_er.view(), fresh.sk_ar.view()};
  if (!original_initiator) {
    std::swap(directions.encr_out, directions.encr_in);
    std::swap(directions.integ_out, directions.integ_in);
  }
  SP_TRY(protection, Protection::create(agreed, directions, host.rng()));
  chosen = agreed;
  keys = std::move(fresh);
  if (host.config().key_log) {
    KeyLog::Ike log{spi_i,
                    spi_r,
                    chosen.encr,
                    chosen.key_bits,
                    chosen.integ,
                    keys.sk_ei.clone(),
                    keys.sk_er.clone(),
                    keys.sk_ai.clone(),
                    keys.sk_ar.clone()};
    host.emit(Event(KeyLog{std::move(log)}));
  }
  return {};
}

// Without a NAT it is by choice, over ports that IKE itself has shown to be open.
bool IkeSa::udp_encap() const { return behind_nat() || (host.config().prefer_udp && peer_is_ours && natt); }

Result<std::unique_ptr<IkeSa>> IkeSa::successor(TimePoint now, IkeSa& old, bool original_initiator, model::IkeSpi spi_i,
                                                model::IkeSpi spi_r, const model::ChosenIke& chosen, IkeKeys keys) {
  auto sa = std::make_unique<IkeSa>(old.host, original_initiator, old.policy);
  sa->connection_index = old.connection_index;
  sa->local = old.local;
  sa->remote = old.remote;
  sa->interface_index = old.interface_index;
  sa->natt = old.natt;
  sa->nat_local = old.nat_local;
  sa->nat_remote = old.nat_remote;
  sa->peer_fragments = old.peer_fragments;
  sa->peer_is_ours = old.peer_is_ours;
  sa->peer_hashes = old.peer_hashes;
  sa->remote_identity = old.remote_identity;
  sa->local_identity = old.local_identity;
  sa->local_proof = old.local_proof;
  sa->remote_proof = old.remote_proof;
  sa->own_user = old.own_user;
  sa->local_user = old.local_user;
  sa->remote_user = old.remote_user;
  sa->local_user_proof = old.local_user_proof;
  sa->remote_user_proof = old.remote_user_proof;
  sa->spi_i = spi_i;
  sa->spi_r = spi_r;
  sa->born = now;
  sa->by_rekey = true;
  sa->peer_rekeys = old.peer_rekeys;
  sa->peer_requests = old.peer_requests;
  sa->copies_refused = old.copies_refused;
  sa->origin = old.origin ? old.origin : Origin{old.spi_i, old.spi_r, old.original_initiator};
  SP_CHECK(sa->install_keys(chosen, std::move(keys)));
  sa->transition_to(IkeState::ESTABLISHED, "successor of a rekeyed IKE SA");
  sa->on_established(now);
  return sa;
}

// ---- life and death

void IkeSa::on_established(TimePoint now) {
  established_at = now;
  last_received = now;
  timers.clear(Timer::half_open);
  handshake.reset();
  const model::ConnectionPolicy* c = connection();
  if (!c) return;
  window.set_policy({c->retransmit_timeout, c->retransmit_factor, c->retransmit_tries});
  if (c->rekey_time > Duration::zero()) {
    // Up to a tenth earlier, so that both sides seldom start at once.
    const auto tenth = c->rekey_time / 10;
    const uint32_t part = host.rng().u32() % 1000;
    timers.set(Timer::rekey, now + c->rekey_time - tenth * part / 1000);
    timers.set(Timer::over_time, now + c->rekey_time + c->over_time);
  }
  liveness::rearm(*this, now);
}

void IkeSa::on_authenticated_received(TimePoint now) { last_received = now; }

void IkeSa::on_message_id_taken(TimePoint now) {
  const Limits& limits = host.config().limits;
  const model::MessageId next = std::max(window.next_out(), window.next_in());
  if (next >= limits.message_id_close && authenticated() && !has_task(Task::Kind::delete_ike)) {
    host.count_row("message IDs are used up: the IKE SA is closed");
    Task over(Task::Kind::delete_ike);
    over.reason = "its message IDs are used up";
    queue(std::move(over));
  } else if (next >= limits.message_id_rekey && established() && !replaced && !ids_asked) {
    ids_asked = true;
    if (has_task(Task::Kind::rekey_ike)) return;
    host.count_row("message IDs run low: the IKE SA is rekeyed");
    queue(Task(Task::Kind::rekey_ike));
  } else {
    return;
  }
  // Not at once: the exchange in hand has its turn first.
  timers.set(Timer::task, now);
  host.touch(*this);
}

std::optional<TimePoint> IkeSa::next_deadline() const { return timers.next(); }

void IkeSa::end(IkeState last, std::string_view why) {
  for (const auto& child : children) {
    host.emit(Event(ChildSaRemoved{id, child->id, child->spi_in, child->spi_out, Duration::zero()}));
  }
  children.clear();
  drop_tasks();
  active_.reset();
  own_exchange.reset();
  peer_exchange.reset();
  collision.reset();
  fragments.clear();
  // RFC 7296 2.12: forgotten with the IKE SA; the reply that may have to be given again is sealed already.
  keys = {};
  protection.reset();
  for (Timer t : {Timer::retransmit, Timer::half_open, Timer::liveness, Timer::rekey, Timer::over_time, Timer::task,
                  Timer::fragments, Timer::discard, Timer::switch_over}) {
    timers.clear(t);
  }
  transition_to(last, why);
}

void IkeSa::destroy_quietly(TimePoint) {
  if (state_ != IkeState::DEAD) end(IkeState::DEAD, "removed");
}

void IkeSa::close_quietly(TimePoint now) {
  if (state_ == IkeState::DEAD || state_ == IkeState::CLOSED) return;
  end(IkeState::CLOSED, "over");
  timers.set(Timer::discard, now + kClosedLinger);
}

AttemptFailed describe_ends(const IkeSa& sa, AttemptFailed event) {
  event.remote = sa.remote.addr;
  if (!sa.local.addr.is_any()) event.local = sa.local.addr;
  if (sa.local_identity) event.local_identity = sa.local_identity->to_string();
  if (sa.remote_identity) event.remote_identity = sa.remote_identity->to_string();
  if (sa.local_user) event.local_user = sa.local_user->to_string();
  if (sa.remote_user) event.remote_user = sa.remote_user->to_string();
  if (sa.own_user) event.own_user = sa.own_user->credential;
  event.ike_id = sa.id;
  return event;
}

void IkeSa::report_end(Errc code, std::string reason, bool by_command, bool was_up, bool was_replaced,
                       std::string name) {
  // The successor of a rekeyed IKE SA lives on: nobody lost a connection.
  if (was_replaced) return;
  if (was_up) {
    host.emit(Event(IkeSaDown{id, std::move(name), std::move(reason), code, by_command}));
  } else {
    ++host.counters().failed;
    AttemptFailed event{std::move(name), {}, code, std::move(reason), {}, {}, original_initiator, remote.addr};
    event.phase = local_identity ? AttemptFailed::Phase::auth : AttemptFailed::Phase::init;
    host.emit(Event(describe_ends(*this, std::move(event))));
  }
}

std::vector<std::string> IkeSa::wanted_children() const {
  std::vector<std::string> out;
  const auto take = [&](const Task& t) {
    if (t.kind == Task::Kind::create_child && !t.resource) out.push_back(t.child);
  };
  if (active_) take(*active_);
  for (const Task& t : tasks_) take(t);
  return out;
}

// Whoever waits for a Child SA that was still to be made hears that it will not be; a successor makes it all the same,
// and so does the one that the peer keeps when both had initiated.
void IkeSa::report_lost(TimePoint now, const std::vector<std::string>& lost, Errc code, const std::string& reason) {
  IkeSa* heir = successor_id != 0 ? host.find(successor_id) : nullptr;
  if (heir == nullptr && !lost.empty()) {
    heir = simultaneous_init::survivor_of(*this);
    if (heir != nullptr) host.count_row("deleted by the peer: the other IKE SA makes the Child SA");
  }
  for (const std::string& child : lost) {
    if (heir && heir->established()) {
      if (!heir->has_create(child)) heir->queue(Task(Task::Kind::create_child, child));
    } else {
      AttemptFailed event{std::string(connection_name()), child, code, reason, {}, {}, true, remote.addr};
      event.phase = AttemptFailed::Phase::child;
      host.emit(Event(describe_ends(*this, std::move(event))));
    }
  }
  if (heir && !lost.empty()) heir->start_tasks(now);
}

void IkeSa::destroy(TimePoint now, Errc code, std::string reason, bool by_command) {
  if (state_ == IkeState::DEAD || state_ == IkeState::CLOSED) return;
  const bool was_up = authenticated();
  const bool was_replaced = replaced || state_ == IkeState::REKEYED;
  rekey_collision::let_go(*this, now, code == Errc::timeout);
  const std::vector<std::string> lost = wanted_children();
  destroy_quietly(now);
  report_end(code, reason, by_command, was_up, was_replaced, std::string(connection_name()));
  report_lost(now, lost, code, reason);
}

void IkeSa::close(TimePoint now, Errc code, std::string reason, bool by_command) {
  if (state_ == IkeState::DEAD || state_ == IkeState::CLOSED) return;
  const bool was_up = authenticated();
  const bool was_replaced = replaced || state_ == IkeState::REKEYED;
  rekey_collision::let_go(*this, now, code == Errc::timeout);
  const std::vector<std::string> lost = wanted_children();
  close_quietly(now);
  report_end(code, reason, by_command, was_up, was_replaced, std::string(connection_name()));
  report_lost(now, lost, code, reason);
}

}  // namespace sallyport::ike::v2
