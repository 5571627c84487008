// Which call does what. Every answer is one Outcome; encoding happens in one place.
#include "policy/call_route.h"

#include <algorithm>

#include "policy/net_event_call.h"
#include "policy/page.h"
#include "policy/tunnel.h"

namespace sallyport::policy {

using call::Function;

namespace {

template <class T>
Outcome<T> parse(ByteView octets) {
  auto value = call::read<T>(octets);
  if (!value) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  return std::move(*value);
}

Outcome<ObjectKind> kind_of(uint32_t number) {
  if (number >= kObjectKinds) return refuse(Fwp::INVALID_ENUMERATOR);
  return static_cast<ObjectKind>(number);
}

std::optional<Database> database_of(uint32_t number) {
  const uint32_t which = number - call::kProtectDatabase;
  return which < kDatabases ? std::optional(static_cast<Database>(which)) : std::nullopt;
}

constexpr uint32_t number_of(call::SaFunction function) { return static_cast<uint32_t>(function); }

bool of_sas(uint32_t kind) { return kind == call::kSubscribeSas || kind == call::kSubscribeConnections; }

bool is_change(Function function) {
  switch (function) {
    case Function::add_provider:
    case Function::add_sublayer:
    case Function::add_callout:
    case Function::add_context:
    case Function::add_filter:
    case Function::remove:
    case Function::tunnel_add:
    case Function::tunnel_remove: return true;
    case Function::engine_open:
    case Function::engine_close:
    case Function::get_option:
    case Function::set_option:
    case Function::txn_begin:
    case Function::txn_commit:
    case Function::txn_abort:
    case Function::get:
    case Function::get_layer:
    case Function::enum_create:
    case Function::enum_next:
    case Function::enum_destroy:
    case Function::get_protection:
    case Function::set_protection:
    case Function::subscribe:
    case Function::unsubscribe:
    case Function::subscriptions:
    case Function::enumerate_events:
    case Function::subscribe_events:
    case Function::event_subscriptions:
    case Function::dosp_statistics:
    case Function::dosp_states: return false;
  }
  return false;
}

uint64_t id_of(const Provider&) { return 0; }
uint64_t id_of(const SubLayer&) { return 0; }
uint64_t id_of(const Callout& object) { return object.id; }
uint64_t id_of(const ProviderContext& object) { return object.id; }
uint64_t id_of(const Filter& object) { return object.id; }

// Whether it is to be there again after a restart.
template <class Object>
bool outlives(const Object& object) {
  uint32_t flags = Object::kPersistent;
  if constexpr (std::is_same_v<Object, Filter>) flags |= Filter::kBootTime;
  return object.head.flags & flags;
}

template <class Object>
call::Found<Object> found(const Object& object) {
  call::Found<Object> out{object, id_of(object), 0};
  if constexpr (std::is_same_v<Object, Filter>) out.effective_weight = object.effective_weight;
  return out;
}

call::FoundLayer found(const LayerInfo& layer) {
  call::FoundLayer out;
  out.key = layer.key;
  out.name = layer.name;
  out.kernel = layer.kernel;
  for (const Field field : layer.fields)
    out.fields.push_back(
        {info(field).key, static_cast<uint32_t>(info(field).type), static_cast<uint32_t>(data_type(layer, field))});
  out.default_sublayer = known::sublayer::UNIVERSAL;
  out.id = static_cast<uint16_t>(layer.id);
  return out;
}

call::FoundSession found(const SessionRequest& session) {
  call::FoundSession out{
      session.key, session.display,    session.flags, session.txn_wait_timeout_ms, session.process_id,
      {},          session.kernel_mode};
  if (!session.token.sids.empty()) out.sid = session.token.sids.front().sid;
  return out;
}

template <class Object>
auto delivered(const std::shared_ptr<const Object>& object) {
  return found(*object);
}

}  // namespace

void CallRoute::answer(ConnectionId id, RequestId request, Answer answer, bool more) {
  Output out;
  out.connection = id;
  out.request = request;
  out.more = more;
  if (!answer) {
    out.code = number(answer.error().code);
    out.index = answer.error().index;
  } else if (*answer) {
    out.octets = std::move(**answer);
  } else {
    return;  // it waits
  }
  outputs_.push_back(std::move(out));
}

std::optional<CallRoute::Output> CallRoute::poll() {
  hear_sas();
  if (outputs_.empty()) return {};
  Output out = std::move(outputs_.front());
  outputs_.pop_front();
  return out;
}

void CallRoute::call(TimePoint now, ConnectionId id, RequestId request, const Caller& caller, uint32_t function,
                     ByteView octets) {
  Answer done = octets.size() > call::kMostCallOctets ? Answer(refuse(Fwp::WIN32_INVALID_PARAMETER))
                                                      : serve(now, id, request, caller, function, octets);
  const auto asked = static_cast<Function>(function);
  const bool subscribed = done && (asked == Function::subscribe || asked == Function::subscribe_events ||
                                   number_of(call::SaFunction::dictator_add) == function);
  answer(id, request, std::move(done), subscribed);
}

CallRoute::Answer CallRoute::open(ConnectionId id, const Caller& caller, ByteView octets) {
  SP_TRY(call::Open wanted, parse<call::Open>(octets));
  if (connected_.contains(id)) return refuse(Fwp::ALREADY_EXISTS);
  SessionRequest session;
  session.key = wanted.key;
  session.display = std::move(wanted.display);
  session.flags = wanted.flags;
  session.txn_wait_timeout_ms = wanted.txn_wait_timeout_ms;
  session.process_id = caller.process_id;
  session.user_name = caller.user_name;
  session.token = caller.token;
  SP_TRY(const SessionId opened, engine_.open(std::move(session)));
  connected_[id].session = opened;
  by_session_[opened] = id;
  return Bytes{};
}

CallRoute::Answer CallRoute::serve(TimePoint now, ConnectionId id, RequestId request, const Caller& caller,
                                   uint32_t number, ByteView octets) {
  const auto function = static_cast<Function>(number);
  if (function == Function::engine_open) return open(id, caller, octets);
  const auto at = connected_.find(id);
  if (at == connected_.end()) return refuse(Fwp::SESSION_ABORTED);
  Connected& here = at->second;
  if (is_change(function)) return change(now, here, request, number, octets);
  if (call::is_sa_function(number)) return serve_sa(now, here, request, number, octets);
  switch (function) {
    case Function::engine_close: closed(now, id); return Bytes{};
    case Function::get_option: {
      SP_TRY(const uint32_t option, parse<uint32_t>(octets));
      SP_TRY(const uint32_t value, engine_.option(here.session, static_cast<EngineOption>(option)));
      return call::write(value);
    }
    case Function::set_option: {
      SP_TRY(const call::SetOption wanted, parse<call::SetOption>(octets));
      SP_CHECK(engine_.set_option(here.session, static_cast<EngineOption>(wanted.option), wanted.value));
      return Bytes{};
    }
    case Function::txn_begin: return begin(now, here, request, octets);
    case Function::txn_commit: SP_CHECK(engine_.commit(now, here.session)); return Bytes{};
    case Function::txn_abort: SP_CHECK(engine_.abort(now, here.session)); return Bytes{};
    case Function::get: return get(here.session, octets);
    case Function::get_layer: {
      SP_CHECK(engine_.may(here.session, Database::layers, access::kRead));
      SP_TRY(const call::Reference wanted, parse<call::Reference>(octets));
      const LayerInfo* layer = wanted.key           ? find_layer(*wanted.key)
                               : wanted.id > 0xffff ? nullptr
                                                    : find_layer(static_cast<Layer>(wanted.id));
      if (!layer) return refuse(Fwp::LAYER_NOT_FOUND);
      return call::write(found(*layer));
    }
    case Function::enum_create: return create_enumeration(here, octets);
    case Function::enum_next: return next_page(here, octets);
    case Function::enum_destroy: {
      SP_TRY(const uint64_t handle, parse<uint64_t>(octets));
      if (here.enumerations.erase(handle) == 0) return refuse(Fwp::NOT_FOUND);
      return Bytes{};
    }
    case Function::get_protection: return get_protection(here.session, octets);
    case Function::set_protection: return set_protection(here.session, octets);
    case Function::subscribe: return subscribe(here, request, octets);
    case Function::unsubscribe: return unsubscribe(id, here, octets);
    case Function::subscriptions: return subscriptions(here.session, octets);
    case Function::enumerate_events: return enumerate_events(here, octets);
    case Function::subscribe_events: return subscribe_events(here, request, octets);
    case Function::event_subscriptions: return event_subscriptions(here);
    case Function::dosp_statistics: return dosp_statistics(here);
    case Function::dosp_states: return dosp_states(here, octets);
    case Function::engine_open:
    case Function::add_provider:
    case Function::add_sublayer:
    case Function::add_callout:
    case Function::add_context:
    case Function::add_filter:
    case Function::remove:
    case Function::tunnel_add:
    case Function::tunnel_remove: break;
  }
  return refuse(Fwp::NOT_SUPPORTED);
}

CallRoute::Answer CallRoute::serve_sa(TimePoint now, Connected& at, RequestId request, uint32_t number,
                                      ByteView octets) {
  if (!sas_) return refuse(Fwp::NOT_SUPPORTED);
  const auto function = static_cast<call::SaFunction>(number);
  if (function == call::SaFunction::dictator_add) {
    if (at.subscriptions.size() >= call::kMostSubscriptions) return refuse(Fwp::NO_SYSTEM_RESOURCES);
    SP_TRY(Bytes done, sas_->call(now, at.session, function, octets));
    SP_TRY(const uint64_t id, parse<uint64_t>(done));
    at.subscriptions[id] = request;
    return done;
  }
  if (!call::is_sa_enumeration(number)) {
    SP_TRY(Bytes done, sas_->call(now, at.session, function, octets));
    return done;
  }
  Enumeration made;
  SP_TRY(made.pages, sas_->enumerate(at.session, function, octets));
  return keep_enumeration(at, std::move(made));
}

CallRoute::Answer CallRoute::begin(TimePoint now, Connected& at, RequestId request, ByteView octets) {
  constexpr uint32_t kReadOnly = 1;
  SP_TRY(const uint32_t flags, parse<uint32_t>(octets));
  if (flags & ~kReadOnly) return refuse(Fwp::INVALID_FLAGS);
  if (!at.waiting.empty()) return refuse(Fwp::TXN_IN_PROGRESS);
  SP_TRY(const Began began, engine_.begin(now, at.session, flags ? TxnMode::read_only : TxnMode::read_write));
  if (began == Began::started) return Bytes{};
  at.waiting.push_back({request, static_cast<uint32_t>(Function::txn_begin), {}});
  return std::optional<Bytes>{};
}

CallRoute::Answer CallRoute::change_now(TimePoint now, SessionId session, uint32_t function, ByteView octets) {
  const auto add = [&](auto parsed) -> Answer {
    if (!parsed) return tl::unexpected(parsed.error());
    if (!kept_ && outlives(*parsed)) return refuse(Fwp::NOT_SUPPORTED);
    SP_TRY(const Added added, engine_.add(session, std::move(*parsed)));
    return call::write(added);
  };
  switch (static_cast<Function>(function)) {
    case Function::add_provider: return add(parse<Provider>(octets));
    case Function::add_sublayer: return add(parse<SubLayer>(octets));
    case Function::add_callout: return add(parse<Callout>(octets));
    case Function::add_context: return add(parse<ProviderContext>(octets));
    case Function::add_filter: return add(parse<Filter>(octets));
    case Function::remove: {
      SP_TRY(const call::Reference wanted, parse<call::Reference>(octets));
      SP_TRY(const ObjectKind kind, kind_of(wanted.kind));
      SP_CHECK(wanted.key ? engine_.remove(session, kind, *wanted.key) : engine_.remove(session, kind, wanted.id));
      return Bytes{};
    }
    case Function::tunnel_add: {
      SP_TRY(call::TunnelAdd wanted, parse<call::TunnelAdd>(octets));
      if (!kept_ && (outlives(wanted.tunnel) || (wanted.main_mode && outlives(*wanted.main_mode))))
        return refuse(Fwp::NOT_SUPPORTED);
      SP_TRY(const Added added, add_tunnel(engine_, now, session,
                                           {wanted.flags, std::move(wanted.main_mode), std::move(wanted.tunnel),
                                            std::move(wanted.conditions), wanted.key_module}));
      return call::write(added);
    }
    case Function::tunnel_remove: {
      SP_TRY(const Guid key, parse<Guid>(octets));
      SP_CHECK(remove_tunnel(engine_, now, session, key));
      return Bytes{};
    }
    case Function::engine_open:
    case Function::engine_close:
    case Function::get_option:
    case Function::set_option:
    case Function::txn_begin:
    case Function::txn_commit:
    case Function::txn_abort:
    case Function::get:
    case Function::get_layer:
    case Function::enum_create:
    case Function::enum_next:
    case Function::enum_destroy:
    case Function::get_protection:
    case Function::set_protection:
    case Function::subscribe:
    case Function::unsubscribe:
    case Function::subscriptions:
    case Function::enumerate_events:
    case Function::subscribe_events:
    case Function::event_subscriptions:
    case Function::dosp_statistics:
    case Function::dosp_states: break;
  }
  return refuse(Fwp::NOT_SUPPORTED);
}

CallRoute::Answer CallRoute::change(TimePoint now, Connected& at, RequestId request, uint32_t function,
                                    ByteView octets) {
  if (at.waiting.empty()) {
    Answer done = change_now(now, at.session, function, octets);
    if (done || done.error().code != Fwp::TIMEOUT) return done;
    // Somebody else writes: a transaction of this call's own waits for its turn.
    SP_TRY(const Began began, engine_.begin(now, at.session, TxnMode::read_write));
    if (began == Began::started) {
      (void)engine_.abort(now, at.session);
      return change_now(now, at.session, function, octets);
    }
  }
  if (at.waiting.size() >= call::kMostWaiting) return refuse(Fwp::NO_SYSTEM_RESOURCES);
  at.waiting.push_back({request, function, to_bytes(octets)});
  return std::optional<Bytes>{};
}

// The lock is there, or will not be. Changes that waited are done in it one by one, as if each had its own.
void CallRoute::run_waiting(TimePoint now, ConnectionId id, Connected& at, bool started) {
  auto waiting = std::exchange(at.waiting, {});
  const SessionId session = at.session;
  for (size_t i = 0; i < waiting.size(); ++i) {
    const Waiting& each = waiting[i];
    if (!started) {
      answer(id, each.request, refuse(Fwp::TIMEOUT));
    } else if (static_cast<Function>(each.function) == Function::txn_begin) {
      answer(id, each.request, Bytes{});
      return;  // nothing is queued behind a begin
    } else {
      answer(id, each.request, change_now(now, session, each.function, each.octets));
    }
  }
  if (started) (void)engine_.commit(now, session);
}

void CallRoute::heard(TimePoint now, const EngineOutput& output) {
  const auto by = by_session_.find(output.session);
  if (by == by_session_.end()) return;
  const ConnectionId id = by->second;
  Connected& at = connected_.at(id);
  switch (output.kind) {
    case EngineOutput::Kind::txn_started: return run_waiting(now, id, at, true);
    case EngineOutput::Kind::txn_timed_out: return run_waiting(now, id, at, false);
    case EngineOutput::Kind::snapshot_changed: return;
    case EngineOutput::Kind::change_notice:
    case EngineOutput::Kind::net_event: break;
  }
  const auto to = at.subscriptions.find(output.subscription);
  if (to == at.subscriptions.end() || (!output.change && !output.event)) return;
  Output out;
  out.kind = Output::Kind::notice;
  out.connection = id;
  out.request = to->second;
  if (output.event) {
    out.octets = write_event(*output.event);
  } else {
    const Change& change = *output.change;
    out.octets = call::write(
        call::Notice{static_cast<uint32_t>(change.type), static_cast<uint32_t>(change.kind), change.key, change.id});
  }
  outputs_.push_back(std::move(out));
}

void CallRoute::closed(TimePoint now, ConnectionId id) {
  const auto at = connected_.find(id);
  if (at == connected_.end()) return;
  const SessionId session = at->second.session;
  for (const Waiting& each : at->second.waiting) answer(id, each.request, refuse(Fwp::SESSION_ABORTED));
  for (const auto& [subscription, request] : at->second.subscriptions)
    outputs_.push_back({Output::Kind::end, id, request, 0, 0, {}, false});
  connected_.erase(at);
  by_session_.erase(session);
  if (sas_) sas_->closed(session);
  engine_.close(now, session);
}

CallRoute::Answer CallRoute::get(SessionId session, ByteView octets) const {
  SP_TRY(const call::Reference wanted, parse<call::Reference>(octets));
  SP_TRY(const ObjectKind kind, kind_of(wanted.kind));
  SP_TRY(const std::shared_ptr<const Snapshot> view, engine_.view(session));
  const auto deliver = [&](const auto* object, Fwp missing) -> Answer {
    if (!object) return refuse(missing);
    SP_CHECK(engine_.may_read(session, kind, (*object)->head));
    return call::write(found(**object));
  };
  const Guid key = wanted.key.value_or(Guid{});
  switch (kind) {
    case ObjectKind::provider: return deliver(view->providers.find(key), Fwp::PROVIDER_NOT_FOUND);
    case ObjectKind::sublayer: return deliver(view->sublayers.find(key), Fwp::SUBLAYER_NOT_FOUND);
    case ObjectKind::callout:
      return deliver(wanted.key ? view->callouts.find(key) : view->callouts_by_id.find(wanted.id),
                     Fwp::CALLOUT_NOT_FOUND);
    case ObjectKind::provider_context:
      return deliver(wanted.key ? view->contexts.find(key) : view->contexts_by_id.find(wanted.id),
                     Fwp::PROVIDER_CONTEXT_NOT_FOUND);
    case ObjectKind::filter:
      return deliver(wanted.key ? view->filters.find(key) : view->filters_by_id.find(wanted.id), Fwp::FILTER_NOT_FOUND);
  }
  return refuse(Fwp::NOT_FOUND);
}

Outcome<> CallRoute::fill(Enumeration& into, SessionId session, const call::EnumCreate& wanted) const {
  SP_TRY(const std::shared_ptr<const Snapshot> view, engine_.view(session));
  into.what = wanted.what;
  if (wanted.what == call::kEnumLayers) return engine_.may(session, Database::layers, access::kEnum | access::kRead);
  if (wanted.what == call::kEnumSessions) {
    SP_CHECK(engine_.may(session, std::nullopt, access::kEnum));
    for (const SessionRequest& each : engine_.sessions()) into.sessions.push_back(found(each));
    return {};
  }
  SP_TRY(const ObjectKind kind, kind_of(wanted.what));
  SP_CHECK(engine_.may(session, kind, access::kEnum));
  const ObjectTemplate object = wanted.object.value_or(ObjectTemplate{});
  const auto keep = [&](auto& items, auto all) {
    std::erase_if(all, [&](const auto& each) { return !engine_.may_read(session, kind, each->head); });
    items = std::move(all);
  };
  switch (kind) {
    case ObjectKind::provider: keep(into.providers, enumerate_providers(*view)); break;
    case ObjectKind::sublayer: keep(into.sublayers, enumerate_sublayers(*view, object)); break;
    case ObjectKind::callout: keep(into.callouts, enumerate_callouts(*view, object)); break;
    case ObjectKind::provider_context: keep(into.contexts, enumerate_contexts(*view, object)); break;
    case ObjectKind::filter: {
      SP_TRY(Filters filters, enumerate_filters(*view, wanted.filter ? &*wanted.filter : nullptr));
      keep(into.filters, std::move(filters));
      break;
    }
  }
  return {};
}

CallRoute::Answer CallRoute::create_enumeration(Connected& at, ByteView octets) {
  SP_TRY(const call::EnumCreate wanted, parse<call::EnumCreate>(octets));
  Enumeration made;
  SP_CHECK(fill(made, at.session, wanted));
  return keep_enumeration(at, std::move(made));
}

CallRoute::Answer CallRoute::keep_enumeration(Connected& at, Enumeration made) {
  if (at.enumerations.size() >= call::kMostEnumerations) return refuse(Fwp::NO_SYSTEM_RESOURCES);
  const uint64_t handle = ++at.last_handle;
  at.enumerations.emplace(handle, std::move(made));
  return call::write(handle);
}

CallRoute::Answer CallRoute::next_page(Connected& at, ByteView octets) {
  SP_TRY(const call::EnumNext wanted, parse<call::EnumNext>(octets));
  const auto handle = at.enumerations.find(wanted.handle);
  if (handle == at.enumerations.end()) return refuse(Fwp::NOT_FOUND);
  Enumeration& from = handle->second;
  const uint32_t count = wanted.wanted;
  if (from.pages) return from.pages(count);
  if (from.what == call::kEnumLayers)
    return write_page<call::FoundLayer>(layers(), from.next, count,
                                        [](const LayerInfo& layer) { return found(layer); });
  if (from.what == call::kEnumSessions)
    return write_page<call::FoundSession>(from.sessions, from.next, count, [](const auto& session) { return session; });
  if (from.what == call::kEnumNetEvents)
    return write_page<NetEvent>(from.events, from.next, count, [](const auto& event) { return *event; });
  if (from.what == call::kEnumDospStates)
    return write_page<DospState>(from.dosp_states, from.next, count, [](const auto& state) { return state; });
  switch (static_cast<ObjectKind>(from.what)) {
    case ObjectKind::provider:
      return write_page<call::Found<Provider>>(from.providers, from.next, count, delivered<Provider>);
    case ObjectKind::sublayer:
      return write_page<call::Found<SubLayer>>(from.sublayers, from.next, count, delivered<SubLayer>);
    case ObjectKind::callout:
      return write_page<call::Found<Callout>>(from.callouts, from.next, count, delivered<Callout>);
    case ObjectKind::provider_context:
      return write_page<call::Found<ProviderContext>>(from.contexts, from.next, count, delivered<ProviderContext>);
    case ObjectKind::filter: return write_page<call::Found<Filter>>(from.filters, from.next, count, delivered<Filter>);
  }
  return refuse(Fwp::NOT_FOUND);
}

CallRoute::Answer CallRoute::get_protection(SessionId session, ByteView octets) const {
  SP_TRY(const call::Protected of, parse<call::Protected>(octets));
  if (of.kind == call::kProtectEngine) {
    SP_TRY(const SecurityDescriptor found, engine_.engine_protection(session));
    return call::write(write_descriptor(found));
  }
  if (const auto database = database_of(of.kind)) {
    SP_TRY(const SecurityDescriptor found, engine_.protection(session, *database));
    return call::write(write_descriptor(found));
  }
  if (of.kind == call::kProtectNetEvents) {
    SP_TRY(const SecurityDescriptor found, engine_.net_event_protection(session));
    return call::write(write_descriptor(found));
  }
  SP_TRY(const ObjectKind kind, kind_of(of.kind));
  SP_TRY(const SecurityDescriptor found, engine_.protection(session, kind, of.key));
  return call::write(write_descriptor(found));
}

CallRoute::Answer CallRoute::set_protection(SessionId session, ByteView octets) {
  SP_TRY(const call::SetProtection wanted, parse<call::SetProtection>(octets));
  constexpr uint32_t kKnown = call::SetProtection::kOwner | call::SetProtection::kGroup | call::SetProtection::kDacl;
  if (wanted.parts & ~kKnown) return refuse(Fwp::NOT_SUPPORTED);
  SP_TRY(SecurityDescriptor given, parse_descriptor(wanted.descriptor));
  const bool engine = wanted.of.kind == call::kProtectEngine;
  const auto database = database_of(wanted.of.kind);
  const bool events = wanted.of.kind == call::kProtectNetEvents;
  ObjectKind kind = ObjectKind::filter;
  SecurityDescriptor now;
  if (engine) {
    SP_TRY(now, engine_.engine_protection(session));
  } else if (database) {
    SP_TRY(now, engine_.protection(session, *database));
  } else if (events) {
    SP_TRY(now, engine_.net_event_protection(session));
  } else {
    SP_TRY(kind, kind_of(wanted.of.kind));
    SP_TRY(now, engine_.protection(session, kind, wanted.of.key));
  }
  if (wanted.parts & call::SetProtection::kOwner) now.owner = std::move(given.owner);
  if (wanted.parts & call::SetProtection::kGroup) now.group = std::move(given.group);
  if (wanted.parts & call::SetProtection::kDacl) now.dacl = std::move(given.dacl);
  SP_CHECK(engine     ? engine_.protect_engine(session, std::move(now))
           : database ? engine_.protect(session, *database, std::move(now))
           : events   ? engine_.protect_net_events(session, std::move(now))
                      : engine_.protect(session, kind, wanted.of.key, std::move(now)));
  return Bytes{};
}

CallRoute::Answer CallRoute::subscriptions(SessionId session, ByteView octets) const {
  SP_TRY(const uint32_t wanted, parse<uint32_t>(octets));
  SP_CHECK(engine_.view(session));
  std::vector<call::Subscribe> out;
  if (of_sas(wanted) && sas_) {
    for (Bytes& detail : sas_->subscriptions(session, wanted)) out.push_back({wanted, 0, {}, {}, std::move(detail)});
    return call::write(std::move(out));
  }
  SP_TRY(const ObjectKind kind, kind_of(wanted));
  for (const Subscription& each : engine_.subscriptions(session))
    if (each.kind == kind) out.push_back({wanted, each.flags, each.object, each.filter, {}});
  return call::write(std::move(out));
}

// What the SAs' owner has to say for sessions becomes notices.
void CallRoute::hear_sas() {
  if (!sas_) return;
  while (auto change = sas_->poll_change()) {
    const auto by = by_session_.find(change->session);
    if (by == by_session_.end()) continue;
    const auto& subscriptions = connected_.at(by->second).subscriptions;
    const auto to = subscriptions.find(change->subscription);
    if (to == subscriptions.end()) continue;
    Output out;
    out.kind = Output::Kind::notice;
    out.connection = by->second;
    out.request = to->second;
    out.octets = to_bytes(change->octets.view());
    outputs_.push_back(std::move(out));
  }
}

CallRoute::Answer CallRoute::subscribe(Connected& at, RequestId request, ByteView octets) {
  SP_TRY(call::Subscribe wanted, parse<call::Subscribe>(octets));
  if (at.subscriptions.size() >= call::kMostSubscriptions) return refuse(Fwp::NO_SYSTEM_RESOURCES);
  if (of_sas(wanted.kind) && sas_) {
    SP_TRY(const SubscriptionId id, sas_->subscribe(at.session, wanted.kind, wanted.detail));
    at.subscriptions[id] = request;
    return call::write(uint64_t{id});
  }
  SP_TRY(const ObjectKind kind, kind_of(wanted.kind));
  SP_TRY(const SubscriptionId id,
         engine_.subscribe(at.session, {kind, wanted.flags, std::move(wanted.filter), std::move(wanted.object)}));
  at.subscriptions[id] = request;
  return call::write(uint64_t{id});
}

CallRoute::Answer CallRoute::unsubscribe(ConnectionId id, Connected& at, ByteView octets) {
  SP_TRY(const uint64_t subscription, parse<uint64_t>(octets));
  const bool to_sas = sas_ && (subscription & SaCalls::kSubscriptionBit);
  SP_CHECK(to_sas ? sas_->unsubscribe(at.session, subscription) : engine_.unsubscribe(at.session, subscription));
  const auto found = at.subscriptions.find(subscription);
  if (found != at.subscriptions.end()) {
    outputs_.push_back({Output::Kind::end, id, found->second, 0, 0, {}, false});
    at.subscriptions.erase(found);
  }
  return Bytes{};
}

}  // namespace sallyport::policy
