// See peer_names.h.
#include "stack/peer_names.h"

#include <algorithm>

#include "crypto/certificate.h"
#include "stack/peer_sid.h"

namespace sallyport::stack {

std::string shown_identity(const std::string& identity) {
  const auto der =
      identity.starts_with("dn:") ? from_hex(std::string_view(identity).substr(3)) : Result<Bytes>(Bytes());
  std::string text = der && !der->empty() ? crypto::dn_text(*der) : std::string();
  return text.empty() ? identity : text;
}

std::vector<std::string> names_of_peer(std::string_view identity, ByteView certificate) {
  std::vector<std::string> out = names_of_identity(identity);
  const auto view = crypto::read_certificate(certificate);
  if (!view) return out;
  for (const auto& name : view->alternative_names) {
    std::string text = canonical_identity(name.to_string());
    if (!text.empty() && std::find(out.begin(), out.end(), text) == out.end()) out.push_back(std::move(text));
  }
  return out;
}

policy::Token token_of_names(const std::vector<std::string>& names) {
  const policy::Sid authenticated_users{5, {11}};
  std::vector<policy::Sid> sids;
  for (const auto& name : names) sids.push_back(sid_of_identity(name));
  sids.push_back(policy::known::sid::everyone());
  sids.push_back(authenticated_users);
  return policy::token_of(std::move(sids));
}

}  // namespace sallyport::stack
