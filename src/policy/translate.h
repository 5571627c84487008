// From keying policy to what the IKEv2 machine is told: proposals, lifetimes, authentication, traffic selectors. Policy
// that this program cannot negotiate stays stored and enumerated; it is refused here, with a reason that an event can
// tell. Pure.
#pragma once
#include <functional>

#include "model/ike_policy.h"
#include "model/spd_entry.h"
#include "policy/provider_context.h"

namespace sallyport::policy {

enum class KeyingGap : uint8_t {
  needs_ike,  // IKEv1
  needs_authip,
  auth_method,  // none of the methods
  second_authentication,
  proposal,   // none of the proposals: cipher, integrity, group
  transform,  // none of the transforms
  address_assignment,
  context_role,  // not main mode, or not quick mode policy
  selector,      // conditions that traffic selectors cannot say
};
struct KeyingRefusal {
  KeyingGap why;
  uint32_t index = 0;
  bool operator==(const KeyingRefusal&) const = default;
};
std::string_view describe(KeyingGap gap);

template <class T>
class [[nodiscard]] Translated : public tl::expected<T, KeyingRefusal> {
 public:
  using tl::expected<T, KeyingRefusal>::expected;
};

// Those that can be offered, in order; the others are left out. DES, MD5 and groups 1, 2 and 24 never.
Translated<model::Proposals> ike_proposals(const IkePolicy& policy);
// Proposals of the protocol of the first that can be offered. PFS "as main mode" takes main_mode_group.
Translated<model::Proposals> child_proposals(const std::vector<IpsecProposal>& proposals, DhGroup main_mode_group);
// "<key>/<index>": the daemon hands the secret or the certificates of that method to its key process under that name.
std::string credential_name(const Guid& context, size_t method);

// What proves who this host is by one method by certificate, and who vouches for its peers. Empty: there is none.
struct MethodNames {
  std::string credential, trust;
};
using NameCertificates = std::function<MethodNames(const Guid& context, size_t method, const AuthMethod& wanted)>;
// Both are named after the method, as those of the configuration's contexts are.
MethodNames names_of_method(const Guid& context, size_t method, const AuthMethod& wanted);

// How this host proves who it is, and how its peers do: in each direction by the first method that IKEv2 can use here
// and that is for that direction (RFC 7296 2.15: the two need not be the same).
struct AuthPolicies {
  model::AuthPolicy local, remote;
};
Translated<AuthPolicies> auth_policies(const IkePolicy& policy, const Guid& context,
                                       const NameCertificates& names = names_of_method);

// Traffic of a filter's conditions. Only address, port and protocol conditions that are ranges can be said; others but
// the address type are refused with their position. Ports without protocol are said as they are.
struct FilterTraffic {
  model::Selectors local, remote;
};
Translated<FilterTraffic> filter_traffic(const Filter& filter);

// BYPASS for PERMIT, DISCARD for BLOCK, PROTECT for the IPsec callouts; `priority` as given.
Translated<model::SpdEntry> spd_entry(const Filter& filter, uint32_t reqid, uint32_t priority);

// Everything of one negotiation: main mode context, quick mode context, the filter that asked, and the ends.
struct Negotiation {
  std::string name;
  IpAddr local, remote;  // outer addresses
  uint32_t reqid = 0;
  NameCertificates certificates = names_of_method;
};
Translated<model::ConnectionPolicy> connection_policy(const ProviderContext& main_mode,
                                                      const ProviderContext& quick_mode, const Filter& filter,
                                                      const Negotiation& negotiation);

}  // namespace sallyport::policy
