// Whether a name that a program expects of a peer is this host's own. linux-only; the driver's thread.
#pragma once
#include "runtime/driver.h"
#include "stack/socket_filters.h"

namespace sallyport::runtime {

// "localhost", the host's name, and what our own certificates prove: of another secured socket of this host any of
// these is true without a proof.
bool names_this_host(const Driver& driver, const stack::NamedPeer& named);

}  // namespace sallyport::runtime
