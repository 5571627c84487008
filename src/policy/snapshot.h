// The whole of the policy at one moment: every object, and the filters of every layer ready for classify. A copy costs
// a few pointers and shares everything. Readers hold std::shared_ptr<const Snapshot>; the engine alone makes new ones.
#pragma once
#include "policy/callout.h"
#include "policy/filter_index.h"
#include "policy/persistent_map.h"
#include "policy/provider.h"
#include "policy/provider_context.h"
#include "policy/sublayer.h"

namespace sallyport::policy {

template <class Object>
struct KeyOf {
  const Guid& operator()(const Object& object) const { return object.head.key; }
};
template <class Object>
struct IdOf {
  uint64_t operator()(const Object& object) const { return object.id; }
};
struct IdHash {
  uint64_t operator()(uint64_t id) const { return mix64(id); }
};

// References to an object, so that it cannot be deleted while another needs it.
struct ReferenceCount {
  Guid key;
  uint32_t count = 0;
};
struct ReferenceTraits {
  using Key = Guid;
  using Value = ReferenceCount;
  static const Guid& key(const Value& v) { return v.key; }
  static uint64_t hash(const Guid& k) { return GuidHash{}(k); }
};

template <class Object>
using ByKey = PersistentMap<ObjectTraits<Object, Guid, KeyOf<Object>, GuidHash>>;
template <class Object>
using ById = PersistentMap<ObjectTraits<Object, uint64_t, IdOf<Object>, IdHash>>;

// The filters of one sublayer at one layer.
struct SublayerBank {
  Guid sublayer;
  uint16_t weight = 0;
  FilterIndex index;
};
using LayerBanks = std::vector<SublayerBank>;  // higher weight first, equal ones by key

struct Snapshot {
  uint64_t generation = 0;  // grows with every committed change

  ByKey<Provider> providers;
  ByKey<SubLayer> sublayers;
  ByKey<Callout> callouts;
  ById<Callout> callouts_by_id;
  ByKey<ProviderContext> contexts;
  ById<ProviderContext> contexts_by_id;
  ByKey<Filter> filters;
  ById<Filter> filters_by_id;
  PersistentMap<ReferenceTraits> references;
  uint32_t main_mode_filters = 0;  // at IKEEXT, referring to main mode policy
  std::vector<Guid> exemptions;    // filters of the engine's own that let IKE through, while there are such
  std::vector<LayerBanks> layers = std::vector<LayerBanks>(
      policy::layers().size());  // by position(layer); boot-time and disabled filters are not in them

  const LayerBanks& banks(Layer layer) const { return layers[position(layer)]; }
  uint32_t references_to(const Guid& key) const {
    const ReferenceCount* found = references.find(key);
    return found ? found->count : 0;
  }
};

}  // namespace sallyport::policy
