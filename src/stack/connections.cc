// Desired and actual state of the configured children.
#include "stack/connections.h"

#include <algorithm>

namespace sallyport::stack {

namespace {
constexpr Duration kLongestBackoff = minutes(1);

bool same_connection(const model::IkePolicySet& a, const model::IkePolicySet& b, const std::string& name) {
  const auto *x = a.connection(name), *y = b.connection(name);
  if (x == nullptr || y == nullptr || *x != *y) return false;
  // The keys and anchors behind the names count too.
  const auto credential_same = [&](const std::string& c) {
    const auto *p = a.credential(c), *q = b.credential(c);
    return (p == nullptr) == (q == nullptr) && (p == nullptr || *p == *q);
  };
  const auto trust_same = [&](const std::string& t) {
    const auto *p = a.trust_set(t), *q = b.trust_set(t);
    return (p == nullptr) == (q == nullptr) && (p == nullptr || *p == *q);
  };
  return credential_same(x->local_auth.credential) && credential_same(x->remote_auth.credential) &&
         trust_same(x->remote_auth.trust);
}
}  // namespace

Connections::Changes Connections::set_policy(std::shared_ptr<const model::IkePolicySet> policy) {
  Changes changes;
  for (const auto& old : policy_->connections) {
    if (same_connection(*policy_, *policy, old.name)) continue;
    changes.gone.push_back(old.name);
    for (const Key& key : children_of(old.name)) {
      const std::vector<CommandToken> waiters = take_waiters(entries_[key]);
      changes.abandoned.insert(changes.abandoned.end(), waiters.begin(), waiters.end());
      entries_.erase(key);
    }
  }
  policy_ = std::move(policy);
  for (const auto& connection : policy_->connections) {
    for (const auto& child : connection.children) {
      const Key key{connection.name, child.name};
      const bool fresh = entries_.find(key) == entries_.end();
      Entry& entry = entries_[key];
      if (!fresh || child.start != model::ChildPolicy::Start::up) continue;
      entry.wanted = true;
      entry.state = State::negotiating;
      changes.start.push_back(key);
    }
  }
  return changes;
}

bool Connections::want(const Key& key, std::optional<CommandToken> waiter) {
  Entry& entry = entries_[key];
  entry.wanted = true;
  entry.taken_down = false;
  if (waiter && entry.state != State::up) entry.waiters.insert(*waiter);
  if (entry.state != State::down) return false;
  entry.state = State::negotiating;
  entry.retry.reset();
  return true;
}

bool Connections::starts_by_traffic(const Key& key) const {
  const auto* connection = policy_->connection(key.connection);
  if (connection == nullptr) return false;
  return std::any_of(connection->children.begin(), connection->children.end(), [&](const model::ChildPolicy& child) {
    return child.name == key.child && child.start == model::ChildPolicy::Start::route;
  });
}

bool Connections::on_traffic(const Key& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.state == State::negotiating || found->second.taken_down) return false;
  if (!starts_by_traffic(key)) return false;
  found->second.state = State::negotiating;
  found->second.retry.reset();
  return true;
}

std::vector<CommandToken> Connections::take_waiters(Entry& entry) {
  std::vector<CommandToken> out(entry.waiters.begin(), entry.waiters.end());
  entry.waiters.clear();
  return out;
}

std::vector<CommandToken> Connections::on_up(const Key& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return {};
  found->second.state = State::up;
  found->second.backoff = Duration::zero();
  found->second.retry.reset();
  return take_waiters(found->second);
}

void Connections::retry_later(TimePoint now, const Key& key, Entry& entry) {
  const auto* connection = policy_->connection(key.connection);
  if (!entry.wanted || connection == nullptr || !connection->keep_up) return;
  entry.retry = now + entry.backoff;
  entry.backoff = std::min(kLongestBackoff, std::max(connection->retry_delay, entry.backoff * 2));
}

std::vector<CommandToken> Connections::on_failed(TimePoint now, const Key& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return {};
  Entry& entry = found->second;
  entry.state = State::down;
  const auto* connection = policy_->connection(key.connection);
  if (entry.backoff == Duration::zero() && connection != nullptr) entry.backoff = connection->retry_delay;
  retry_later(now, key, entry);
  return take_waiters(entry);
}

// A tunnel that stood and fell is tried again at once: most often the peer has just restarted.
std::vector<CommandToken> Connections::on_down(TimePoint now, const Key& key) {
  const auto found = entries_.find(key);
  // What is being negotiated anew does not fall with its predecessor.
  if (found == entries_.end() || found->second.state != State::up) return {};
  found->second.state = State::down;
  retry_later(now, key, found->second);
  return take_waiters(found->second);
}

std::vector<CommandToken> Connections::unwant(const Key& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return {};
  found->second.wanted = false;
  found->second.taken_down = true;
  found->second.retry.reset();
  // Also what still stands: its SAs are being deleted, and an up from now on is a new negotiation.
  found->second.state = State::down;
  return take_waiters(found->second);
}

std::vector<Connections::Key> Connections::take_due(TimePoint now) {
  std::vector<Key> out;
  for (auto& [key, entry] : entries_) {
    if (!entry.retry || *entry.retry > now) continue;
    entry.retry.reset();
    if (entry.state != State::down) continue;
    entry.state = State::negotiating;
    out.push_back(key);
  }
  return out;
}

std::optional<TimePoint> Connections::next_deadline() const {
  std::optional<TimePoint> first;
  for (const auto& [key, entry] : entries_) {
    if (entry.retry && (!first || *entry.retry < *first)) first = entry.retry;
  }
  return first;
}

Connections::State Connections::state(const Key& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? State::down : found->second.state;
}

std::optional<TimePoint> Connections::retry_at(const Key& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? std::nullopt : found->second.retry;
}

std::vector<Connections::Key> Connections::children_of(const std::string& connection) const {
  std::vector<Key> out;
  for (const auto& [key, entry] : entries_) {
    if (key.connection == connection) out.push_back(key);
  }
  return out;
}

}  // namespace sallyport::stack
