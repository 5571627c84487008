// A change to the policy in the making: the snapshot that will be, what its indexes still have to learn, and what
// happened. Only the engine uses it. Operations check everything first and change last, so that one that is refused
// leaves nothing behind.
#pragma once
#include <map>

#include "policy/snapshot.h"

namespace sallyport::policy {

enum class ChangeType : uint8_t { add = 1, remove = 2 };
struct Change {
  ChangeType type = ChangeType::add;
  ObjectKind kind = ObjectKind::filter;
  Guid key;
  uint64_t id = 0;                       // of filters, callouts and provider contexts
  std::shared_ptr<const Filter> filter;  // the objects themselves, for templates
  std::shared_ptr<const ProviderContext> context;
  std::optional<Guid> provider;
};

struct ObjectRef {
  ObjectKind kind;
  Guid key;
  bool operator==(const ObjectRef&) const = default;
};

// Who is changing: what decides lifetimes and rights.
struct Author {
  SessionId session = 0;
  bool dynamic = false;
  bool trusted = false;  // the engine itself, or a restored store
  Token token;
};

class Work {
 public:
  explicit Work(const Snapshot& from) : next_(from) {}

  Snapshot& next() { return next_; }
  const Snapshot& next() const { return next_; }

  void put(std::shared_ptr<const Provider> object);
  void put(std::shared_ptr<const SubLayer> object);
  void put(std::shared_ptr<const Callout> object);
  void put(std::shared_ptr<const ProviderContext> object);
  void put(std::shared_ptr<const Filter> object);
  void drop(const Provider& object);
  void drop(const SubLayer& object);
  void drop(const Callout& object);
  void drop(const ProviderContext& object);
  void drop(const Filter& object);

  void finish();  // the indexes learn what was put and dropped; after it next() is whole

  std::vector<Change>& changes() { return changes_; }
  std::vector<ObjectRef>& owned() { return owned_; }  // dynamic objects added, in order
  bool changed() const { return !changes_.empty(); }

 private:
  struct Pending {
    std::vector<FilterIndex::Entry> added;
    std::vector<FilterId> removed;
  };
  void refer(const std::optional<Guid>& key, int by);
  void refer_all(const Filter& filter, int by);
  Pending& pending(const Filter& filter) { return pending_[{filter.layer, filter.sublayer}]; }

  Snapshot next_;
  std::map<std::pair<Layer, Guid>, Pending> pending_;
  std::vector<Change> changes_;
  std::vector<ObjectRef> owned_;
};

// Filters that classify sees: enabled and not of boot time.
inline bool takes_part(const Filter& filter) { return !(filter.head.flags & (Filter::kDisabled | Filter::kBootTime)); }
bool is_main_mode_filter(const Filter& filter, const Snapshot& snapshot);  // refers to main mode policy at IKEEXT

}  // namespace sallyport::policy
