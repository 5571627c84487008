// From keying policy to the IKEv2 machine's words, and what is refused.
#include "policy/translate.h"

#include <doctest/doctest.h>

#include "support/policy_samples.h"

TEST_SUITE_BEGIN("policy/translate");
using namespace sallyport;
using namespace sallyport::support;

namespace {

Filter secured(Conditions conditions) {
  return callout_filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
                        known::callout::IPSEC_OUTBOUND_TRANSPORT_V4, std::move(conditions));
}
const Negotiation kEnds{"n", IpAddr::v4(0xc0000201), IpAddr::v4(0xc0000202), 7};

KeyingGap gap(const ProviderContext& mm, const ProviderContext& qm) {
  const auto made = connection_policy(mm, qm, secured({}), kEnds);
  REQUIRE_FALSE(made);
  CHECK_FALSE(describe(made.error().why).empty());
  return made.error().why;
}

}  // namespace

TEST_CASE("a connection is made of main mode, quick mode and the filter that asked") {
  const auto mm = context(ContextType::IPSEC_IKEV2_MM, ike_policy(), guid(1));
  TransportPolicy transport = transport_policy();
  transport.idle.seconds = 300;
  const auto qm = context(ContextType::IPSEC_IKEV2_QM_TRANSPORT, transport, guid(2));
  const auto made = connection_policy(
      mm, qm, secured({equal(Field::IP_PROTOCOL, Value(uint8_t{6})), v4_net(Field::IP_REMOTE_ADDRESS, "10.0.0.0/8")}),
      kEnds);
  REQUIRE(made);
  CHECK(model::to_string(made->ike_proposals) ==
        model::to_string(model::Proposals{*model::parse_proposal(model::Protocol::IKE, "aes256-sha256-modp2048")}));
  CHECK(made->local_auth.credential == guid(1).to_string() + "/0");
  REQUIRE(made->children.size() == 1);
  const model::ChildPolicy& child = made->children[0];
  CHECK(child.mode == model::Mode::transport);
  CHECK(child.hard.time == seconds(3600));
  CHECK(child.rekey.time == seconds(3240));
  CHECK(child.hard.idle == seconds(300));
  CHECK(child.remote.at(0).to_string() == model::parse_selector("10.0.0.0/8[tcp]")->to_string());
  CHECK(child.reqid == 7);
}

static CertificateAuth of_users(bool proves, bool demands) {
  CertificateAuth out;
  if (proves) out.outbound.type = CertConfigType::ENTERPRISE_STORE;
  if (demands) out.inbound.type = CertConfigType::ENTERPRISE_STORE;
  return out;
}

TEST_CASE("[WFP 13.4] emPolicy is a user beside the machine, in the directions that its certificate method names") {
  const auto mm = context(ContextType::IPSEC_IKEV2_MM, ike_policy());
  for (const bool proves : {false, true}) {
    for (const bool demands : {false, true}) {
      if (!proves && !demands) continue;
      CAPTURE(proves);
      CAPTURE(demands);
      TransportPolicy quick = transport_policy();
      quick.em.emplace();
      quick.em->methods = {{AuthMethodType::EAP, FlagsAuth{}},
                           {AuthMethodType::CERTIFICATE, of_users(proves, demands)}};
      const auto qm = context(ContextType::IPSEC_IKEV2_QM_TRANSPORT, quick, guid(7));
      const auto made = connection_policy(mm, qm, secured({}), kEnds);
      REQUIRE(made);
      CHECK(made->users_of_accounts == proves);
      CHECK(made->local_user.has_value() == proves);
      REQUIRE(made->remote_user.has_value() == demands);
      if (proves) CHECK(made->local_user->credential == guid(7).to_string() + "/1");
      if (demands) CHECK(made->remote_user->trust == guid(7).to_string() + "/1");
      if (demands) CHECK(made->remote_user->required);
    }
  }
}

static AuthMethod by_certificate(bool proves, bool demands) {
  return {AuthMethodType::CERTIFICATE, of_users(proves, demands)};
}
static AuthMethod by_secret(uint32_t flags) {
  AuthMethod out = psk_method();
  std::get<PresharedKeyAuth>(out.detail).flags = flags;
  return out;
}

TEST_CASE("[RFC7296 2.15] each direction has the first method that is for it") {
  using Kind = model::AuthPolicy::Kind;
  IkePolicy policy;
  policy.methods = {{AuthMethodType::EAP, FlagsAuth{}},
                    by_secret(PresharedKeyAuth::kLocalAuthOnly),
                    by_certificate(false, true),
                    by_certificate(true, true)};
  const auto made = auth_policies(policy, guid(3));
  REQUIRE(made);
  CHECK(made->local == model::AuthPolicy{Kind::psk, guid(3).to_string() + "/1", {}});
  CHECK(made->remote.kind == Kind::cert);
  CHECK(made->remote.trust == guid(3).to_string() + "/2");
  for (const auto& lacking : {by_secret(PresharedKeyAuth::kRemoteAuthOnly), by_certificate(true, false)}) {
    policy.methods = {lacking};
    const auto refused = auth_policies(policy, guid(3));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().why == KeyingGap::auth_method);
  }
}

