// Sessions and transactions.
#include "policy/engine.h"

#include <algorithm>

namespace sallyport::policy {

Engine::Engine(Rng& rng) : rng_(rng), current_(std::make_shared<const Snapshot>()) { install_builtin(); }

Guid Engine::new_guid() {
  Guid out;
  rng_.fill(out.octets);
  out.octets[6] = static_cast<uint8_t>((out.octets[6] & 0x0f) | 0x40);  // RFC 9562 5.4: version 4
  out.octets[8] = static_cast<uint8_t>((out.octets[8] & 0x3f) | 0x80);
  return out;
}

Outcome<Engine::Session*> Engine::live(SessionId id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || found->second.aborted) return refuse(Fwp::SESSION_ABORTED);
  if (found->second.txn_aborted) {  // told once; the session goes on
    found->second.txn_aborted = false;
    return refuse(Fwp::TXN_ABORTED);
  }
  return &found->second;
}

Outcome<const Engine::Session*> Engine::live(SessionId id) const {
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || found->second.aborted) return refuse(Fwp::SESSION_ABORTED);
  if (found->second.txn_aborted) return refuse(Fwp::TXN_ABORTED);
  return &found->second;
}

Outcome<> Engine::outside_txn(SessionId id) const {
  SP_TRY(const Session* session, live(id));
  return session->txn ? Outcome<>(refuse(Fwp::TXN_IN_PROGRESS)) : Outcome<>{};
}

Author Engine::author(SessionId id, const Session& session) {
  return {id, session.dynamic(), session.request.trusted, session.request.token};
}

Outcome<SessionId> Engine::open(SessionRequest request) {
  if (!request.trusted && !allowed(containers_.engine, request.token, access::kOpen)) return refuse(Fwp::ACCESS_DENIED);
  if (request.flags & ~SessionRequest::kDynamic) return refuse(Fwp::INVALID_FLAGS);
  if (request.key.is_zero()) request.key = new_guid();
  for (const auto& [id, session] : sessions_)
    if (session.request.key == request.key) return refuse(Fwp::ALREADY_EXISTS);
  const SessionId id = ++last_session_;
  sessions_[id].request = std::move(request);
  return id;
}

void Engine::drop_owned(SessionId id, const std::vector<ObjectRef>& owned, Work& work) {
  const Snapshot& next = work.next();
  // What was added last refers to what was added before it.
  for (auto at = owned.rbegin(); at != owned.rend(); ++at) {
    const auto drop = [&](const auto& map) {
      const auto* found = map.find(at->key);
      if (!found || (*found)->head.owner != id) return;
      const auto held = *found;
      work.drop(*held);
    };
    switch (at->kind) {
      case ObjectKind::provider: drop(next.providers); break;
      case ObjectKind::sublayer: drop(next.sublayers); break;
      case ObjectKind::callout: drop(next.callouts); break;
      case ObjectKind::provider_context: drop(next.contexts); break;
      case ObjectKind::filter: drop(next.filters); break;
    }
  }
}

void Engine::end_session(TimePoint now, SessionId id, Session& session) {
  std::erase_if(waiting_, [&](const Waiting& each) { return each.session == id; });
  std::erase_if(subscriptions_, [&](const auto& each) { return each.second.session == id; });
  std::erase_if(watching_, [&](const auto& each) { return each.second.session == id; });
  session.txn.reset();
  if (!session.owned.empty()) {
    Work work(*current_);
    drop_owned(id, session.owned, work);
    publish(id, work);
    // A transaction that another session has open began with these objects; they must not come back with its commit.
    const auto writer = sessions_.find(writer_);
    if (writer_ != id && writer != sessions_.end() && writer->second.txn && writer->second.txn->work) {
      Work& open = *writer->second.txn->work;
      const size_t told = open.changes().size();
      drop_owned(id, session.owned, open);
      open.changes().resize(told);
    }
    session.owned.clear();
  }
  if (writer_ == id) release_writer(now);
}

void Engine::close(TimePoint now, SessionId id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  end_session(now, id, found->second);
  sessions_.erase(id);
}

void Engine::abort_session(TimePoint now, SessionId id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  end_session(now, id, found->second);
  found->second.aborted = true;
}

