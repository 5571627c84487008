// Calls about net events.
#include "policy/call_route.h"
#include "policy/net_event_call.h"

namespace sallyport::policy {

namespace {

Outcome<NetEventTemplate> parse_template(ByteView octets) {
  auto wanted = call::read<NetEventTemplate>(octets);
  if (!wanted) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  return std::move(*wanted);
}

}  // namespace

CallRoute::Answer CallRoute::enumerate_events(Connected& at, ByteView octets) {
  SP_TRY(const NetEventTemplate wanted, parse_template(octets));
  if (at.enumerations.size() >= call::kMostEnumerations) return refuse(Fwp::NO_SYSTEM_RESOURCES);
  Enumeration made;
  made.what = call::kEnumNetEvents;
  SP_TRY(made.events, engine_.net_events(at.session, wanted));
  const uint64_t handle = ++at.last_handle;
  at.enumerations.emplace(handle, std::move(made));
  return call::write(handle);
}

CallRoute::Answer CallRoute::subscribe_events(Connected& at, RequestId request, ByteView octets) {
  SP_TRY(NetEventTemplate wanted, parse_template(octets));
  if (at.subscriptions.size() >= call::kMostSubscriptions) return refuse(Fwp::NO_SYSTEM_RESOURCES);
  SP_TRY(const SubscriptionId id, engine_.subscribe(at.session, std::move(wanted)));
  at.subscriptions[id] = request;
  return call::write(uint64_t{id});
}

CallRoute::Answer CallRoute::event_subscriptions(const Connected& at) const {
  SP_TRY(std::vector<NetEventTemplate> all, engine_.net_event_subscriptions(at.session));
  return call::write(std::move(all));
}

Bytes CallRoute::write_event(const NetEvent& event) { return call::write(event); }

}  // namespace sallyport::policy
