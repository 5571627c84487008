// Subscriptions, protection and options of the engine.
#include <algorithm>

#include "policy/engine.h"

namespace sallyport::policy {
namespace {

bool fits(const Snapshot& snapshot, const Subscription& wanted, const Change& change) {
  const uint32_t flag = change.type == ChangeType::add ? Subscription::kOnAdd : Subscription::kOnDelete;
  if (wanted.kind != change.kind || !(wanted.flags & flag)) return false;
  if (change.filter) return !wanted.filter || matches(snapshot, *wanted.filter, *change.filter);
  if (!wanted.object) return true;
  if (wanted.object->provider && wanted.object->provider != change.provider) return false;
  return !change.context || !wanted.object->context || *wanted.object->context == change.context->type;
}

}  // namespace

Outcome<SubscriptionId> Engine::subscribe(SessionId id, Subscription subscription) {
  SP_CHECK(outside_txn(id));
  SP_TRY(const Session* session, static_cast<const Engine*>(this)->live(id));
  if (!session->request.trusted &&
      !allowed(containers_.of(subscription.kind), session->request.token, access::kSubscribe))
    return refuse(Fwp::ACCESS_DENIED);
  if (subscription.flags & ~(Subscription::kOnAdd | Subscription::kOnDelete)) return refuse(Fwp::INVALID_FLAGS);
  if (subscription.filter) SP_CHECK(check_template(*subscription.filter));
  subscriptions_[++last_subscription_] = {id, std::move(subscription)};
  return last_subscription_;
}

Outcome<> Engine::unsubscribe(SessionId session, SubscriptionId id) {
  SP_CHECK(outside_txn(session));
  const auto watching = watching_.find(id);
  if (watching != watching_.end() && watching->second.session == session) {
    watching_.erase(watching);
    return {};
  }
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end() || found->second.session != session) return refuse(Fwp::NOT_FOUND);
  subscriptions_.erase(found);
  return {};
}

std::vector<Subscription> Engine::subscriptions(SessionId session) const {
  std::vector<Subscription> out;
  for (const auto& [id, each] : subscriptions_)
    if (each.session == session) out.push_back(each.what);
  return out;
}

// A session hears nothing of its own changes. Notices that nobody fetches are lost, the newest first, and counted.
void Engine::notify(SessionId by, const std::vector<Change>& changes) {
  if (subscriptions_.empty()) return;
  for (const Change& change : changes) {
    std::shared_ptr<const Change> held;
    for (const auto& [id, each] : subscriptions_) {
      if (each.session == by || !fits(*current_, each.what, change)) continue;
      if (notices_queued_ >= kMostNotices) {
        ++lost_notices_;
        continue;
      }
      ++notices_queued_;
      if (!held) held = std::make_shared<const Change>(change);
      outputs_.push_back({EngineOutput::Kind::change_notice, each.session, id, nullptr, held});
    }
  }
}

Outcome<SecurityDescriptor> Engine::protection(SessionId id, ObjectKind kind, const std::optional<Guid>& key) const {
  SP_TRY(const Session* session, live(id));
  SecurityDescriptor out = containers_.of(kind);
  if (key) {
    Fwp missing = Fwp::NOT_FOUND;
    bool found = false;
    const auto look = [&](const auto& map, Fwp code) {
      missing = code;
      const auto* object = map.find(*key);
      if (!object) return;
      found = true;
      if ((*object)->head.protection) out = *(*object)->head.protection;
    };
    switch (kind) {
      case ObjectKind::provider: look(current_->providers, Fwp::PROVIDER_NOT_FOUND); break;
      case ObjectKind::sublayer: look(current_->sublayers, Fwp::SUBLAYER_NOT_FOUND); break;
      case ObjectKind::callout: look(current_->callouts, Fwp::CALLOUT_NOT_FOUND); break;
      case ObjectKind::provider_context: look(current_->contexts, Fwp::PROVIDER_CONTEXT_NOT_FOUND); break;
      case ObjectKind::filter: look(current_->filters, Fwp::FILTER_NOT_FOUND); break;
    }
    if (!found) return refuse(missing);
  }
  if (!session->request.trusted && !allowed(out, session->request.token, access::kReadControl))
    return refuse(Fwp::ACCESS_DENIED);
  return out;
}

