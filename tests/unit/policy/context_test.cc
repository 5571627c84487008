// The rules of what provider contexts carry.
#include "policy/provider_context.h"

#include <doctest/doctest.h>

#include "support/policy_samples.h"

TEST_SUITE_BEGIN("policy/provider_context");
using namespace sallyport;
using namespace sallyport::support;

namespace {

Fwp refused(ContextType type, decltype(ProviderContext::policy) policy) {
  const auto checked = check_context(context(type, std::move(policy)));
  REQUIRE_FALSE(checked);
  return checked.error().code;
}

template <class Policy, class Change>
Policy changed(Policy policy, Change change) {
  change(policy);
  return policy;
}

}  // namespace

TEST_CASE("main mode: methods, groups and proposals by keying module") {
  CHECK(check_context(context(ContextType::IPSEC_IKE_MM, ike_policy())));
  CHECK(check_context(context(ContextType::IPSEC_IKEV2_MM, ike_policy())));
  CHECK(refused(ContextType::IPSEC_AUTHIP_MM, ike_policy()) == Fwp::INCOMPATIBLE_AUTH_METHOD);
  const IkePolicy kerberos = ike_policy({AuthMethodType::KERBEROS, KerberosAuth{}});
  CHECK(check_context(context(ContextType::IPSEC_AUTHIP_MM, kerberos)));
  const auto no_group = changed(kerberos, [](IkePolicy& p) { p.proposals[0].dh_group = DhGroup::NONE; });
  CHECK(check_context(context(ContextType::IPSEC_AUTHIP_MM, no_group)));
  CHECK(refused(ContextType::IPSEC_IKE_MM, no_group) == Fwp::INCOMPATIBLE_DH_GROUP);
  CHECK(refused(ContextType::IPSEC_IKE_MM, changed(ike_policy(), [](IkePolicy& p) { p.methods.clear(); })) ==
        Fwp::ZERO_LENGTH_ARRAY);
  CHECK(refused(ContextType::IPSEC_IKE_MM, changed(ike_policy(), [](IkePolicy& p) { p.proposals.clear(); })) ==
        Fwp::ZERO_LENGTH_ARRAY);
  CHECK(refused(ContextType::IPSEC_IKE_MM, changed(ike_policy(), [](IkePolicy& p) {
                  p.methods.push_back(p.methods[0]);
                })) == Fwp::DUPLICATE_AUTH_METHOD);
  CHECK(refused(ContextType::IPSEC_IKE_MM, changed(ike_policy(), [](IkePolicy& p) { p.soft_expiration_time = 1; })) ==
        Fwp::INVALID_PARAMETER);
  CHECK(refused(ContextType::IPSEC_IKE_MM, changed(ike_policy(), [](IkePolicy& p) { p.flags = 0x40; })) ==
        Fwp::INVALID_FLAGS);
  CHECK(refused(ContextType::IPSEC_IKEV2_MM, changed(ike_policy(), [](IkePolicy& p) {
                  p.retransmit_duration_seconds = 119;
                })) == Fwp::OUT_OF_BOUNDS);
  CHECK(refused(ContextType::IPSEC_IKE_MM, ike_policy({AuthMethodType::EAP, FlagsAuth{}})) ==
        Fwp::INCOMPATIBLE_AUTH_METHOD);
  CHECK(refused(ContextType::IPSEC_IKE_MM, ike_policy({AuthMethodType::IPV6_CGA, CgaAuth{}})) == Fwp::NOT_SUPPORTED);
  CHECK(refused(ContextType::IPSEC_IKE_MM, ike_policy({AuthMethodType::CERTIFICATE, KerberosAuth{}})) ==
        Fwp::INVALID_PARAMETER);
  CHECK(refused(ContextType::IPSEC_IKE_MM, TransportPolicy{}) == Fwp::NULL_POINTER);
  CHECK(refused(static_cast<ContextType>(13), ike_policy()) == Fwp::INVALID_ENUMERATOR);
}

