// Who is told of SAs: subscriptions to contexts. See sa_calls.h.
#include <algorithm>

#include "policy/access.h"
#include "stack/sa_calls.h"

namespace sallyport::stack {

namespace access = policy::access;
using policy::Database;
using policy::Fwp;
using policy::Outcome;
using policy::refuse;
using policy::SessionId;
using policy::SubscriptionId;

Outcome<SubscriptionId> SaCalls::subscribe(SessionId session, uint32_t kind, ByteView detail) {
  if (kind == policy::call::kSubscribeConnections) return watch_connections(session, detail);
  const policy::Engine& engine = control_.filter_engine();
  SP_CHECK(engine.outside_txn(session));
  SP_CHECK(engine.may(session, Database::ipsec_sas, access::kSubscribe));
  auto wanted = policy::call::read<std::optional<policy::SubNets>>(detail);
  if (!wanted) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  if (*wanted) SP_CHECK(policy::check_subnets(**wanted));
  const SubscriptionId id = kSubscriptionBit | ++last_;
  subscribed_[id] = {session, std::move(*wanted)};
  return id;
}

Outcome<> SaCalls::unsubscribe(SessionId session, SubscriptionId id) {
  SP_CHECK(control_.filter_engine().outside_txn(session));
  const auto forget = [&](auto& all) {
    const auto found = all.find(id);
    if (found == all.end() || found->second.session != session) return false;
    all.erase(found);
    return true;
  };
  if (forget(watching_)) return count_connection_watchers(), Outcome<>{};
  if (forget(dictators_)) return control_.want_keys(!dictators_.empty()), Outcome<>{};
  return forget(subscribed_) ? Outcome<>{} : Outcome<>(refuse(Fwp::NOT_FOUND));
}

std::vector<Bytes> SaCalls::subscriptions(SessionId session, uint32_t kind) const {
  std::vector<Bytes> out;
  if (kind == policy::call::kSubscribeConnections) {
    for (const auto& [id, each] : watching_)
      if (each.session == session) out.push_back(policy::call::write(each.wanted));
    return out;
  }
  for (const auto& [id, each] : subscribed_)
    if (each.session == session) out.push_back(policy::call::write(each.wanted));
  return out;
}

bool SaCalls::hear() {
  keep_connections();
  const std::deque<SaChange> changes = control_.take_sa_changes();
  for (const SaChange& change : changes) {
    for (const auto& [id, each] : subscribed_) {
      if (each.wanted && !policy::within(*each.wanted, change.local, change.remote)) continue;
      if (changes_.size() >= kMostChanges) break;
      const uint32_t type = change.added ? 1 : 2;  // IPSEC_SA_CONTEXT_EVENT_ADD, DELETE
      const policy::call::Notice notice{type, policy::call::kSubscribeSas, {}, change.id};
      changes_.push_back({each.session, id, SecretBytes(policy::call::write(notice))});
    }
    hear_connections(change);
  }
  if (changes.size() >= kMostSaChanges) {
    for (const model::ChildId child : connections_.stale(control_)) tell_connection(connections_.removed(child), true);
  }
  for (const SaEnded& each : control_.take_ended()) connections_.ended(each);
  hear_keys();
  return !changes_.empty();
}

std::optional<SaCalls::Change> SaCalls::poll_change() {
  if (changes_.empty()) return std::nullopt;
  std::optional<Change> out(std::move(changes_.front()));
  changes_.pop_front();
  return out;
}

void SaCalls::closed(SessionId session) {
  std::erase_if(subscribed_, [&](const auto& each) { return each.second.session == session; });
  std::erase_if(watching_, [&](const auto& each) { return each.second.session == session; });
  count_connection_watchers();
  std::erase_if(dictators_, [&](const auto& each) { return each.second.session == session; });
  control_.want_keys(!dictators_.empty());
}

}  // namespace sallyport::stack
