// Keying policy that a program gives its secured socket and that is written for AuthIP, which is not spoken yet: its
// proposals, lifetimes and flags are IKEv2's meanwhile. Who a peer is stays the daemon's to prove. Pure.
#pragma once
#include <memory>

#include "policy/snapshot.h"

namespace sallyport::stack {

// The context of a filter as keying is to take it: itself, but for one of AuthIP that a secured socket's filter names.
// Extended mode, which proves users, is left out; main mode takes the methods of the daemon's own policy for sockets,
// and is itself where there is none.
std::shared_ptr<const policy::ProviderContext> keying_context(const policy::Filter& filter,
                                                              std::shared_ptr<const policy::ProviderContext> context,
                                                              const policy::Snapshot& snapshot);

}  // namespace sallyport::stack
