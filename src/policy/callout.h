// Callouts: actions of filters that are decided by code outside this room (FWPM_CALLOUT0), and what such code answers.
// Values.
#pragma once
#include "policy/layer.h"
#include "policy/object.h"

namespace sallyport::policy {

struct Callout {
  static constexpr uint32_t kPersistent = 0x10000;
  static constexpr uint32_t kUsesProviderContext = 0x20000;
  static constexpr uint32_t kRegistered = 0x40000;  // output only
  ObjectHead head;
  Layer layer = Layer::IPSEC_V4;  // applicableLayer
  uint32_t id = 0;
  bool operator==(const Callout&) const = default;
};

// What the provider context of a callout's filter must be.
enum class CalloutContext : uint8_t { NONE, QM_TUNNEL, DOSP, CLASSIFY_OPTIONS, any };
CalloutContext context_of_builtin(const Guid& callout);  // any: not a built-in callout

// Meanings of a filter's raw context for the built-in IPsec callouts (FWPM_CONTEXT_*).
namespace raw_context {
inline constexpr uint64_t kInboundPassthru = 0x1;
inline constexpr uint64_t kInboundPersistConnectionSecurity = 0x2;
inline constexpr uint64_t kInboundReserved = 0xff00000000000000u;
inline constexpr uint64_t kOutboundNegotiateDiscover = 0x1;
inline constexpr uint64_t kOutboundSuppressNegotiation = 0x2;
inline constexpr uint64_t kAleRequireSecurity = 0x2;
inline constexpr uint64_t kAleLazySdEvaluation = 0x4;
inline constexpr uint64_t kAleRequireEncryption = 0x8;
inline constexpr uint64_t kAleAllowFirstInboundUnencrypted = 0x10;
inline constexpr uint64_t kAleAllowAuthFw = 0x20;
}  // namespace raw_context

}  // namespace sallyport::policy
