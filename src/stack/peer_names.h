// Every name that an authenticated peer may be called by: the identity that IKE proved and what else its certificate
// says. Conditions on the remote machine and the peer names of sockets look at them. Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "policy/sid.h"

namespace sallyport::stack {

// For people: distinguished names that came over the wire ("dn:" and DER) as text.
std::string shown_identity(const std::string& identity);

// names_of_identity(), and the alternative names of the certificate (DER, verified by whoever calls; empty: none).
std::vector<std::string> names_of_peer(std::string_view identity, ByteView certificate);
// The names, Everyone and Authenticated Users.
policy::Token token_of_names(const std::vector<std::string>& names);

}  // namespace sallyport::stack
