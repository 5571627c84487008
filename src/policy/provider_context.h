// Provider contexts: named policy that filters refer to (FWPM_PROVIDER_CONTEXT3), and the rules for what may be in one.
// Values.
#pragma once
#include "policy/filter.h"
#include "policy/keying_policy.h"
#include "policy/object.h"

namespace sallyport::policy {

enum class ContextType : uint32_t {
  IPSEC_KEYING = 0,
  IPSEC_IKE_QM_TRANSPORT = 1,
  IPSEC_IKE_QM_TUNNEL = 2,
  IPSEC_AUTHIP_QM_TRANSPORT = 3,
  IPSEC_AUTHIP_QM_TUNNEL = 4,
  IPSEC_IKE_MM = 5,
  IPSEC_AUTHIP_MM = 6,
  CLASSIFY_OPTIONS = 7,
  GENERAL = 8,
  IPSEC_IKEV2_QM_TUNNEL = 9,
  IPSEC_IKEV2_MM = 10,
  IPSEC_DOSP = 11,
  IPSEC_IKEV2_QM_TRANSPORT = 12,
};
inline constexpr uint32_t kContextTypes = 13;
std::string_view to_string(ContextType type);

enum class ContextRole : uint8_t { keying, qm_transport, qm_tunnel, mm, classify_options, general, dosp };
ContextRole role_of(ContextType type);                     // Requires: a type of the enumeration
std::optional<KeyModule> key_module_of(ContextType type);  // of MM and QM types

struct ProviderContext {
  static constexpr uint32_t kPersistent = 0x1;
  static constexpr uint32_t kDownlevel = 0x2;
  ObjectHead head;
  ContextType type = ContextType::GENERAL;
  std::variant<KeyingPolicy, TransportPolicy, TunnelPolicy, IkePolicy, ClassifyOptions, GeneralContext, DospOptions>
      policy = GeneralContext{};
  uint64_t id = 0;
  bool operator==(const ProviderContext&) const = default;
};

// Every documented rule for the policy inside: ZERO_LENGTH_ARRAY, INCOMPATIBLE_AUTH_METHOD, EM_NOT_SUPPORTED,
// INCOMPATIBLE_DH_GROUP, INVALID_AUTH_TRANSFORM, INVALID_CIPHER_TRANSFORM, INVALID_TRANSFORM_COMBINATION,
// DUPLICATE_KEYMOD, INVALID_TUNNEL_ENDPOINT, … The refusal's index is that of the method, proposal or selector.
// may_lack_proposals: they are kept elsewhere, as far as these types cannot say them.
Outcome<> check_context(const ProviderContext& context, bool may_lack_proposals = false);

// Whether a filter of that layer (and callout, zero for none) may refer to such a context: PROVIDER_CONTEXT_MISMATCH,
// CONTEXT_INCOMPATIBLE_WITH_CALLOUT, CONTEXT_INCOMPATIBLE_WITH_LAYER.
Outcome<> check_context_place(ContextType type, Layer layer, const Guid& callout);

}  // namespace sallyport::policy