TEST_CASE("[WFP 13.3] a method whose certificates are not there is passed over, in both directions") {
  IkePolicy policy;
  policy.methods = {by_certificate(true, true), psk_method()};
  const auto only_trust = [](const Guid&, size_t, const AuthMethod&) { return MethodNames{{}, "roots"}; };
  const auto made = auth_policies(policy, guid(3), only_trust);
  REQUIRE(made);
  CHECK(made->local.kind == model::AuthPolicy::Kind::psk);
  CHECK(made->remote == made->local);
  const auto both = [](const Guid&, size_t, const AuthMethod&) { return MethodNames{"mine", "roots"}; };
  const auto found = auth_policies(policy, guid(3), both);
  REQUIRE(found);
  CHECK(found->local.credential == "mine");
  CHECK(found->remote.trust == "roots");
}

TEST_CASE("what IKEv2 cannot do here is refused with the reason") {
  const auto mm = context(ContextType::IPSEC_IKEV2_MM, ike_policy());
  const auto qm = context(ContextType::IPSEC_IKEV2_QM_TRANSPORT, transport_policy());
  CHECK(gap(context(ContextType::IPSEC_IKE_MM, ike_policy()), qm) == KeyingGap::needs_ike);
  CHECK(gap(mm, context(ContextType::IPSEC_AUTHIP_QM_TRANSPORT, transport_policy())) == KeyingGap::needs_authip);
  CHECK(gap(context(ContextType::IPSEC_IKEV2_MM, ike_policy({AuthMethodType::EAP, FlagsAuth{}})), qm) ==
        KeyingGap::auth_method);
  IkePolicy old = ike_policy();
  old.proposals[0].dh_group = DhGroup::GROUP_2;
  CHECK(gap(context(ContextType::IPSEC_IKEV2_MM, old), qm) == KeyingGap::proposal);
  TransportPolicy bare = transport_policy();
  bare.proposals[0].transforms = {{TransformKind::ESP_CIPHER, {}, CipherTransform{CipherAlgorithm::AES_128, 3, {}}}};
  CHECK(gap(mm, context(ContextType::IPSEC_IKEV2_QM_TRANSPORT, bare)) == KeyingGap::transform);
  TransportPolicy em = transport_policy();
  em.em = EmPolicy{};
  CHECK(gap(mm, context(ContextType::IPSEC_IKEV2_QM_TRANSPORT, em)) == KeyingGap::second_authentication);
  em.em->methods = {{AuthMethodType::EAP, FlagsAuth{}}, {AuthMethodType::CERTIFICATE, CertificateAuth{}}};
  CHECK(gap(mm, context(ContextType::IPSEC_IKEV2_QM_TRANSPORT, em)) == KeyingGap::second_authentication);
  TunnelPolicy between;
  between.proposals = {esp_proposal()};
  between.em = EmPolicy{{{AuthMethodType::CERTIFICATE, of_users(true, true)}}, Impersonation::NONE};
  CHECK(gap(mm, context(ContextType::IPSEC_IKEV2_QM_TUNNEL, between)) == KeyingGap::second_authentication);
  TunnelPolicy assigned;
  assigned.flags = policy_flag::kEnableServerAddrAssignment;
  assigned.proposals = {esp_proposal()};
  CHECK(gap(mm, context(ContextType::IPSEC_IKEV2_QM_TUNNEL, assigned)) == KeyingGap::address_assignment);
  CHECK(gap(mm, mm) == KeyingGap::context_role);
}

TEST_CASE("filters become entries of the SPD; conditions without selectors are refused") {
  CHECK(spd_entry(filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::PERMIT), 1, 2)->action == model::Action::BYPASS);
  CHECK(spd_entry(filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::BLOCK), 1, 2)->action == model::Action::DISCARD);
  const auto entry = spd_entry(
      secured({{Field::IP_LOCAL_PORT, MatchType::RANGE, Range{Value(uint16_t{5}), Value(uint16_t{9})}}}), 1, 2);
  REQUIRE(entry);
  CHECK(entry->action == model::Action::PROTECT);
  CHECK(entry->reqid == 1);
  CHECK(entry->local.at(0).port_first == 5);
  CHECK(entry->local.at(0).port_last == 9);
  CHECK(entry->remote.at(0).any_port());
  CHECK(spd_entry(secured({equal(Field::FLAGS, Value(uint32_t{1}))}), 1, 2).error().why == KeyingGap::selector);
  CHECK(spd_entry(secured({{Field::IP_LOCAL_PORT, MatchType::NOT_EQUAL, Value(uint16_t{5})}}), 1, 2).error().why ==
        KeyingGap::selector);
}

TEST_SUITE_END();
