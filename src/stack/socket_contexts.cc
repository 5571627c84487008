// See socket_contexts.h.
#include "stack/socket_contexts.h"

#include "config/filter_settings.h"
#include "stack/socket_filters.h"

namespace sallyport::stack {

using policy::ContextType;
using policy::ProviderContext;

std::shared_ptr<const ProviderContext> keying_context(const policy::Filter& filter,
                                                      std::shared_ptr<const ProviderContext> context,
                                                      const policy::Snapshot& snapshot) {
  if (filter.head.provider != secure_socket_provider()) return context;
  if (context->type == ContextType::IPSEC_AUTHIP_QM_TRANSPORT) {
    auto out = std::make_shared<ProviderContext>(*context);
    out->type = ContextType::IPSEC_IKEV2_QM_TRANSPORT;
    if (auto* policy = std::get_if<policy::TransportPolicy>(&out->policy)) policy->em.reset();
    return out;
  }
  if (context->type != ContextType::IPSEC_AUTHIP_MM) return context;
  static const policy::Guid kOwn = *policy::Guid::parse(config::kSecureSocketMainMode);
  const auto* own = snapshot.contexts.find(kOwn);
  const auto* methods = own == nullptr ? nullptr : std::get_if<policy::IkePolicy>(&(*own)->policy);
  auto out = std::make_shared<ProviderContext>(*context);
  auto* policy = std::get_if<policy::IkePolicy>(&out->policy);
  if (methods == nullptr || policy == nullptr) return context;
  // Credentials go by the key of the context they are of.
  out->type = ContextType::IPSEC_IKEV2_MM;
  out->head.key = kOwn;
  policy->methods = methods->methods;
  return out;
}

}  // namespace sallyport::stack
