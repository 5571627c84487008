// Security identifiers of peers that prove an identity of IKE (a certificate's name, an address): S-1-9 and eight
// numbers, the SHA-256 of the identity's text. Windows' own SIDs come with AuthIP; conditions on the remote machine
// look at either. Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "policy/sid.h"

namespace sallyport::stack {

// One form for names as the configuration writes them and as they come over the wire.
std::string canonical_identity(std::string_view identity);
// The identity, and of a distinguished name "cn:" and its common name, which is no identity by itself: a filter that
// names one has to say so.
inline constexpr const char* kCommonName = "cn:";
std::vector<std::string> names_of_identity(std::string_view identity);

policy::Sid sid_of_identity(std::string_view identity);  // as Identity::to_string() or the configuration writes it
// The peer itself, Everyone and Authenticated Users.
policy::Token token_of_identity(std::string_view identity);

}  // namespace sallyport::stack
