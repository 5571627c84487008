// Objects: adding, deleting, what the engine adds itself, and making a change visible.
#include <algorithm>

#include "policy/engine.h"

namespace sallyport::policy {

// Runs op on the session's transaction, or on one of its own that is committed when op succeeds.
template <class Op>
auto Engine::change(SessionId id, Op op) -> decltype(op(std::declval<Work&>(), std::declval<const Author&>())) {
  SP_TRY(Session * session, live(id));
  const Author by = author(id, *session);
  if (session->txn) {
    if (!session->txn->work) return refuse(Fwp::INCOMPATIBLE_TXN);
    return op(*session->txn->work, by);
  }
  if (!may_write(id)) return refuse(Fwp::TIMEOUT);
  Work work(*current_);
  auto result = op(work, by);
  if (!result) return result;
  session->owned.insert(session->owned.end(), work.owned().begin(), work.owned().end());
  publish(id, work);
  return result;
}

namespace {

template <class Object>
constexpr ObjectKind kind_of() {
  if constexpr (std::is_same_v<Object, Provider>) return ObjectKind::provider;
  if constexpr (std::is_same_v<Object, SubLayer>) return ObjectKind::sublayer;
  if constexpr (std::is_same_v<Object, Callout>) return ObjectKind::callout;
  if constexpr (std::is_same_v<Object, ProviderContext>) return ObjectKind::provider_context;
  return ObjectKind::filter;
}

}  // namespace

template <class Object>
Outcome<Added> Engine::add_object(SessionId id, Object object) {
  return change(id, [&](Work& work, const Author& by) -> Outcome<Added> {
    if (object.head.key.is_zero()) object.head.key = new_guid();
    SP_CHECK(settle(by, containers_, work.next(), object));
    const Added added{object.head.key, number(object)};
    if (by.dynamic) work.owned().push_back({kind_of<Object>(), added.key});
    work.put(std::make_shared<const Object>(std::move(object)));
    return added;
  });
}

Outcome<Added> Engine::add(SessionId session, Provider object) { return add_object(session, std::move(object)); }
Outcome<Added> Engine::add(SessionId session, SubLayer object) { return add_object(session, std::move(object)); }
Outcome<Added> Engine::add(SessionId session, Callout object) { return add_object(session, std::move(object)); }
Outcome<Added> Engine::add(SessionId session, ProviderContext object) { return add_object(session, std::move(object)); }
Outcome<Added> Engine::add(SessionId session, Filter object) { return add_object(session, std::move(object)); }

Outcome<> Engine::remove_from(Work& work, const Author& author, ObjectKind kind, const Guid& key) {
  const Snapshot& next = work.next();
  const auto remove = [&](const auto& map, Fwp missing) -> Outcome<> {
    const auto* found = map.find(key);
    if (!found) return refuse(missing);
    const auto held = *found;
    SP_CHECK(check_delete(author, containers_, next, kind, held->head));
    work.drop(*held);
    return {};
  };
  switch (kind) {
    case ObjectKind::provider: return remove(next.providers, Fwp::PROVIDER_NOT_FOUND);
    case ObjectKind::sublayer: return remove(next.sublayers, Fwp::SUBLAYER_NOT_FOUND);
    case ObjectKind::callout: return remove(next.callouts, Fwp::CALLOUT_NOT_FOUND);
    case ObjectKind::provider_context: return remove(next.contexts, Fwp::PROVIDER_CONTEXT_NOT_FOUND);
    case ObjectKind::filter: return remove(next.filters, Fwp::FILTER_NOT_FOUND);
  }
  return refuse(Fwp::NOT_FOUND);
}

Outcome<> Engine::remove(SessionId session, ObjectKind kind, const Guid& key) {
  return change(session, [&](Work& work, const Author& by) { return remove_from(work, by, kind, key); });
}

Outcome<> Engine::remove(SessionId session, ObjectKind kind, uint64_t id) {
  return change(session, [&](Work& work, const Author& by) -> Outcome<> {
    Guid key;
    const auto look = [&](const auto& map) {
      const auto* found = map.find(id);
      if (found) key = (*found)->head.key;
    };
    if (kind == ObjectKind::callout) look(work.next().callouts_by_id);
    if (kind == ObjectKind::provider_context) look(work.next().contexts_by_id);
    if (kind == ObjectKind::filter) look(work.next().filters_by_id);
    return remove_from(work, by, kind, key);  // a key of zeros names nothing
  });
}

Outcome<> Engine::may_read(SessionId id, ObjectKind kind, const ObjectHead& head) const {
  SP_TRY(const Session* session, live(id));
  if (session->request.trusted) return {};
  const SecurityDescriptor& protection = head.protection ? *head.protection : containers_.of(kind);
  return allowed(protection, session->request.token, access::kRead) ? Outcome<>{}
                                                                    : Outcome<>(refuse(Fwp::ACCESS_DENIED));
}

void Engine::publish(SessionId by, Work& work) {
  if (!work.changed()) return;
  exempt(work);
  work.finish();
  work.next().generation = current_->generation + 1;
  current_ = std::make_shared<const Snapshot>(work.next());
  outputs_.push_back({EngineOutput::Kind::snapshot_changed, by, 0, current_, nullptr});
  notify(by, work.changes());
}

// Keying traffic of the daemon's own sockets has to pass while there is main mode policy. In the original: IKE and
// AuthIP, 4500 over IPv4 only; ours: every keying module, both families, both ports.
void Engine::exempt(Work& work) {
  Snapshot& next = work.next();
  if (next.main_mode_filters == 0) {
    for (const Guid& key : next.exemptions) work.drop(Filter(**next.filters.find(key)));
    next.exemptions.clear();
    return;
  }
  if (!next.exemptions.empty()) return;
  struct Place {
    Layer layer;
    bool local_system;  // only sockets of the keying service itself
  };
  constexpr Place kPlaces[] = {{Layer::INBOUND_TRANSPORT_V4, false},   {Layer::INBOUND_TRANSPORT_V6, false},
                               {Layer::OUTBOUND_TRANSPORT_V4, false},  {Layer::OUTBOUND_TRANSPORT_V6, false},
                               {Layer::ALE_AUTH_RECV_ACCEPT_V4, true}, {Layer::ALE_AUTH_RECV_ACCEPT_V6, true},
                               {Layer::ALE_AUTH_CONNECT_V4, true},     {Layer::ALE_AUTH_CONNECT_V6, true}};
  for (const Place& place : kPlaces) {
    Filter filter;
    filter.head.key = new_guid();
    filter.head.display = {"IKE exemption", "keying traffic is never itself protected"};
    filter.head.provider = known::provider::IKEEXT;
    filter.head.lifetime = Lifetime::builtin;
    filter.layer = place.layer;
    filter.sublayer = known::sublayer::UNIVERSAL;
    filter.weight = kWeightRangeIkeExemptions;
    filter.action.type = ActionType::PERMIT;
    filter.conditions = {{Field::IP_PROTOCOL, MatchType::EQUAL, Value(uint8_t{17})},
                         {Field::IP_LOCAL_PORT, MatchType::EQUAL, Value(uint16_t{500})},
                         {Field::IP_LOCAL_PORT, MatchType::EQUAL, Value(uint16_t{4500})}};
    if (place.local_system) {
      SecurityDescriptor system;
      system.dacl = {{Ace::Kind::allow, kActrlMatchFilter, known::sid::local_system()}};
      filter.conditions.push_back(
          {Field::ALE_USER_ID, MatchType::EQUAL, Value(DescriptorValue{write_descriptor(system)})});
    }
    filter.effective_weight = *effective_weight(*find_layer(place.layer), filter.weight, filter.conditions);
    (void)number(filter);
    next.exemptions.push_back(filter.head.key);
    work.put(std::make_shared<const Filter>(std::move(filter)));
  }
}

void Engine::install_builtin() {
  Work work(*current_);
  const auto builtin = [](auto object, const Guid& key, std::string_view name) {
    object.head.key = key;
    object.head.display.name = std::string(name);
    object.head.lifetime = Lifetime::builtin;
    return object;
  };
  const auto put = [&](auto object) { work.put(std::make_shared<const decltype(object)>(std::move(object))); };
  const auto sublayer = [&](const Guid& key, std::string_view name, uint16_t weight) {
    SubLayer made = builtin(SubLayer{}, key, name);
    made.weight = weight;
    put(std::move(made));
  };
  const auto callout = [&](const Guid& key, std::string_view name, Layer layer, CalloutContext context) {
    Callout made = builtin(Callout{}, key, name);
    made.layer = layer;
    made.head.flags = Callout::kRegistered | (context == CalloutContext::NONE ? 0 : Callout::kUsesProviderContext);
    (void)number(made);
    put(std::move(made));
  };
#define SP_FWP_PROVIDER(name, guid) put(builtin(Provider{}, known::provider::name, #name));
#define SP_FWP_SUBLAYER(name, guid, weight) sublayer(known::sublayer::name, #name, weight);
#define SP_FWP_CALLOUT(name, guid, layer, context) \
  callout(known::callout::name, #name, Layer::layer, CalloutContext::context);
#include "proto/wfp.def"
  work.finish();
  current_ = std::make_shared<const Snapshot>(work.next());
}

}  // namespace sallyport::policy
