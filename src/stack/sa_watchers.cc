// Who is told of SAs: subscriptions to contexts, and key managers. See sa_calls.h.
#include <algorithm>

#include "policy/access.h"
#include "stack/sa_calls.h"

namespace sallyport::stack {

namespace access = policy::access;
using policy::Database;
using policy::Fwp;
using policy::KeyDictator;
using policy::Outcome;
using policy::refuse;
using policy::SessionId;
using policy::SubscriptionId;

Outcome<SubscriptionId> SaCalls::subscribe(SessionId session, ByteView detail) {
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
  const auto found = subscribed_.find(id);
  if (found == subscribed_.end() || found->second.session != session) return refuse(Fwp::NOT_FOUND);
  subscribed_.erase(found);
  return {};
}

std::vector<Bytes> SaCalls::subscriptions(SessionId session) const {
  std::vector<Bytes> out;
  for (const auto& [id, each] : subscribed_)
    if (each.session == session) out.push_back(policy::call::write(each.wanted));
  return out;
}

bool SaCalls::hear() {
  for (const SaChange& change : control_.take_sa_changes()) {
    for (const auto& [id, each] : subscribed_) {
      if (each.wanted && !policy::within(*each.wanted, change.local, change.remote)) continue;
      if (changes_.size() >= kMostChanges) break;
      const uint32_t type = change.added ? 1 : 2;  // IPSEC_SA_CONTEXT_EVENT_ADD, DELETE
      changes_.push_back({each.session, id, {type, policy::call::kSubscribeSas, {}, change.id}});
    }
  }
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
  std::erase_if(dictators_, [&](const auto& each) { return each.second.session == session; });
}

// They are registered, listed and forgotten with their session. IKEv2 as it is spoken here lets nobody dictate a key,
// so no callback ever comes.
Outcome<Bytes> SaCalls::dictators(SessionId session, Function function, ByteView octets) {
  const policy::Engine& engine = control_.filter_engine();
  if (function == Function::dictators) {
    SP_CHECK(engine.may(session, Database::dictators, access::kEnum | access::kRead));
    std::vector<KeyDictator> out;
    for (const auto& [handle, each] : dictators_) out.push_back(each.who);
    return policy::call::write(std::move(out));
  }
  SP_CHECK(engine.outside_txn(session));
  if (function == Function::dictator_remove) {
    const auto handle = policy::call::read<uint64_t>(octets);
    if (!handle) return refuse(Fwp::WIN32_INVALID_PARAMETER);
    const auto found = dictators_.find(*handle);
    if (found == dictators_.end() || found->second.session != session) return refuse(Fwp::NOT_FOUND);
    dictators_.erase(found);
    return Bytes{};
  }
  SP_CHECK(engine.may(session, Database::dictators, access::kAdd));
  auto who = policy::call::read<KeyDictator>(octets);
  if (!who) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  if (who->display.name.empty()) return refuse(Fwp::NULL_DISPLAY_NAME);
  if (who->flags & ~KeyDictator::kDictateKey) return refuse(Fwp::INVALID_FLAGS);
  if (dictators_.size() >= kMostDictators) return refuse(Fwp::NO_SYSTEM_RESOURCES);
  for (const auto& [handle, each] : dictators_) {
    if (each.who.key == who->key) return refuse(Fwp::ALREADY_EXISTS);
    if (each.who.flags & who->flags & KeyDictator::kDictateKey) return refuse(Fwp::KEY_DICTATOR_ALREADY_REGISTERED);
  }
  dictators_[++last_] = {session, std::move(*who)};
  return policy::call::write(last_);
}

}  // namespace sallyport::stack
