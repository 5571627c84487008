// The engine's net events: who may see them, and whom to tell.
#include "policy/engine.h"

namespace sallyport::policy {

void Engine::record(TimePoint now, NetEvent event) {
  if (!collects_net_events()) return;
  const auto kept = net_events_.add(now, std::move(event));
  if (!kept) return;
  for (const auto& [id, each] : watching_) {
    if (!each.choice.wants(*kept)) continue;
    if (notices_queued_ >= kMostNotices) {
      ++lost_notices_;
      continue;
    }
    ++notices_queued_;
    outputs_.push_back({EngineOutput::Kind::net_event, each.session, id, nullptr, nullptr, kept});
  }
}

Outcome<const Engine::Session*> Engine::may_see_net_events(SessionId id, uint32_t right) const {
  SP_TRY(const Session* session, live(id));
  if (!session->request.trusted && !allowed(containers_.net_events, session->request.token, right))
    return refuse(Fwp::ACCESS_DENIED);
  return session;
}

Outcome<std::vector<std::shared_ptr<const NetEvent>>> Engine::net_events(SessionId id,
                                                                         const NetEventTemplate& wanted) const {
  SP_CHECK(may_see_net_events(id, access::kEnum));
  if (!collects_net_events()) return refuse(Fwp::NET_EVENTS_DISABLED);
  SP_CHECK(check_template(wanted));
  return net_events_.choose(NetEventChoice(wanted));
}

Outcome<SubscriptionId> Engine::subscribe(SessionId id, NetEventTemplate wanted) {
  SP_CHECK(outside_txn(id));
  SP_CHECK(may_see_net_events(id, access::kSubscribe));
  if (!collects_net_events()) return refuse(Fwp::NET_EVENTS_DISABLED);
  SP_CHECK(check_template(wanted));
  watching_.emplace(++last_subscription_, Watching{id, NetEventChoice(std::move(wanted))});
  return last_subscription_;
}

Outcome<std::vector<NetEventTemplate>> Engine::net_event_subscriptions(SessionId id) const {
  SP_CHECK(may_see_net_events(id, access::kRead));
  std::vector<NetEventTemplate> out;
  for (const auto& [number, each] : watching_)
    if (each.session == id) out.push_back(each.choice.wanted());
  return out;
}

Outcome<SecurityDescriptor> Engine::net_event_protection(SessionId id) const {
  SP_CHECK(may_see_net_events(id, access::kReadControl));
  return containers_.net_events;
}

Outcome<> Engine::protect_net_events(SessionId id, SecurityDescriptor protection) {
  SP_CHECK(outside_txn(id));
  SP_TRY(const Session* session, may_see_net_events(id, access::kWriteDac));
  if (session->dynamic()) return refuse(Fwp::DYNAMIC_SESSION_IN_PROGRESS);
  containers_.net_events = std::move(protection);
  ++settings_generation_;
  return {};
}

}  // namespace sallyport::policy
