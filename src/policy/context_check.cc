// The rules of provider contexts. Which method suits which keying module, and which context suits which place, are
// tables.
#include <algorithm>

#include "policy/callout.h"
#include "policy/provider_context.h"

namespace sallyport::policy {
namespace {

constexpr uint8_t kIke = 1 << 0, kAuthip = 1 << 1, kIkev2 = 1 << 2, kEveryModule = 7;
uint8_t bit(KeyModule module) { return static_cast<uint8_t>(1u << static_cast<uint32_t>(module)); }

struct MethodRow {
  std::string_view name;
  uint8_t modules;
  bool main_mode_only;
  size_t detail;  // index in the variant of AuthMethod
};
// In the order of AuthMethodType.
constexpr MethodRow kMethods[kAuthMethodTypes] = {
    {"PRESHARED_KEY", kIke | kIkev2, false, 1},
    {"CERTIFICATE", kIke | kIkev2, false, 2},
    {"KERBEROS", kEveryModule, false, 3},
    {"ANONYMOUS", kAuthip, true, 0},
    {"SSL", kAuthip, false, 2},
    {"NTLM_V2", kAuthip, false, 4},
    {"IPV6_CGA", kIke, false, 5},
    {"CERTIFICATE_ECDSA_P256", kIke | kIkev2, false, 2},
    {"CERTIFICATE_ECDSA_P384", kIke | kIkev2, false, 2},
    {"SSL_ECDSA_P256", kAuthip, false, 2},
    {"SSL_ECDSA_P384", kAuthip, false, 2},
    {"EAP", kIkev2, false, 4},
    {"RESERVED", kEveryModule, false, 4},
};

struct ContextRow {
  std::string_view name;
  ContextRole role;
  std::optional<KeyModule> module;
  size_t policy;  // index in the variant of ProviderContext
};
// In the order of ContextType.
constexpr ContextRow kContexts[kContextTypes] = {
    {"IPSEC_KEYING", ContextRole::keying, {}, 0},
    {"IPSEC_IKE_QM_TRANSPORT", ContextRole::qm_transport, KeyModule::IKE, 1},
    {"IPSEC_IKE_QM_TUNNEL", ContextRole::qm_tunnel, KeyModule::IKE, 2},
    {"IPSEC_AUTHIP_QM_TRANSPORT", ContextRole::qm_transport, KeyModule::AUTHIP, 1},
    {"IPSEC_AUTHIP_QM_TUNNEL", ContextRole::qm_tunnel, KeyModule::AUTHIP, 2},
    {"IPSEC_IKE_MM", ContextRole::mm, KeyModule::IKE, 3},
    {"IPSEC_AUTHIP_MM", ContextRole::mm, KeyModule::AUTHIP, 3},
    {"CLASSIFY_OPTIONS", ContextRole::classify_options, {}, 4},
    {"GENERAL", ContextRole::general, {}, 5},
    {"IPSEC_IKEV2_QM_TUNNEL", ContextRole::qm_tunnel, KeyModule::IKEV2, 2},
    {"IPSEC_IKEV2_MM", ContextRole::mm, KeyModule::IKEV2, 3},
    {"IPSEC_DOSP", ContextRole::dosp, {}, 6},
    {"IPSEC_IKEV2_QM_TRANSPORT", ContextRole::qm_transport, KeyModule::IKEV2, 1},
};

Outcome<> check_method(KeyModule module, const AuthMethod& method, bool extended) {
  if (static_cast<uint32_t>(method.type) >= kAuthMethodTypes) return refuse(Fwp::INVALID_ENUMERATOR);
  const MethodRow& row = kMethods[static_cast<uint32_t>(method.type)];
  if (!(row.modules & bit(module)) || (row.main_mode_only && extended)) return refuse(Fwp::INCOMPATIBLE_AUTH_METHOD);
  if (method.detail.index() != row.detail) return refuse(Fwp::INVALID_PARAMETER);
  if (const auto* psk = std::get_if<PresharedKeyAuth>(&method.detail)) {
    if (psk->flags > (PresharedKeyAuth::kLocalAuthOnly | PresharedKeyAuth::kRemoteAuthOnly))
      return refuse(Fwp::INVALID_FLAGS);
    // Different methods for the two sides exist in IKEv2 alone.
    if (psk->flags && module != KeyModule::IKEV2) return refuse(Fwp::INCOMPATIBLE_AUTH_METHOD);
    if (psk->key.view().empty()) return refuse(Fwp::ZERO_LENGTH_ARRAY);
  }
  if (const auto* cert = std::get_if<CertificateAuth>(&method.detail)) {
    for (const CertConfig* side : {&cert->inbound, &cert->outbound}) {
      if (side->type > CertConfigType::UNSPECIFIED) return refuse(Fwp::INVALID_ENUMERATOR);
      for (const CertCriteria& criteria : side->criteria)
        if (!criteria.cert_hash.empty() && criteria.cert_hash.size() != 20) return refuse(Fwp::INVALID_PARAMETER);
    }
  }
  if (method.type == AuthMethodType::IPV6_CGA) return refuse(Fwp::NOT_SUPPORTED);
  return {};
}

Outcome<> check_methods(KeyModule module, const std::vector<AuthMethod>& methods, bool extended) {
  if (methods.empty()) return refuse(Fwp::ZERO_LENGTH_ARRAY);
  for (size_t i = 0; i < methods.size(); ++i) {
    if (auto checked = check_method(module, methods[i], extended); !checked) return refuse(checked.error().code, i);
    for (size_t j = 0; j < i; ++j)
      if (methods[i] == methods[j]) return refuse(Fwp::DUPLICATE_AUTH_METHOD, i);
  }
  return {};
}

Outcome<> check_main_mode(KeyModule module, const IkePolicy& policy) {
  if (policy.soft_expiration_time != 0) return refuse(Fwp::INVALID_PARAMETER);
  SP_CHECK(check_methods(module, policy.methods, false));
  if (policy.proposals.empty()) return refuse(Fwp::ZERO_LENGTH_ARRAY);
  if (policy.initiator_impersonation > Impersonation::SOCKET_PRINCIPAL) return refuse(Fwp::INVALID_ENUMERATOR);
  if (policy.initiator_impersonation != Impersonation::NONE && module != KeyModule::AUTHIP)
    return refuse(Fwp::INVALID_PARAMETER);
  if (policy.flags & ~IkePolicy::kKnownFlags) return refuse(Fwp::INVALID_FLAGS);
  if (policy.retransmit_duration_seconds != 0 && policy.retransmit_duration_seconds < 120)
    return refuse(Fwp::OUT_OF_BOUNDS);
  for (size_t i = 0; i < policy.proposals.size(); ++i) {
    const IkeProposal& proposal = policy.proposals[i];
    if (proposal.cipher > IkeCipher::AES_GCM_256_16ICV || proposal.integrity > IkeIntegrity::SHA_384 ||
        proposal.dh_group > DhGroup::GROUP_24)
      return refuse(Fwp::INVALID_ENUMERATOR, i);
    // AuthIP can do without: its tokens bring keys of their own.
    if (proposal.dh_group == DhGroup::NONE && module != KeyModule::AUTHIP) return refuse(Fwp::INCOMPATIBLE_DH_GROUP, i);
    if (proposal.max_lifetime_seconds == 0) return refuse(Fwp::OUT_OF_BOUNDS, i);
  }
  return {};
}

Outcome<> check_auth(const AuthTransform& auth) {
  if (auth.type > AuthAlgorithm::AES_256) return refuse(Fwp::INVALID_AUTH_TRANSFORM);
  return auth.config == static_cast<uint32_t>(auth.type) ? Outcome<>{} : Outcome<>(refuse(Fwp::INVALID_AUTH_TRANSFORM));
}

Outcome<> check_cipher(const CipherTransform& cipher) {
  const auto type = static_cast<uint32_t>(cipher.type);
  if (type < 1 || type > 5) return refuse(Fwp::INVALID_CIPHER_TRANSFORM);
  const bool cbc = cipher.config == type;
  const bool gcm = cipher.type >= CipherAlgorithm::AES_128 && cipher.config == type + 3;
  return cbc || gcm ? Outcome<>{} : Outcome<>(refuse(Fwp::INVALID_CIPHER_TRANSFORM));
}

bool is_gmac(const AuthTransform& auth) { return auth.type >= AuthAlgorithm::AES_128; }

Outcome<> check_transform(const SaTransform& transform) {
  if (transform.kind < TransformKind::AH || transform.kind > TransformKind::ESP_AUTH_FW)
    return refuse(Fwp::INVALID_ENUMERATOR);
  const bool wants_cipher =
      transform.kind == TransformKind::ESP_CIPHER || transform.kind == TransformKind::ESP_AUTH_AND_CIPHER;
  const bool wants_auth = transform.kind != TransformKind::ESP_CIPHER;
  if (wants_auth != transform.auth.has_value() || wants_cipher != transform.cipher.has_value())
    return refuse(Fwp::NULL_POINTER);
  if (transform.auth) SP_CHECK(check_auth(*transform.auth));
  if (transform.cipher) SP_CHECK(check_cipher(*transform.cipher));
  if (transform.kind != TransformKind::ESP_AUTH_AND_CIPHER) {
    // GCM is one algorithm for both; alone it would encrypt without authenticating.
    return transform.cipher && transform.cipher->is_gcm() ? Outcome<>(refuse(Fwp::INCOMPATIBLE_CIPHER_TRANSFORM))
                                                          : Outcome<>{};
  }
  if (transform.cipher->is_gcm() != is_gmac(*transform.auth)) return refuse(Fwp::INVALID_TRANSFORM_COMBINATION);
  const bool same_size = static_cast<uint32_t>(transform.cipher->type) == static_cast<uint32_t>(transform.auth->type);
  return !transform.cipher->is_gcm() || same_size ? Outcome<>{} : Outcome<>(refuse(Fwp::INVALID_TRANSFORM_COMBINATION));
}

Outcome<> check_proposals(const std::vector<IpsecProposal>& proposals) {
  if (proposals.empty()) return refuse(Fwp::ZERO_LENGTH_ARRAY);
  for (size_t i = 0; i < proposals.size(); ++i) {
    const IpsecProposal& proposal = proposals[i];
    if (proposal.transforms.empty()) return refuse(Fwp::ZERO_LENGTH_ARRAY, i);
    if (proposal.pfs > PfsGroup::GROUP_24) return refuse(Fwp::INVALID_ENUMERATOR, i);
    if (proposal.lifetime.seconds == 0 || proposal.lifetime.kilobytes == 0 || proposal.lifetime.packets == 0)
      return refuse(Fwp::OUT_OF_BOUNDS, i);
    for (const SaTransform& transform : proposal.transforms)
      if (auto checked = check_transform(transform); !checked) return refuse(checked.error().code, i);
    // Two transforms are ESP with AH around it, in that order.
    const bool pair = proposal.transforms.size() == 2 && proposal.transforms[0].kind != TransformKind::AH &&
                      proposal.transforms[1].kind == TransformKind::AH;
    if (proposal.transforms.size() != 1 && !pair) return refuse(Fwp::INVALID_TRANSFORM_COMBINATION, i);
  }
  return {};
}

Outcome<> check_quick_mode(KeyModule module, const std::vector<IpsecProposal>& proposals, uint32_t flags,
                           const std::optional<EmPolicy>& em) {
  SP_CHECK(check_proposals(proposals));
  if (flags & ~policy_flag::kKnown) return refuse(Fwp::INVALID_FLAGS);
  if (!em) return {};
  // IKEv1 has no extended mode; in IKEv2 the second authentication takes its place.
  if (module == KeyModule::IKE) return refuse(Fwp::EM_NOT_SUPPORTED);
  return check_methods(module, em->methods, true);
}

Outcome<> check_tunnel(KeyModule module, const TunnelPolicy& policy) {
  SP_CHECK(check_quick_mode(module, policy.proposals, policy.flags, policy.em));
  const uint32_t ikev2_only = policy_flag::kEnableV6InV4Tunneling | policy_flag::kEnableServerAddrAssignment;
  if ((policy.flags & ikev2_only) && module != KeyModule::IKEV2) return refuse(Fwp::INVALID_FLAGS);
  const TunnelEndpoints& ends = policy.endpoints;
  if (ends.remote_addresses.empty() && ends.remote_fqdn.empty() && ends.local.family() != ends.remote.family())
    return refuse(Fwp::INVALID_TUNNEL_ENDPOINT);
  for (size_t i = 0; i < ends.remote_addresses.size(); ++i)
    if (ends.remote_addresses[i].family() != ends.local.family() || ends.remote_addresses[i].is_any())
      return refuse(Fwp::INVALID_TUNNEL_ENDPOINT, i);
  if (ends.remote_fqdn.size() > 253) return refuse(Fwp::INVALID_DNS_NAME);
  for (const TrafficSelectorPolicy& selectors : policy.selector_policies) {
    for (const auto* side : {&selectors.local, &selectors.remote})
      for (size_t i = 0; i < side->size(); ++i)
        if ((*side)[i].first.family() != (*side)[i].last.family() || (*side)[i].first > (*side)[i].last ||
            (*side)[i].port_first > (*side)[i].port_last)
          return refuse(Fwp::INVALID_RANGE, i);
  }
  return {};
}

Outcome<> check_keying(const KeyingPolicy& policy) {
  if (policy.modules.empty()) return refuse(Fwp::ZERO_LENGTH_ARRAY);
  if (policy.flags & ~KeyingPolicy::kTerminatingMatch) return refuse(Fwp::INVALID_FLAGS);
  for (size_t i = 0; i < policy.modules.size(); ++i)
    if (std::find(policy.modules.begin(), policy.modules.begin() + static_cast<std::ptrdiff_t>(i), policy.modules[i]) !=
        policy.modules.begin() + static_cast<std::ptrdiff_t>(i))
      return refuse(Fwp::DUPLICATE_KEYMOD, i);
  return {};
}

Outcome<> check_dosp(const DospOptions& options) {
  if (!options.state_idle_timeout_seconds || !options.rate_limit_queue_idle_timeout_seconds ||
      !options.max_state_entries || !options.max_per_ip_queues)
    return refuse(Fwp::OUT_OF_BOUNDS);
  for (const DospRate* rate : {&options.ipsec_unauth, &options.ipsec_auth, &options.icmpv6, &options.filter_exempt,
                               &options.default_block_exempt})
    if (rate->dscp > 63 && rate->dscp != 0xff) return refuse(Fwp::OUT_OF_BOUNDS);
  if (options.flags & ~uint32_t{0x3f}) return refuse(Fwp::INVALID_FLAGS);
  if (options.public_mask.prefix_length > 128 || options.internal_mask.prefix_length > 128)
    return refuse(Fwp::INVALID_NET_MASK);
  return {};
}

}  // namespace

std::string_view to_string(KeyModule module) {
  constexpr std::string_view kNames[] = {"IKE", "AUTHIP", "IKEV2"};
  return kNames[static_cast<uint32_t>(module)];
}
std::string_view to_string(AuthMethodType type) {
  return static_cast<uint32_t>(type) < kAuthMethodTypes ? kMethods[static_cast<uint32_t>(type)].name : "unknown";
}
std::string_view to_string(ContextType type) {
  return static_cast<uint32_t>(type) < kContextTypes ? kContexts[static_cast<uint32_t>(type)].name : "unknown";
}
ContextRole role_of(ContextType type) { return kContexts[static_cast<uint32_t>(type)].role; }
std::optional<KeyModule> key_module_of(ContextType type) { return kContexts[static_cast<uint32_t>(type)].module; }

Outcome<> check_context(const ProviderContext& context, bool may_lack_proposals) {
  const auto none = [](const auto* policy) { return policy != nullptr && policy->proposals.empty(); };
  if (may_lack_proposals &&
      (none(std::get_if<IkePolicy>(&context.policy)) || none(std::get_if<TransportPolicy>(&context.policy)) ||
       none(std::get_if<TunnelPolicy>(&context.policy))))
    return {};
  if (static_cast<uint32_t>(context.type) >= kContextTypes) return refuse(Fwp::INVALID_ENUMERATOR);
  const ContextRow& row = kContexts[static_cast<uint32_t>(context.type)];
  if (context.policy.index() != row.policy) return refuse(Fwp::NULL_POINTER);
  switch (row.role) {
    case ContextRole::keying: return check_keying(std::get<KeyingPolicy>(context.policy));
    case ContextRole::qm_transport: {
      const auto& policy = std::get<TransportPolicy>(context.policy);
      return check_quick_mode(*row.module, policy.proposals, policy.flags, policy.em);
    }
    case ContextRole::qm_tunnel: return check_tunnel(*row.module, std::get<TunnelPolicy>(context.policy));
    case ContextRole::mm: return check_main_mode(*row.module, std::get<IkePolicy>(context.policy));
    case ContextRole::classify_options: {
      const auto& options = std::get<ClassifyOptions>(context.policy).options;
      for (size_t i = 0; i < options.size(); ++i)
        if (options[i].type > 7) return refuse(Fwp::INVALID_ENUMERATOR, i);
      return {};
    }
    case ContextRole::general: return {};
    case ContextRole::dosp: return check_dosp(std::get<DospOptions>(context.policy));
  }
  return {};
}

Outcome<> check_context_place(ContextType type, Layer layer, const Guid& callout) {
  const ContextRole role = role_of(type);
  if (!callout.is_zero()) {
    const CalloutContext wanted = context_of_builtin(callout);
    if (wanted == CalloutContext::any) return {};
    if (wanted == CalloutContext::NONE) return refuse(Fwp::CONTEXT_INCOMPATIBLE_WITH_CALLOUT);
    const bool fits = (wanted == CalloutContext::QM_TUNNEL && role == ContextRole::qm_tunnel) ||
                      (wanted == CalloutContext::DOSP && role == ContextRole::dosp) ||
                      (wanted == CalloutContext::CLASSIFY_OPTIONS && role == ContextRole::classify_options);
    return fits ? Outcome<>{} : Outcome<>(refuse(Fwp::PROVIDER_CONTEXT_MISMATCH));
  }
  struct Place {
    Layer layer;
    ContextRole role, other;
  };
  constexpr Place kPlaces[] = {{Layer::IKEEXT_V4, ContextRole::mm, ContextRole::mm},
                               {Layer::IKEEXT_V6, ContextRole::mm, ContextRole::mm},
                               {Layer::IPSEC_V4, ContextRole::qm_transport, ContextRole::qm_tunnel},
                               {Layer::IPSEC_V6, ContextRole::qm_transport, ContextRole::qm_tunnel},
                               {Layer::IPSEC_KM_DEMUX_V4, ContextRole::keying, ContextRole::keying},
                               {Layer::IPSEC_KM_DEMUX_V6, ContextRole::keying, ContextRole::keying}};
  for (const Place& place : kPlaces)
    if (place.layer == layer)
      return role == place.role || role == place.other ? Outcome<>{}
                                                       : Outcome<>(refuse(Fwp::PROVIDER_CONTEXT_MISMATCH));
  // Elsewhere a context without callout means nothing to the engine; policy of keying modules would be a mistake.
  return role == ContextRole::general ? Outcome<>{} : Outcome<>(refuse(Fwp::CONTEXT_INCOMPATIBLE_WITH_LAYER));
}

}  // namespace sallyport::policy
