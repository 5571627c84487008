// See peer_sid.h.
#include "stack/peer_sid.h"

#include <algorithm>

#include "crypto/certificate.h"
#include "crypto/hash.h"
#include "stack/peer_names.h"

namespace sallyport::stack {

namespace {

// "CN=value" at the end of a name or before a comma; empty: there is none, or several.
std::string common_name(const std::string& name) {
  std::string out;
  for (size_t at = 0; at < name.size();) {
    const size_t end = std::min(name.find(", ", at), name.size());
    if (name.compare(at, 3, "CN=") == 0) {
      if (!out.empty()) return {};
      out = name.substr(at + 3, end - at - 3);
    }
    at = end + 2;
  }
  return out;
}

}  // namespace

// Names as the configuration writes them and as they come over the wire ("dn:" and DER) have one form.
std::string canonical_identity(std::string_view identity) {
  const bool wire = identity.starts_with("dn:");
  if (!wire && identity.find('=') == std::string_view::npos) {
    std::string text(identity);
    // RFC 4945 3.1: host names without regard to case. Of a mail address only the domain would be.
    if (text.find('@') == std::string::npos)
      for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return text;
  }
  const auto der = wire ? from_hex(identity.substr(3)) : crypto::encode_dn(identity);
  const std::string text = der ? crypto::dn_text(*der) : std::string();
  return text.empty() ? std::string(identity) : text;
}

std::vector<std::string> names_of_identity(std::string_view identity) {
  std::vector<std::string> out{canonical_identity(identity)};
  if (out.front().find('=') == std::string::npos) return out;
  if (const std::string name = common_name(out.front()); !name.empty()) out.push_back(kCommonName + name);
  return out;
}

policy::Sid sid_of_identity(std::string_view identity) {
  constexpr uint64_t kResourceManager = 9;  // the authority for whoever numbers identities of its own
  const Bytes digest = crypto::sha256(as_bytes(canonical_identity(identity)));
  policy::Sid out;
  out.authority = kResourceManager;
  for (size_t at = 0; at + 4 <= digest.size(); at += 4) out.parts.push_back(load_be32(&digest[at]));
  return out;
}

policy::Token token_of_identity(std::string_view identity) { return token_of_names(names_of_identity(identity)); }

}  // namespace sallyport::stack