std::vector<SessionRequest> Engine::sessions() const {
  std::vector<SessionRequest> out;
  for (const auto& [id, session] : sessions_) out.push_back(session.request);
  return out;
}

Outcome<Began> Engine::begin(TimePoint now, SessionId id, TxnMode mode) {
  SP_TRY(Session * session, live(id));
  if (session->txn) return refuse(Fwp::TXN_IN_PROGRESS);
  const uint32_t right = mode == TxnMode::read_only ? access::kBeginReadTxn : access::kBeginWriteTxn;
  if (!session->request.trusted && !allowed(containers_.engine, session->request.token, right))
    return refuse(Fwp::ACCESS_DENIED);
  if (mode == TxnMode::read_write && writer_ != 0) {
    if (std::any_of(waiting_.begin(), waiting_.end(), [&](const Waiting& each) { return each.session == id; }))
      return refuse(Fwp::TXN_IN_PROGRESS);
    const uint32_t wait = session->request.txn_wait_timeout_ms;
    std::optional<TimePoint> until = now + (wait == 0 ? kDefaultWait : Duration(milliseconds(wait)));
    if (wait == kInfinite) until.reset();
    waiting_.push_back({id, until});
    return Began::waiting;
  }
  session->txn = Txn();
  session->txn->mode = mode;
  session->txn->ends = now + kLongestTxn;
  if (mode == TxnMode::read_only) {
    session->txn->view = current_;
  } else {
    writer_ = id;
    session->txn->work.emplace(*current_);
  }
  return Began::started;
}

void Engine::release_writer(TimePoint now) {
  writer_ = 0;
  while (writer_ == 0 && !waiting_.empty()) {
    const SessionId next = waiting_.front().session;
    waiting_.pop_front();
    const auto began = begin(now, next, TxnMode::read_write);
    if (began) outputs_.push_back({EngineOutput::Kind::txn_started, next, 0, nullptr, nullptr});
  }
}

Outcome<> Engine::commit(TimePoint now, SessionId id) {
  SP_TRY(Session * session, live(id));
  if (!session->txn) return refuse(Fwp::NO_TXN_IN_PROGRESS);
  Txn txn = std::move(*session->txn);
  session->txn.reset();
  if (!txn.work) return {};
  session->owned.insert(session->owned.end(), txn.work->owned().begin(), txn.work->owned().end());
  publish(id, *txn.work);
  release_writer(now);
  return {};
}

Outcome<> Engine::abort(TimePoint now, SessionId id) {
  SP_TRY(Session * session, live(id));
  if (!session->txn) return refuse(Fwp::NO_TXN_IN_PROGRESS);
  session->txn.reset();
  if (writer_ == id) release_writer(now);
  return {};
}

Outcome<std::shared_ptr<const Snapshot>> Engine::view(SessionId id) const {
  SP_TRY(const Session* session, live(id));
  if (!session->txn) return current_;
  if (session->txn->view) return session->txn->view;
  return std::make_shared<const Snapshot>(session->txn->work->next());
}

void Engine::handle_deadline(TimePoint now) {
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    if (!at->until || now < *at->until) {
      ++at;
      continue;
    }
    outputs_.push_back({EngineOutput::Kind::txn_timed_out, at->session, 0, nullptr, nullptr});
    at = waiting_.erase(at);
  }
  for (auto& [id, session] : sessions_) {
    if (!session.txn || now < session.txn->ends) continue;
    session.txn.reset();
    session.txn_aborted = true;
    if (writer_ == id) release_writer(now);
  }
}

std::optional<TimePoint> Engine::next_deadline() const {
  std::optional<TimePoint> out;
  const auto take = [&](const std::optional<TimePoint>& each) {
    if (each && (!out || *each < *out)) out = each;
  };
  for (const Waiting& each : waiting_) take(each.until);
  for (const auto& [id, session] : sessions_)
    if (session.txn) take(session.txn->ends);
  return out;
}

std::optional<EngineOutput> Engine::poll() {
  if (outputs_.empty()) return {};
  const auto kind = outputs_.front().kind;
  if (kind == EngineOutput::Kind::change_notice || kind == EngineOutput::Kind::net_event) --notices_queued_;
  EngineOutput out = std::move(outputs_.front());
  outputs_.pop_front();
  return out;
}

}  // namespace sallyport::policy