TEST_CASE("quick mode: transforms, their parts and their pairs") {
  const auto with = [](const SaTransform& t) {
    return changed(transport_policy(), [&](TransportPolicy& p) { p.proposals[0].transforms = {t}; });
  };
  const auto type = ContextType::IPSEC_IKEV2_QM_TRANSPORT;
  const AuthTransform gmac{AuthAlgorithm::AES_128, 3, {}}, sha{AuthAlgorithm::SHA_1, 1, {}};
  const CipherTransform gcm{CipherAlgorithm::AES_128, 6, {}}, gcm256{CipherAlgorithm::AES_256, 8, {}};
  CHECK(check_context(context(type, transport_policy())));
  CHECK(check_context(context(type, with({TransformKind::ESP_AUTH_AND_CIPHER, gmac, gcm}))));
  CHECK(refused(type, with({TransformKind::ESP_AUTH_AND_CIPHER, gmac, gcm256})) == Fwp::INVALID_TRANSFORM_COMBINATION);
  CHECK(refused(type, with({TransformKind::ESP_AUTH_AND_CIPHER, sha, gcm})) == Fwp::INVALID_TRANSFORM_COMBINATION);
  CHECK(refused(type, with({TransformKind::ESP_CIPHER, {}, gcm})) == Fwp::INCOMPATIBLE_CIPHER_TRANSFORM);
  CHECK(refused(type, with({TransformKind::AH, AuthTransform{AuthAlgorithm::SHA_1, 2, {}}, {}})) ==
        Fwp::INVALID_AUTH_TRANSFORM);
  CHECK(refused(type, with({TransformKind::ESP_CIPHER, {}, CipherTransform{CipherAlgorithm::DES, 4, {}}})) ==
        Fwp::INVALID_CIPHER_TRANSFORM);
  CHECK(refused(type, with({TransformKind::AH, {}, {}})) == Fwp::NULL_POINTER);
  const auto pair = changed(transport_policy(), [&](TransportPolicy& p) {
    p.proposals[0].transforms.push_back({TransformKind::AH, sha, {}});
  });
  CHECK(check_context(context(type, pair)));
  CHECK(refused(type, changed(pair, [](TransportPolicy& p) {
                  std::swap(p.proposals[0].transforms[0], p.proposals[0].transforms[1]);
                })) == Fwp::INVALID_TRANSFORM_COMBINATION);
  CHECK(refused(type, changed(transport_policy(), [](TransportPolicy& p) { p.proposals[0].lifetime.packets = 0; })) ==
        Fwp::OUT_OF_BOUNDS);
  CHECK(refused(type, changed(transport_policy(), [](TransportPolicy& p) { p.flags = 1; })) == Fwp::INVALID_FLAGS);
  const EmPolicy em{{{AuthMethodType::KERBEROS, KerberosAuth{}}}, Impersonation::SOCKET_PRINCIPAL};
  const auto with_em = changed(transport_policy(), [&](TransportPolicy& p) { p.em = em; });
  CHECK(refused(ContextType::IPSEC_IKE_QM_TRANSPORT, with_em) == Fwp::EM_NOT_SUPPORTED);
  CHECK(check_context(context(ContextType::IPSEC_AUTHIP_QM_TRANSPORT, with_em)));
  CHECK(refused(ContextType::IPSEC_AUTHIP_QM_TRANSPORT, changed(with_em, [](TransportPolicy& p) {
                  p.em->methods[0] = {AuthMethodType::ANONYMOUS, {}};
                })) == Fwp::INCOMPATIBLE_AUTH_METHOD);
}

TEST_CASE("tunnels, keying sets, options and DoS protection") {
  TunnelPolicy tunnel;
  tunnel.proposals = {esp_proposal()};
  tunnel.endpoints.local = *IpAddr::parse("192.0.2.1");
  tunnel.endpoints.remote = *IpAddr::parse("192.0.2.2");
  CHECK(check_context(context(ContextType::IPSEC_IKE_QM_TUNNEL, tunnel)));
  const auto v6 = changed(tunnel, [](TunnelPolicy& p) { p.flags = policy_flag::kEnableV6InV4Tunneling; });
  CHECK(check_context(context(ContextType::IPSEC_IKEV2_QM_TUNNEL, v6)));
  CHECK(refused(ContextType::IPSEC_IKE_QM_TUNNEL, v6) == Fwp::INVALID_FLAGS);
  CHECK(refused(ContextType::IPSEC_IKE_QM_TUNNEL, changed(tunnel, [](TunnelPolicy& p) {
                  p.endpoints.remote = *IpAddr::parse("::1");
                })) == Fwp::INVALID_TUNNEL_ENDPOINT);
  CHECK(refused(ContextType::IPSEC_IKE_QM_TUNNEL, changed(tunnel, [](TunnelPolicy& p) {
                  p.endpoints.remote_fqdn.assign(254, 'a');
                })) == Fwp::INVALID_DNS_NAME);
  CHECK(check_context(context(ContextType::IPSEC_KEYING, KeyingPolicy{{known::keying_module::IKEV2}, 0})));
  CHECK(refused(ContextType::IPSEC_KEYING, KeyingPolicy{{known::keying_module::IKE, known::keying_module::IKE}, 0}) ==
        Fwp::DUPLICATE_KEYMOD);
  CHECK(refused(ContextType::CLASSIFY_OPTIONS, ClassifyOptions{{{8, Value{}}}}) == Fwp::INVALID_ENUMERATOR);
  CHECK(refused(ContextType::IPSEC_DOSP, DospOptions{}) == Fwp::OUT_OF_BOUNDS);
}

TEST_SUITE_END();
