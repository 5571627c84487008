// Objects of the engine between the C interface and the archive: providers, sublayers, callouts, filters, provider
// contexts of every version, layers, sessions, and the templates that enumerate them. Any thread.
#pragma once
#include "api/windows/values.h"
#include "policy/call.h"

namespace sallyport::api::windows {

// The protection of an object about to be added.
using Protection = std::shared_ptr<const policy::SecurityDescriptor>;

Outcome<policy::Provider> take(const FWPM_PROVIDER0& from);
Outcome<policy::SubLayer> take(const FWPM_SUBLAYER0& from);
Outcome<policy::Callout> take(const FWPM_CALLOUT0& from);
Outcome<policy::Filter> take(const FWPM_FILTER0& from);
Outcome<policy::ProviderContext> take(const FWPM_PROVIDER_CONTEXT0& from);
Outcome<policy::ProviderContext> take(const FWPM_PROVIDER_CONTEXT1& from);
Outcome<policy::ProviderContext> take(const FWPM_PROVIDER_CONTEXT2& from);
Outcome<policy::ProviderContext> take(const FWPM_PROVIDER_CONTEXT3& from);

template <class Object>
using Found = policy::call::Found<Object>;
void give(Arena& arena, const Found<policy::Provider>& from, FWPM_PROVIDER0& out);
void give(Arena& arena, const Found<policy::SubLayer>& from, FWPM_SUBLAYER0& out);
void give(Arena& arena, const Found<policy::Callout>& from, FWPM_CALLOUT0& out);
void give(Arena& arena, const Found<policy::Filter>& from, FWPM_FILTER0& out);
void give(Arena& arena, const Found<policy::ProviderContext>& from, FWPM_PROVIDER_CONTEXT0& out);
void give(Arena& arena, const Found<policy::ProviderContext>& from, FWPM_PROVIDER_CONTEXT1& out);
void give(Arena& arena, const Found<policy::ProviderContext>& from, FWPM_PROVIDER_CONTEXT2& out);
void give(Arena& arena, const Found<policy::ProviderContext>& from, FWPM_PROVIDER_CONTEXT3& out);
void give(Arena& arena, const policy::call::FoundLayer& from, FWPM_LAYER0& out);
void give(Arena& arena, const policy::call::FoundSession& from, FWPM_SESSION0& out);

Outcome<policy::ObjectTemplate> take(const FWPM_SUBLAYER_ENUM_TEMPLATE0& from);
Outcome<policy::ObjectTemplate> take(const FWPM_CALLOUT_ENUM_TEMPLATE0& from);
Outcome<policy::ObjectTemplate> take(const FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0& from);
Outcome<policy::FilterTemplate> take(const FWPM_FILTER_ENUM_TEMPLATE0& from);
void give(Arena& arena, const policy::ObjectTemplate& from, FWPM_SUBLAYER_ENUM_TEMPLATE0& out);
void give(Arena& arena, const policy::ObjectTemplate& from, FWPM_CALLOUT_ENUM_TEMPLATE0& out);
void give(Arena& arena, const policy::ObjectTemplate& from, FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0& out);
void give(Arena& arena, const policy::FilterTemplate& from, FWPM_FILTER_ENUM_TEMPLATE0& out);

}  // namespace sallyport::api::windows
