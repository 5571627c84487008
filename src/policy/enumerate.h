// Enumeration: what of a snapshot a template lets through. The result is a copy of pointers, so it stays as it was.
// Pure.
#pragma once
#include "policy/work.h"

namespace sallyport::policy {

struct ObjectTemplate {
  std::optional<Guid> provider;
  std::optional<Layer> layer;          // of callouts
  std::optional<ContextType> context;  // of provider contexts
};

enum class FilterEnumType : uint32_t { FULLY_CONTAINED = 0, OVERLAPPING = 1 };

struct FilterTemplate {
  static constexpr uint32_t kBestTerminatingMatch = 0x1;
  static constexpr uint32_t kSorted = 0x2;
  static constexpr uint32_t kBootTimeOnly = 0x4;
  static constexpr uint32_t kIncludeBootTime = 0x8;
  static constexpr uint32_t kIncludeDisabled = 0x10;
  static constexpr uint32_t kKnownFlags = 0x1f;
  std::optional<Guid> provider;
  Layer layer = Layer::IPSEC_V4;
  FilterEnumType type = FilterEnumType::FULLY_CONTAINED;
  uint32_t flags = 0;
  std::optional<ObjectTemplate> context;  // of the filter's provider context
  Conditions conditions;
  uint32_t action_mask = 0xffffffffu;  // a filter passes when its action shares a bit; all ones: whatever
  std::optional<Guid> callout;
};

// LAYER_NOT_FOUND, INVALID_ENUMERATOR, INVALID_FLAGS, NEVER_MATCH (mask 0, or a callout with a mask that has no callout
// bit), and those of check_conditions().
Outcome<> check_template(const FilterTemplate& wanted);

// Whether a filter is one the template asks for. Requires: check_template() accepted it.
bool matches(const Snapshot& snapshot, const FilterTemplate& wanted, const Filter& filter);

using Filters = std::vector<std::shared_ptr<const Filter>>;
// nullptr: all of every layer, without boot-time and disabled ones. Sorted by sublayer and weight where the template
// says so.
Outcome<Filters> enumerate_filters(const Snapshot& snapshot, const FilterTemplate* wanted);

std::vector<std::shared_ptr<const Provider>> enumerate_providers(const Snapshot& snapshot);
std::vector<std::shared_ptr<const SubLayer>> enumerate_sublayers(const Snapshot& snapshot,
                                                                 const ObjectTemplate& wanted);
std::vector<std::shared_ptr<const Callout>> enumerate_callouts(const Snapshot& snapshot, const ObjectTemplate& wanted);
std::vector<std::shared_ptr<const ProviderContext>> enumerate_contexts(const Snapshot& snapshot,
                                                                       const ObjectTemplate& wanted);

}  // namespace sallyport::policy
