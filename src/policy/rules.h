// The rules for adding and deleting objects: each checks one object against the policy as it is and gives it its final
// form. Used by the engine. Pure.
#pragma once
#include "policy/access.h"
#include "policy/work.h"

namespace sallyport::policy {

struct Containers {  // protection of what has none of its own
  SecurityDescriptor engine = default_protection();
  SecurityDescriptor net_events = default_protection();
  std::array<SecurityDescriptor, kObjectKinds> kinds{default_protection(), default_protection(), default_protection(),
                                                     default_protection(), default_protection()};
  std::array<SecurityDescriptor, kDatabases> databases = default_databases();
  bool operator==(const Containers&) const = default;
  const SecurityDescriptor& of(ObjectKind kind) const { return kinds[static_cast<size_t>(kind)]; }
  const SecurityDescriptor& of(Database which) const { return databases[static_cast<size_t>(which)]; }

 private:
  static std::array<SecurityDescriptor, kDatabases> default_databases() {
    std::array<SecurityDescriptor, kDatabases> out;
    out.fill(default_protection());
    out[static_cast<size_t>(Database::dictators)] = administrators_only();
    return out;
  }
};

inline constexpr size_t kMostSublayers = size_t{1} << 16;
inline constexpr size_t kMostCallouts = 100'000;

// The head: display name, flags, provider, rights; sets lifetime and owner. `known_flags` may be given,
// `persistent_flag` makes it persistent, `dropped_flags` are output and cleared.
struct HeadRule {
  ObjectKind kind;
  uint32_t known_flags, persistent_flag, dropped_flags;
};
Outcome<> settle_head(const HeadRule& rule, const Author& author, const Containers& containers,
                      const Snapshot& snapshot, ObjectHead& head);

Outcome<> settle(const Author& author, const Containers& containers, const Snapshot& snapshot, Provider& object);
Outcome<> settle(const Author& author, const Containers& containers, const Snapshot& snapshot, SubLayer& object);
Outcome<> settle(const Author& author, const Containers& containers, const Snapshot& snapshot, Callout& object);
Outcome<> settle(const Author& author, const Containers& containers, const Snapshot& snapshot, ProviderContext& object);
Outcome<> settle(const Author& author, const Containers& containers, const Snapshot& snapshot, Filter& object);

// Whether the author may delete it now: BUILTIN_OBJECT, WRONG_SESSION, DYNAMIC_SESSION_IN_PROGRESS, ACCESS_DENIED,
// IN_USE.
Outcome<> check_delete(const Author& author, const Containers& containers, const Snapshot& snapshot, ObjectKind kind,
                       const ObjectHead& head);

}  // namespace sallyport::policy
