// What every object of the filter engine has: key, names, provider, lifetime, owner, protection. Values.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "policy/guid.h"
#include "policy/sid.h"

namespace sallyport::policy {

using SessionId = uint64_t;  // 0: none; never used twice

enum class ObjectKind : uint8_t { provider, sublayer, callout, provider_context, filter };
inline constexpr size_t kObjectKinds = 5;
std::string_view to_string(ObjectKind kind);

// What else has a protection of its own: databases whose entries are no objects, and layers all together.
enum class Database : uint8_t { ipsec_sas, ike_sas, dosp, dictators, net_events, connections, layers };
inline constexpr size_t kDatabases = 7;

// From the longest to the shortest; dynamic ones die with their session.
enum class Lifetime : uint8_t { builtin, persistent, static_, dynamic };

struct DisplayData {
  std::string name;  // must not be empty: FWP_E_NULL_DISPLAY_NAME
  std::string description;
  bool operator==(const DisplayData&) const = default;
};

struct ObjectHead {
  Guid key;  // zero when added: the engine makes one
  DisplayData display;
  uint32_t flags = 0;
  std::optional<Guid> provider;
  Bytes provider_data;
  // Set by the engine, ignored when added.
  Lifetime lifetime = Lifetime::static_;
  SessionId owner = 0;                                   // of a dynamic object, or a static one of this program itself
  std::shared_ptr<const SecurityDescriptor> protection;  // nothing: what the container says
};
// Added by this program for a provider of its own: nobody else deletes it or changes who may.
inline bool of_program(const ObjectHead& head) { return head.lifetime == Lifetime::static_ && head.owner != 0; }
bool operator==(const ObjectHead& a, const ObjectHead& b);  // protection by value

}  // namespace sallyport::policy
