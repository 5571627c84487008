// Names of kinds and actions, and what built-in callouts expect.
#include "policy/callout.h"
#include "policy/filter.h"

namespace sallyport::policy {
namespace {

struct ActionName {
  ActionType type;
  std::string_view name;
};
constexpr ActionName kActionNames[] = {{ActionType::BLOCK, "BLOCK"},
                                       {ActionType::PERMIT, "PERMIT"},
                                       {ActionType::CALLOUT_TERMINATING, "CALLOUT_TERMINATING"},
                                       {ActionType::CALLOUT_INSPECTION, "CALLOUT_INSPECTION"},
                                       {ActionType::CALLOUT_UNKNOWN, "CALLOUT_UNKNOWN"},
                                       {ActionType::CONTINUE, "CONTINUE"},
                                       {ActionType::NONE, "NONE"},
                                       {ActionType::NONE_NO_MATCH, "NONE_NO_MATCH"},
                                       {ActionType::BITMAP_INDEX_SET, "BITMAP_INDEX_SET"}};

constexpr std::string_view kKindNames[kObjectKinds] = {"provider", "sublayer", "callout", "provider context", "filter"};

struct Expected {
  Guid callout;
  CalloutContext context;
};
constexpr Expected kExpected[] = {
#define SP_FWP_CALLOUT(name, guid, layer, context) {known::callout::name, CalloutContext::context},
#include "proto/wfp.def"
};

}  // namespace

std::string_view to_string(ActionType type) {
  for (const ActionName& row : kActionNames)
    if (row.type == type) return row.name;
  return "unknown";
}

std::string_view to_string(ObjectKind kind) { return kKindNames[static_cast<size_t>(kind)]; }

CalloutContext context_of_builtin(const Guid& callout) {
  for (const Expected& row : kExpected)
    if (row.callout == callout) return row.context;
  return CalloutContext::any;
}

bool operator==(const ObjectHead& a, const ObjectHead& b) {
  const bool same_protection =
      a.protection == b.protection || (a.protection && b.protection && *a.protection == *b.protection);
  return same_protection && a.key == b.key && a.display == b.display && a.flags == b.flags &&
         a.provider == b.provider && a.provider_data == b.provider_data && a.lifetime == b.lifetime &&
         a.owner == b.owner;
}

}  // namespace sallyport::policy
