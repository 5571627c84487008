// Policy for AuthIP that a secured socket brings.
#include "stack/socket_contexts.h"

#include <doctest/doctest.h>

#include "config/filter_settings.h"
#include "policy/engine.h"
#include "stack/socket_filters.h"

TEST_SUITE_BEGIN("unit/socket_contexts");

namespace sallyport::stack {
namespace {

std::shared_ptr<const policy::ProviderContext> shared(policy::ProviderContext context) {
  return std::make_shared<const policy::ProviderContext>(std::move(context));
}

policy::Filter of_socket(bool socket) {
  policy::Filter filter;
  if (socket) filter.head.provider = secure_socket_provider();
  return filter;
}

policy::ProviderContext quick_mode() {
  policy::ProviderContext context;
  context.type = policy::ContextType::IPSEC_AUTHIP_QM_TRANSPORT;
  policy::TransportPolicy transport;
  transport.flags = policy::policy_flag::kNdBoundary;
  transport.proposals.emplace_back();
  transport.em.emplace();
  context.policy = transport;
  return context;
}

}  // namespace

TEST_CASE("[secure sockets 8.3] proposals and flags of AuthIP's quick mode are a secured socket's with IKEv2") {
  const auto given = shared(quick_mode());
  const auto taken = keying_context(of_socket(true), given, policy::Snapshot());
  CHECK(taken->type == policy::ContextType::IPSEC_IKEV2_QM_TRANSPORT);
  const auto& transport = std::get<policy::TransportPolicy>(taken->policy);
  CHECK(transport.proposals == std::get<policy::TransportPolicy>(given->policy).proposals);
  CHECK(transport.flags == policy::policy_flag::kNdBoundary);
  CHECK_FALSE(transport.em);
  CHECK(keying_context(of_socket(false), given, policy::Snapshot()) == given);  // anybody else's says what it needs
}

TEST_CASE("[secure sockets 6.2] AuthIP's main mode has the daemon's own proof of who a peer is, or none") {
  policy::ProviderContext context;
  context.type = policy::ContextType::IPSEC_AUTHIP_MM;
  policy::IkePolicy kerberos;
  kerberos.methods.emplace_back();
  kerberos.methods[0].type = policy::AuthMethodType::KERBEROS;
  context.policy = kerberos;
  const auto given = shared(context);
  CHECK(keying_context(of_socket(true), given, policy::Snapshot()) == given);

  policy::ProviderContext own;
  own.head.key = *policy::Guid::parse(config::kSecureSocketMainMode);
  own.type = policy::ContextType::IPSEC_IKEV2_MM;
  policy::IkePolicy certificate;
  certificate.methods.emplace_back();
  certificate.methods[0].type = policy::AuthMethodType::CERTIFICATE;
  own.policy = certificate;
  policy::Snapshot snapshot;
  snapshot.contexts.set(shared(own));
  const auto taken = keying_context(of_socket(true), given, snapshot);
  CHECK(taken->type == policy::ContextType::IPSEC_IKEV2_MM);
  CHECK(taken->head.key == own.head.key);
  CHECK(std::get<policy::IkePolicy>(taken->policy).methods == certificate.methods);
}

}  // namespace sallyport::stack

TEST_SUITE_END();
