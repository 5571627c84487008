// See peer_sid.h.
#include "stack/peer_sid.h"

#include "crypto/certificate.h"
#include "crypto/hash.h"

namespace sallyport::stack {

namespace {

// Names as the configuration writes them and as they come over the wire ("dn:" and DER) have one form.
std::string canonical(std::string_view identity) {
  const bool wire = identity.starts_with("dn:");
  if (!wire && identity.find('=') == std::string_view::npos) return std::string(identity);
  const auto der = wire ? from_hex(identity.substr(3)) : crypto::encode_dn(identity);
  const std::string text = der ? crypto::dn_text(*der) : std::string();
  return text.empty() ? std::string(identity) : text;
}

}  // namespace

policy::Sid sid_of_identity(std::string_view identity) {
  constexpr uint64_t kResourceManager = 9;  // the authority for whoever numbers identities of its own
  const Bytes digest = crypto::sha256(as_bytes(canonical(identity)));
  policy::Sid out;
  out.authority = kResourceManager;
  for (size_t at = 0; at + 4 <= digest.size(); at += 4) out.parts.push_back(load_be32(&digest[at]));
  return out;
}

policy::Token token_of_identity(std::string_view identity) {
  const policy::Sid authenticated_users{5, {11}};
  return policy::token_of({sid_of_identity(identity), policy::known::sid::everyone(), authenticated_users});
}

}  // namespace sallyport::stack
