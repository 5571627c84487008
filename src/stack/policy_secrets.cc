// See policy_secrets.h.
#include "stack/policy_secrets.h"

#include "policy/translate.h"
#include "stack/filter_settings.h"

namespace sallyport::stack {

PolicySecrets policy_secrets(const policy::Snapshot& snapshot) {
  PolicySecrets out;
  snapshot.contexts.for_each([&](const auto& context) {
    const auto* main_mode = std::get_if<policy::IkePolicy>(&context->policy);
    // Those of the configuration hold the name of a file.
    if (main_mode == nullptr || context->head.provider == configuration_provider()) return;
    for (size_t i = 0; i < main_mode->methods.size() && out.secrets.size() < PolicySecrets::kMost; ++i) {
      const auto* psk = std::get_if<policy::PresharedKeyAuth>(&main_mode->methods[i].detail);
      if (psk != nullptr) out.secrets.emplace_back(policy::credential_name(context->head.key, i), psk->key);
    }
  });
  return out;
}

void add_credentials(const PolicySecrets& secrets, model::IkePolicySet& out) {
  for (const auto& [name, secret] : secrets.secrets) {
    if (out.credential(name) == nullptr)
      out.credentials.push_back({name, model::AuthPolicy::Kind::psk, {}, model::KeyType::none});
  }
}

}  // namespace sallyport::stack
