// The configuration's filters as objects of the filter engine: one provider of ours that owns them all, whose objects
// are put in step with the files at every load, in one transaction. The contexts name secrets by their files; what is
// in them only the key process knows. Pure.
#pragma once
#include "config/filter_settings.h"
#include "policy/engine.h"
#include "stack/host_filters.h"

namespace sallyport::stack {

struct FilterObjects {
  std::vector<policy::ProviderContext> contexts;
  std::vector<policy::Filter> filters;
  bool empty() const { return contexts.empty() && filters.empty(); }
};
// Requires: config::load accepted them.
FilterObjects objects_of(const config::FilterPolicy& settings);
// With those of the connections: all that the configuration's provider owns.
FilterObjects configured_objects(const config::FilterPolicy& settings,
                                 const std::vector<model::ConnectionPolicy>& connections);

policy::Guid configuration_provider();

// Makes the provider's objects these: equal ones stay as they are, with their numbers. Requires: the session has a
// transaction that may write. A refusal leaves the transaction to be aborted.
policy::Outcome<> reconcile(policy::Engine& engine, policy::SessionId session, const FilterObjects& objects);

// What a host's packet filter has to know of such a configuration, from an engine of its own. An error: one sentence.
tl::expected<HostFilters, std::string> host_filters_of(const config::FilterPolicy& settings,
                                                       const std::vector<model::ConnectionPolicy>& connections,
                                                       Rng& rng);

}  // namespace sallyport::stack
