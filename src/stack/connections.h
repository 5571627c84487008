// What each configured child should be and is: wanted or not, down, being negotiated, up; who waits for it; when to try
// again. Decides *whether* to initiate; how is the keying module's affair. Pure; one thread (Control's).
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/ike_policy.h"

namespace sallyport::stack {

using CommandToken = uint64_t;

class Connections {
 public:
  enum class State : uint8_t { down, negotiating, up };
  struct Key {
    std::string connection;
    std::string child;
    auto operator<=>(const Key&) const = default;
  };
  struct Changes {
    std::vector<std::string> gone;  // connections removed or changed: their SAs are to be terminated
    std::vector<Key> start;
    std::vector<CommandToken> abandoned;  // who waited for a connection that is gone
  };

  // Reconciles with a new snapshot: what did not change is not touched.
  Changes set_policy(std::shared_ptr<const model::IkePolicySet> policy);

  // Each returns true when a negotiation must be started now.
  bool want(const Key& key, std::optional<CommandToken> waiter);
  bool on_traffic(const Key& key);  // only a child with start = route; not after it was taken down by command

  // Facts. The tokens returned are of the commands that waited for this.
  std::vector<CommandToken> on_up(const Key& key);
  std::vector<CommandToken> on_failed(TimePoint now, const Key& key);
  std::vector<CommandToken> on_down(TimePoint now, const Key& key);
  std::vector<CommandToken> unwant(const Key& key);  // by the administrator; the waiters are to hear of it

  std::vector<Key> take_due(TimePoint now);  // to be initiated now
  std::optional<TimePoint> next_deadline() const;
  State state(const Key& key) const;
  std::optional<TimePoint> retry_at(const Key& key) const;
  std::vector<Key> children_of(const std::string& connection) const;
  const std::shared_ptr<const model::IkePolicySet>& policy() const { return policy_; }

 private:
  struct Entry {
    bool wanted = false;
    bool taken_down = false;  // by command: traffic does not bring it back
    State state = State::down;
    Duration backoff{};
    std::optional<TimePoint> retry;
    std::set<CommandToken> waiters;
  };
  bool starts_by_traffic(const Key& key) const;
  std::vector<CommandToken> take_waiters(Entry& entry);
  void retry_later(TimePoint now, const Key& key, Entry& entry);

  std::shared_ptr<const model::IkePolicySet> policy_ = std::make_shared<model::IkePolicySet>();
  std::map<Key, Entry> entries_;
};

}  // namespace sallyport::stack
