// How parts of the configuration become parts of objects, for filter_settings.cc, tunnel_settings.cc and
// connection_objects.cc. Pure.
#pragma once
#include "policy/provider_context.h"
#include "stack/filter_settings.h"

namespace sallyport::stack {

policy::ProviderContext configured_context(const std::string& key, const std::string& name, policy::ContextType type);
std::vector<policy::IkeProposal> main_mode_proposals(const model::Proposals& from, uint32_t lifetime_seconds);
std::vector<policy::IpsecProposal> quick_mode_proposals(const model::Proposals& from, uint32_t lifetime_seconds);
policy::Conditions conditions_of(const config::FilterSettings& from, Family family);
void add_tunnels(const config::FilterPolicy& settings, FilterObjects& out);

}  // namespace sallyport::stack
