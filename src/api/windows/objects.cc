// See objects.h: all but provider contexts.
#include "api/windows/objects.h"

#include <pwd.h>
#include <unistd.h>

#include <array>

namespace sallyport::api::windows {
namespace {

// What all structures of objects have, under the name their key has.
template <class C>
Outcome<policy::ObjectHead> take_head(const C& from, const GUID& key) {
  policy::ObjectHead out;
  out.key = take(key);
  SP_TRY(out.display, take(from.displayData));
  out.flags = from.flags;
  SP_TRY(out.provider_data, take(from.providerData));
  if constexpr (requires { from.providerKey->Data1; }) out.provider = take(static_cast<const GUID*>(from.providerKey));
  return out;
}

template <class C>
void give_head(Arena& arena, const policy::ObjectHead& from, C& out) {
  out.displayData = give(arena, from.display);
  out.flags = from.flags;
  out.providerData = give(arena, ByteView(from.provider_data));
  if constexpr (requires { out.providerKey->Data1; }) out.providerKey = give(arena, from.provider);
}

}  // namespace

Outcome<policy::Provider> take(const FWPM_PROVIDER0& from) {
  policy::Provider out;
  SP_TRY(out.head, take_head(from, from.providerKey));
  SP_TRY(out.service_name, take(from.serviceName));
  return out;
}
void give(Arena& arena, const Found<policy::Provider>& from, FWPM_PROVIDER0& out) {
  give_head(arena, from.object.head, out);
  out.providerKey = give(from.object.head.key);
  out.serviceName = give(arena, std::string_view(from.object.service_name));
}

Outcome<policy::SubLayer> take(const FWPM_SUBLAYER0& from) {
  policy::SubLayer out;
  SP_TRY(out.head, take_head(from, from.subLayerKey));
  out.weight = from.weight;
  return out;
}
void give(Arena& arena, const Found<policy::SubLayer>& from, FWPM_SUBLAYER0& out) {
  give_head(arena, from.object.head, out);
  out.subLayerKey = give(from.object.head.key);
  out.weight = from.object.weight;
}

Outcome<policy::Callout> take(const FWPM_CALLOUT0& from) {
  policy::Callout out;
  SP_TRY(out.head, take_head(from, from.calloutKey));
  const policy::LayerInfo* layer = policy::find_layer(take(from.applicableLayer));
  if (!layer) return refuse(Fwp::LAYER_NOT_FOUND);
  out.layer = layer->id;
  return out;
}
void give(Arena& arena, const Found<policy::Callout>& from, FWPM_CALLOUT0& out) {
  give_head(arena, from.object.head, out);
  out.calloutKey = give(from.object.head.key);
  out.applicableLayer = give(policy::find_layer(from.object.layer)->key);
  out.calloutId = static_cast<uint32_t>(from.id);
}

Outcome<policy::Filter> take(const FWPM_FILTER0& from) {
  policy::Filter out;
  SP_TRY(out.head, take_head(from, from.filterKey));
  const policy::LayerInfo* layer = policy::find_layer(take(from.layerKey));
  if (!layer) return refuse(Fwp::LAYER_NOT_FOUND);
  out.layer = layer->id;
  out.sublayer = take(from.subLayerKey);
  SP_TRY(out.weight, take(from.weight));
  SP_TRY(out.conditions, take(from.filterCondition, from.numFilterConditions));
  if (from.action.type >= 0x10000) return refuse(Fwp::INVALID_ACTION_TYPE);
  out.action.type = static_cast<policy::ActionType>(from.action.type);
  out.action.callout = take(from.action.calloutKey);
  // One storage for both; the flag says which it is.
  if (out.has_provider_context()) {
    out.provider_context = take(from.providerContextKey);
  } else {
    out.raw_context = from.rawContext;
  }
  return out;
}
void give(Arena& arena, const Found<policy::Filter>& from, FWPM_FILTER0& out) {
  give_head(arena, from.object.head, out);
  out.filterKey = give(from.object.head.key);
  out.layerKey = give(policy::find_layer(from.object.layer)->key);
  out.subLayerKey = give(from.object.sublayer);
  out.weight = give(arena, from.object.weight);
  out.numFilterConditions = static_cast<uint32_t>(from.object.conditions.size());
  out.filterCondition = give(arena, from.object.conditions);
  out.action.type = static_cast<uint32_t>(from.object.action.type);
  out.action.calloutKey = give(from.object.action.callout);
  if (from.object.has_provider_context()) {
    out.providerContextKey = give(from.object.provider_context);
  } else {
    out.rawContext = from.object.raw_context;
  }
  out.filterId = from.id;
  out.effectiveWeight = give(arena, policy::Value(from.effective_weight));
}

void give(Arena& arena, const policy::call::FoundLayer& from, FWPM_LAYER0& out) {
  out.layerKey = give(from.key);
  out.displayData.name = give(arena, std::string_view(from.name));
  out.flags = FWPM_LAYER_FLAG_BUILTIN | (from.kernel ? FWPM_LAYER_FLAG_KERNEL : 0u);
  out.numFields = static_cast<uint32_t>(from.fields.size());
  if (!from.fields.empty()) out.field = arena.make<FWPM_FIELD0>(from.fields.size());
  for (size_t i = 0; i < from.fields.size(); ++i) {
    out.field[i].fieldKey = give(arena, std::optional(from.fields[i].key));
    out.field[i].type = static_cast<FWPM_FIELD_TYPE>(from.fields[i].type);
    out.field[i].dataType = static_cast<FWP_DATA_TYPE>(from.fields[i].data_type);
  }
  out.defaultSubLayerKey = give(from.default_sublayer);
  out.layerId = from.id;
}

namespace {

// The name of the user behind a SID of the form S-1-22-1-UID.
std::string user_name(const policy::Sid& sid) {
  if (sid.authority != 22 || sid.parts.size() != 2 || sid.parts[0] != 1) return sid.to_string();
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> room;
  if (::getpwuid_r(sid.parts[1], &entry, room.data(), room.size(), &found) != 0 || !found) return sid.to_string();
  return found->pw_name;
}

}  // namespace

void give(Arena& arena, const policy::call::FoundSession& from, FWPM_SESSION0& out) {
  out.sessionKey = give(from.key);
  out.displayData = give(arena, from.display);
  out.flags = from.flags;
  out.txnWaitTimeoutInMSec = from.txn_wait_timeout_ms;
  out.processId = from.process_id;
  if (from.sid) {
    out.sid = give_sid(arena, policy::write_sid(*from.sid));
    out.username = give(arena, std::string_view(user_name(*from.sid)));
  }
  out.kernelMode = from.kernel_mode ? TRUE : FALSE;
}

// ---- templates ----

Outcome<policy::ObjectTemplate> take(const FWPM_SUBLAYER_ENUM_TEMPLATE0& from) {
  policy::ObjectTemplate out;
  out.provider = take(static_cast<const GUID*>(from.providerKey));
  return out;
}
void give(Arena& arena, const policy::ObjectTemplate& from, FWPM_SUBLAYER_ENUM_TEMPLATE0& out) {
  out.providerKey = give(arena, from.provider);
}

Outcome<policy::ObjectTemplate> take(const FWPM_CALLOUT_ENUM_TEMPLATE0& from) {
  policy::ObjectTemplate out;
  out.provider = take(static_cast<const GUID*>(from.providerKey));
  const policy::Guid key = take(from.layerKey);
  if (key.is_zero()) return out;  // of every layer
  const policy::LayerInfo* layer = policy::find_layer(key);
  if (!layer) return refuse(Fwp::LAYER_NOT_FOUND);
  out.layer = layer->id;
  return out;
}
void give(Arena& arena, const policy::ObjectTemplate& from, FWPM_CALLOUT_ENUM_TEMPLATE0& out) {
  out.providerKey = give(arena, from.provider);
  if (from.layer) out.layerKey = give(policy::find_layer(*from.layer)->key);
}

Outcome<policy::ObjectTemplate> take(const FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0& from) {
  policy::ObjectTemplate out;
  out.provider = take(static_cast<const GUID*>(from.providerKey));
  if (raw(from.providerContextType) >= policy::kContextTypes) return refuse(Fwp::INVALID_ENUMERATOR);
  out.context = static_cast<policy::ContextType>(raw(from.providerContextType));
  return out;
}
void give(Arena& arena, const policy::ObjectTemplate& from, FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0& out) {
  out.providerKey = give(arena, from.provider);
  if (from.context) out.providerContextType = static_cast<FWPM_PROVIDER_CONTEXT_TYPE>(*from.context);
}

Outcome<policy::FilterTemplate> take(const FWPM_FILTER_ENUM_TEMPLATE0& from) {
  policy::FilterTemplate out;
  out.provider = take(static_cast<const GUID*>(from.providerKey));
  const policy::LayerInfo* layer = policy::find_layer(take(from.layerKey));
  if (!layer) return refuse(Fwp::LAYER_NOT_FOUND);
  out.layer = layer->id;
  if (raw(from.enumType) >= FWP_FILTER_ENUM_TYPE_MAX) return refuse(Fwp::INVALID_ENUMERATOR);
  out.type = static_cast<policy::FilterEnumType>(raw(from.enumType));
  out.flags = from.flags;
  if (from.providerContextTemplate) {
    SP_TRY(out.context, take(*from.providerContextTemplate));
  }
  SP_TRY(out.conditions, take(from.filterCondition, from.numFilterConditions));
  out.action_mask = from.actionMask;
  out.callout = take(static_cast<const GUID*>(from.calloutKey));
  return out;
}
void give(Arena& arena, const policy::FilterTemplate& from, FWPM_FILTER_ENUM_TEMPLATE0& out) {
  out.providerKey = give(arena, from.provider);
  out.layerKey = give(policy::find_layer(from.layer)->key);
  out.enumType = static_cast<FWP_FILTER_ENUM_TYPE>(from.type);
  out.flags = from.flags;
  if (from.context) {
    out.providerContextTemplate = arena.make<FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0>();
    give(arena, *from.context, *out.providerContextTemplate);
  }
  out.numFilterConditions = static_cast<uint32_t>(from.conditions.size());
  out.filterCondition = give(arena, from.conditions);
  out.actionMask = from.action_mask;
  out.calloutKey = give(arena, from.callout);
}

}  // namespace sallyport::api::windows
