// The SA database as programs see it, made of what Control has: negotiated SAs of filters and of configured
// connections, and direct ones. Policy is the snapshot in force. Pure; one thread (Control's).
#pragma once
#include "policy/sa_context.h"
#include "stack/control.h"

namespace sallyport::stack {

std::vector<model::ChildId> context_ids(const Control& control);
// nullopt: no such context. One made by hand may be without SAs as yet.
std::optional<policy::SaContext> context_of(const Control& control, model::ChildId id);
// Its addresses, without the cost of the rest.
std::optional<std::pair<IpAddr, IpAddr>> context_addresses(const Control& control, model::ChildId id);

// nullopt: no such IKE SA, or one that is not authenticated.
std::optional<policy::IkeSaDetails> ike_details(const Control& control, model::IkeId id);

}  // namespace sallyport::stack
