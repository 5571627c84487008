// Pre-shared keys that programs have put into main mode policy. The worker learns them with the object and hands them
// to the key process, which alone uses them; those of the configuration it reads itself. Pure.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "model/ike_policy.h"
#include "policy/snapshot.h"

namespace sallyport::stack {

struct PolicySecrets {
  static constexpr size_t kMost = 4096;
  std::vector<std::pair<std::string, policy::SharedSecret>> secrets;  // by policy::credential_name()
  bool operator==(const PolicySecrets&) const = default;
};
PolicySecrets policy_secrets(const policy::Snapshot& snapshot);

// Their names among the credentials, as the keying module wants them.
void add_credentials(const PolicySecrets& secrets, model::IkePolicySet& out);

}  // namespace sallyport::stack
