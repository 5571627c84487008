// Security identifiers of peers that prove an identity of IKE (a certificate's name, an address): S-1-9 and eight
// numbers, the SHA-256 of the identity's text. Windows' own SIDs come with AuthIP; conditions on the remote machine
// look at either. Pure.
#pragma once
#include <string_view>

#include "policy/sid.h"

namespace sallyport::stack {

policy::Sid sid_of_identity(std::string_view identity);  // as Identity::to_string() or the configuration writes it
// The peer itself, Everyone and Authenticated Users.
policy::Token token_of_identity(std::string_view identity);

}  // namespace sallyport::stack
