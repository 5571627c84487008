// Certificates of the configuration into the negotiation policy: what config::to_policy leaves to whoever may read
// files. Never a private key. Pure but for the FileSource.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "config/load.h"

namespace sallyport::daemon {

struct BuiltPolicy {
  std::shared_ptr<const model::IkePolicySet> policy;
  std::vector<std::string> complaints;  // one sentence each; the policy is usable only without any
};
BuiltPolicy build_policy(const config::Settings& settings, config::FileSource& files);

}  // namespace sallyport::daemon