Outcome<> Engine::protect(SessionId id, ObjectKind kind, const std::optional<Guid>& key,
                          SecurityDescriptor protection) {
  SP_CHECK(outside_txn(id));
  SP_TRY(const SecurityDescriptor before, this->protection(id, kind, key));
  SP_TRY(const Session* session, static_cast<const Engine*>(this)->live(id));
  if (session->dynamic() && !key) return refuse(Fwp::DYNAMIC_SESSION_IN_PROGRESS);
  if (!session->request.trusted && !allowed(before, session->request.token, access::kWriteDac))
    return refuse(Fwp::ACCESS_DENIED);
  if (!key) {
    containers_.kinds[static_cast<size_t>(kind)] = std::move(protection);
    ++settings_generation_;
    return {};
  }
  if (!may_write(id)) return refuse(Fwp::TIMEOUT);
  const auto held = std::make_shared<const SecurityDescriptor>(std::move(protection));
  auto next = std::make_shared<Snapshot>(*current_);
  const auto replace = [&](auto& map, auto&& also) -> Outcome<> {
    auto object = **map.find(*key);
    if (object.head.lifetime == Lifetime::builtin || (of_program(object.head) && !session->request.trusted))
      return refuse(Fwp::BUILTIN_OBJECT);
    if (session->dynamic() && object.head.owner != id) return refuse(Fwp::DYNAMIC_SESSION_IN_PROGRESS);
    object.head.protection = held;
    auto shared = std::make_shared<const decltype(object)>(std::move(object));
    also(shared);
    map.set(std::move(shared));
    return {};
  };
  const auto nothing = [](const auto&) {};
  Outcome<> done;
  switch (kind) {
    case ObjectKind::provider: done = replace(next->providers, nothing); break;
    case ObjectKind::sublayer: done = replace(next->sublayers, nothing); break;
    case ObjectKind::callout:
      done = replace(next->callouts, [&](const auto& o) { next->callouts_by_id.set(o); });
      break;
    case ObjectKind::provider_context:
      done = replace(next->contexts, [&](const auto& o) { next->contexts_by_id.set(o); });
      break;
    case ObjectKind::filter: done = replace(next->filters, [&](const auto& o) { next->filters_by_id.set(o); }); break;
  }
  if (done) current_ = std::move(next);
  return done;
}

Outcome<SecurityDescriptor> Engine::engine_protection(SessionId id) const {
  SP_CHECK(may(id, std::nullopt, access::kReadControl));
  return containers_.engine;
}

Outcome<> Engine::protect_engine(SessionId id, SecurityDescriptor protection) {
  SP_CHECK(outside_txn(id));
  SP_TRY(const Session* session, static_cast<const Engine*>(this)->live(id));
  if (session->dynamic()) return refuse(Fwp::DYNAMIC_SESSION_IN_PROGRESS);
  SP_CHECK(may(id, std::nullopt, access::kWriteDac));
  containers_.engine = std::move(protection);
  ++settings_generation_;
  return {};
}

Outcome<> Engine::may(SessionId id, std::optional<ObjectKind> container, uint32_t right) const {
  SP_TRY(const Session* session, live(id));
  if (session->request.trusted) return {};
  const SecurityDescriptor& protection = container ? containers_.of(*container) : containers_.engine;
  return allowed(protection, session->request.token, right) ? Outcome<>{} : Outcome<>(refuse(Fwp::ACCESS_DENIED));
}

Outcome<> Engine::may(SessionId id, Database which, uint32_t right) const {
  SP_TRY(const Session* session, live(id));
  if (session->request.trusted || allowed(containers_.of(which), session->request.token, right)) return {};
  return refuse(Fwp::ACCESS_DENIED);
}

Outcome<SecurityDescriptor> Engine::protection(SessionId id, Database which) const {
  SP_CHECK(may(id, which, access::kReadControl));
  return containers_.of(which);
}

Outcome<> Engine::protect(SessionId id, Database which, SecurityDescriptor protection) {
  SP_CHECK(outside_txn(id));
  SP_TRY(const SessionRequest* session, caller(id));
  if (session->flags & SessionRequest::kDynamic) return refuse(Fwp::DYNAMIC_SESSION_IN_PROGRESS);
  SP_CHECK(may(id, which, access::kWriteDac));
  containers_.databases[static_cast<size_t>(which)] = std::move(protection);
  ++settings_generation_;
  return {};
}

Outcome<const SessionRequest*> Engine::caller(SessionId id) const {
  SP_TRY(const Session* session, live(id));
  return &session->request;
}

Outcome<uint32_t> Engine::option(SessionId id, EngineOption option) const {
  SP_TRY(const Session* session, live(id));
  (void)session;
  if (static_cast<size_t>(option) >= kEngineOptions) return refuse(Fwp::INVALID_ENUMERATOR);
  return options_[static_cast<size_t>(option)];
}

Outcome<> Engine::set_option(SessionId id, EngineOption option, const Value& value) {
  SP_CHECK(outside_txn(id));
  SP_TRY(const Session* session, static_cast<const Engine*>(this)->live(id));
  if (session->dynamic()) return refuse(Fwp::DYNAMIC_SESSION_IN_PROGRESS);
  if (!session->request.trusted && !allowed(containers_.engine, session->request.token, access::kWrite))
    return refuse(Fwp::ACCESS_DENIED);
  if (static_cast<size_t>(option) >= kEngineOptions) return refuse(Fwp::INVALID_ENUMERATOR);
  const auto* number = value.as<uint32_t>();
  if (!number) return refuse(Fwp::TYPE_MISMATCH);
  if (option == EngineOption::MONITOR_IPSEC_CONNECTIONS && *number == 0 && connection_watchers_ != 0)
    return refuse(Fwp::STILL_ON);
  if (option == EngineOption::PACKET_QUEUING && *number > 7) return refuse(Fwp::INVALID_FLAGS);
  options_[static_cast<size_t>(option)] = *number;
  ++settings_generation_;
  if (!collects_net_events()) net_events_.clear();
  return {};
}

void Engine::take_settings(EngineSettings settings) {
  containers_ = std::move(settings.containers);
  options_ = settings.options;
  ++settings_generation_;
}

}  // namespace sallyport::policy
