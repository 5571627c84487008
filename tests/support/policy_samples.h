// Short ways to write policy objects in tests and benchmarks.
#pragma once
#include "policy/engine.h"

namespace sallyport::support {

using namespace sallyport::policy;

inline Guid guid(uint64_t n) {
  Guid out;
  store_be64(out.octets.data() + 8, n);
  out.octets[0] = 0xaa;
  return out;
}

inline Condition equal(Field field, Value value) { return {field, MatchType::EQUAL, ConditionValue(std::move(value))}; }
inline Condition v4_net(Field field, const char* prefix) {
  const IpPrefix p = *IpPrefix::parse(prefix);
  const uint32_t mask = p.length == 0 ? 0 : ~uint32_t{0} << (32 - p.length);
  return {field, MatchType::EQUAL, V4AddrMask{load_be32(p.addr.bytes().data()), mask}};
}
inline uint32_t v4(const char* text) { return load_be32(IpAddr::parse(text)->bytes().data()); }

inline Filter filter(Layer layer, ActionType action, Conditions conditions = {}, Value weight = {}) {
  Filter out;
  out.head.display.name = std::string("f");
  out.layer = layer;
  out.action.type = action;
  out.conditions = std::move(conditions);
  out.weight = std::move(weight);
  return out;
}
inline Filter callout_filter(Layer layer, ActionType action, const Guid& callout, Conditions conditions = {},
                             uint64_t raw = 0) {
  Filter out = filter(layer, action, std::move(conditions));
  out.action.callout = callout;
  out.raw_context = raw;
  return out;
}

inline SessionRequest trusted(uint32_t flags = 0) {
  SessionRequest out;
  out.flags = flags;
  out.trusted = true;
  return out;
}
inline SessionRequest caller(std::vector<Sid> sids, uint32_t flags = 0) {
  SessionRequest out;
  out.flags = flags;
  out.token = token_of(std::move(sids));
  return out;
}

inline AuthMethod psk_method(std::string_view secret = "secret") {
  return {AuthMethodType::PRESHARED_KEY, PresharedKeyAuth{SharedSecret(as_bytes(secret)), 0}};
}
inline IkePolicy ike_policy(AuthMethod method = psk_method()) {
  IkePolicy out;
  out.methods = {std::move(method)};
  out.proposals = {{IkeCipher::AES_256, 0, 0, IkeIntegrity::SHA_256, 28800, DhGroup::GROUP_14, 0}};
  return out;
}
inline IpsecProposal esp_proposal() {
  IpsecProposal out;
  out.lifetime = {3600, 100000, 0x7fffffff};
  out.transforms = {{TransformKind::ESP_AUTH_AND_CIPHER, AuthTransform{AuthAlgorithm::SHA_256, 2, {}},
                     CipherTransform{CipherAlgorithm::AES_128, 3, {}}}};
  return out;
}
inline ProviderContext context(ContextType type, decltype(ProviderContext::policy) policy, Guid key = {}) {
  ProviderContext out;
  out.head.key = key;
  out.head.display.name = std::string("c");
  out.type = type;
  out.policy = std::move(policy);
  return out;
}
inline TransportPolicy transport_policy() {
  TransportPolicy out;
  out.proposals = {esp_proposal()};
  return out;
}

}  // namespace sallyport::support
