// See own_names.h.
#include "runtime/own_names.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>

#include "stack/peer_names.h"
#include "stack/peer_sid.h"

namespace sallyport::runtime {
namespace {

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : std::string();
}

std::string identity_of(const model::IkePolicySet& policy, const std::string& credential) {
  for (const auto& connection : policy.connections)
    if (connection.local_auth.credential == credential) return connection.local_id.to_string();
  return {};
}

std::vector<std::string> own_names(const Driver& driver) {
  std::vector<std::string> out{"localhost"};
  if (std::string name = host_name(); !name.empty()) out.push_back(std::move(name));
  const auto& policy = driver.control().policy();
  if (!policy) return out;
  for (const auto& credential : policy->credentials) {
    if (credential.kind != model::AuthPolicy::Kind::cert || credential.chain.empty()) continue;
    for (auto& name : stack::names_of_peer(identity_of(*policy, credential.name), credential.chain.front()))
      if (!name.empty()) out.push_back(std::move(name));
  }
  return out;
}

}  // namespace

bool names_this_host(const Driver& driver, const stack::NamedPeer& named) {
  std::vector<std::string> own = own_names(driver);
  for (std::string& name : own) name = stack::canonical_identity(name);
  return std::any_of(named.identities.begin(), named.identities.end(), [&](const std::string& identity) {
    return std::find(own.begin(), own.end(), stack::canonical_identity(identity)) != own.end();
  });
}

}  // namespace sallyport::runtime
