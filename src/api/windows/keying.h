// Main mode, quick mode and extended mode policies between the C interface and the engine: every version of a structure
// is read into, and written from, the newest form that the engine keeps. What an older version cannot say is left out
// when it is written. Templates for the versions of one structure; instantiated in contexts.cc.
#pragma once
#include "api/windows/values.h"
#include "policy/keying_policy.h"

namespace sallyport::api::windows {

// ---- what has one version ----

Outcome<IpAddr> take_address(FWP_IP_VERSION version, uint32_t v4, const uint8_t* v6);
// Into the union of an address; the caller sets the version.
void give_address(const IpAddr& address, uint32_t& v4, uint8_t* v6);
inline FWP_IP_VERSION version_of(const IpAddr& address) {
  return address.is_v4() ? FWP_IP_VERSION_V4 : FWP_IP_VERSION_V6;
}

Outcome<std::vector<policy::IkeProposal>> take(const IKEEXT_PROPOSAL0* proposals, uint32_t count);
IKEEXT_PROPOSAL0* give(Arena& arena, const std::vector<policy::IkeProposal>& proposals);
Outcome<std::vector<policy::IpsecProposal>> take(const IPSEC_PROPOSAL0* proposals, uint32_t count);
IPSEC_PROPOSAL0* give(Arena& arena, const std::vector<policy::IpsecProposal>& proposals);
Outcome<policy::ClassifyOptions> take(const FWPM_CLASSIFY_OPTIONS0& options);
void give(Arena& arena, const policy::ClassifyOptions& options, FWPM_CLASSIFY_OPTIONS0& out);
policy::V6AddrMask take_mask(const FWP_V6_ADDR_AND_MASK& from);
Outcome<policy::DospOptions> take(const IPSEC_DOSP_OPTIONS0& options);
void give(Arena& arena, const policy::DospOptions& options, IPSEC_DOSP_OPTIONS0& out);
Outcome<std::vector<policy::TrafficSelectorPolicy>> take(const IPSEC_TRAFFIC_SELECTOR_POLICY0* from, uint32_t count);
IPSEC_TRAFFIC_SELECTOR_POLICY0* give(Arena& arena, const std::vector<policy::TrafficSelectorPolicy>& from);

Outcome<policy::CertCriteria> take(const IKEEXT_CERT_ROOT_CONFIG0& root);
Outcome<policy::CertCriteria> take(const IKEEXT_CERTIFICATE_CRITERIA0& criteria);
void give(Arena& arena, const policy::CertCriteria& from, IKEEXT_CERT_ROOT_CONFIG0& out);
void give(Arena& arena, const policy::CertCriteria& from, IKEEXT_CERTIFICATE_CRITERIA0& out);

// One number for each value; INVALID_ENUMERATOR at and above the limit.
template <class To, class From>
Outcome<To> take_enum(From from, uint32_t limit) {
  if (raw(from) >= limit) return refuse(Fwp::INVALID_ENUMERATOR);
  return static_cast<To>(raw(from));
}

// ---- certificates: one direction of a method ----

template <class Root>
Outcome<policy::CertConfig> take_certificates(IKEEXT_CERT_CONFIG_TYPE type, const Root* roots, uint32_t count) {
  policy::CertConfig out;
  SP_TRY(out.type, take_enum<policy::CertConfigType>(type, 4));
  if (out.type == policy::CertConfigType::UNSPECIFIED) return out;
  SP_CHECK(check_array(roots, count));
  for (uint32_t i = 0; i < count; ++i) {
    SP_TRY(policy::CertCriteria each, take(roots[i]));
    out.criteria.push_back(std::move(each));
  }
  return out;
}
template <class Root>
Root* give_certificates(Arena& arena, const policy::CertConfig& from) {
  if (from.criteria.empty()) return nullptr;
  Root* out = arena.make<Root>(from.criteria.size());
  for (size_t i = 0; i < from.criteria.size(); ++i) give(arena, from.criteria[i], out[i]);
  return out;
}

// Versions 0 and 1: a list of roots, or one pointer for a whole store. Version 2: a list for each.
template <class C>
concept ListsForStores = requires(C c) {
  c.inboundRootCriteria;
};

template <class C>
Outcome<policy::CertificateAuth> take_certificate(const C& c) {
  policy::CertificateAuth out;
  const bool in_list = c.inboundConfigType == IKEEXT_CERT_CONFIG_EXPLICIT_TRUST_LIST;
  const bool out_list = c.outboundConfigType == IKEEXT_CERT_CONFIG_EXPLICIT_TRUST_LIST;
  if constexpr (ListsForStores<C>) {
    SP_TRY(out.inbound, take_certificates(c.inboundConfigType, c.inboundRootCriteria, c.inboundRootArraySize));
    SP_TRY(out.outbound, take_certificates(c.outboundConfigType, c.outboundRootCriteria, c.outboundRootArraySize));
  } else {
    const IKEEXT_CERT_ROOT_CONFIG0* roots = in_list ? c.inboundRootArray : c.inboundEnterpriseStoreConfig;
    SP_TRY(out.inbound, take_certificates(c.inboundConfigType, roots,
                                          in_list ? c.inboundRootArraySize
                                          : roots ? 1
                                                  : 0));
    roots = out_list ? c.outboundRootArray : c.outboundEnterpriseStoreConfig;
    SP_TRY(out.outbound, take_certificates(c.outboundConfigType, roots,
                                           out_list ? c.outboundRootArraySize
                                           : roots  ? 1
                                                    : 0));
  }
  out.flags = c.flags;
  if constexpr (requires { c.localCertLocationUrl; }) {
    SP_TRY(out.local_cert_location_url, take(c.localCertLocationUrl));
  }
  return out;
}

template <class C>
void give_certificate(Arena& arena, const policy::CertificateAuth& from, C& out) {
  out.inboundConfigType = static_cast<IKEEXT_CERT_CONFIG_TYPE>(from.inbound.type);
  out.outboundConfigType = static_cast<IKEEXT_CERT_CONFIG_TYPE>(from.outbound.type);
  if constexpr (ListsForStores<C>) {
    out.inboundRootArraySize = static_cast<uint32_t>(from.inbound.criteria.size());
    out.inboundRootCriteria = give_certificates<IKEEXT_CERTIFICATE_CRITERIA0>(arena, from.inbound);
    out.outboundRootArraySize = static_cast<uint32_t>(from.outbound.criteria.size());
    out.outboundRootCriteria = give_certificates<IKEEXT_CERTIFICATE_CRITERIA0>(arena, from.outbound);
  } else {
    auto* inbound = give_certificates<IKEEXT_CERT_ROOT_CONFIG0>(arena, from.inbound);
    if (from.inbound.type == policy::CertConfigType::EXPLICIT_TRUST_LIST) {
      out.inboundRootArraySize = static_cast<uint32_t>(from.inbound.criteria.size());
      out.inboundRootArray = inbound;
    } else {
      out.inboundEnterpriseStoreConfig = inbound;
    }
    auto* outbound = give_certificates<IKEEXT_CERT_ROOT_CONFIG0>(arena, from.outbound);
    if (from.outbound.type == policy::CertConfigType::EXPLICIT_TRUST_LIST) {
      out.outboundRootArraySize = static_cast<uint32_t>(from.outbound.criteria.size());
      out.outboundRootArray = outbound;
    } else {
      out.outboundEnterpriseStoreConfig = outbound;
    }
  }
  out.flags = from.flags;
  if constexpr (requires { out.localCertLocationUrl; })
    out.localCertLocationUrl = give(arena, ByteView(from.local_cert_location_url));
}

// ---- authentication methods ----

Outcome<policy::CgaAuth> take(const IKEEXT_IPV6_CGA_AUTHENTICATION0& cga);
void give(Arena& arena, const policy::CgaAuth& from, IKEEXT_IPV6_CGA_AUTHENTICATION0& out);

template <class M>
Outcome<policy::AuthMethod> take_method(const M& m) {
  policy::AuthMethod out;
  SP_TRY(out.type, take_enum<policy::AuthMethodType>(m.authenticationMethodType, policy::kAuthMethodTypes));
  using enum policy::AuthMethodType;
  switch (out.type) {
    case PRESHARED_KEY: {
      SP_CHECK(check_array(m.presharedKeyAuthentication.presharedKey.data,
                           m.presharedKeyAuthentication.presharedKey.size ? 1 : 0));
      if (m.presharedKeyAuthentication.presharedKey.size > kMostOctets) return refuse(Fwp::WIN32_INVALID_PARAMETER);
      policy::PresharedKeyAuth psk;
      psk.key = policy::SharedSecret(
          ByteView(m.presharedKeyAuthentication.presharedKey.data, m.presharedKeyAuthentication.presharedKey.size));
      if constexpr (requires { m.presharedKeyAuthentication.flags; }) psk.flags = m.presharedKeyAuthentication.flags;
      out.detail = std::move(psk);
      break;
    }
    case CERTIFICATE:
    case CERTIFICATE_ECDSA_P256:
    case CERTIFICATE_ECDSA_P384: {
      SP_TRY(out.detail, take_certificate(m.certificateAuthentication));
      break;
    }
    case SSL:
    case SSL_ECDSA_P256:
    case SSL_ECDSA_P384: {
      SP_TRY(out.detail, take_certificate(m.sslAuthentication));
      break;
    }
    case KERBEROS: {
      policy::KerberosAuth kerberos{m.kerberosAuthentication.flags, {}};
      if constexpr (requires { m.kerberosAuthentication.proxyServer; }) {
        SP_TRY(kerberos.proxy_server, take(m.kerberosAuthentication.proxyServer));
      }
      out.detail = std::move(kerberos);
      break;
    }
    case NTLM_V2: out.detail = policy::FlagsAuth{m.ntlmV2Authentication.flags}; break;
    case IPV6_CGA: {
      SP_TRY(out.detail, take(m.cgaAuthentication));
      break;
    }
    case EAP:
      if constexpr (requires { m.eapAuthentication; }) {
        out.detail = policy::FlagsAuth{m.eapAuthentication.flags};
        break;
      }
      return refuse(Fwp::INVALID_ENUMERATOR);
    case RESERVED:
      if constexpr (requires { m.reservedAuthentication; }) {
        out.detail = policy::FlagsAuth{m.reservedAuthentication.flags};
        break;
      }
      return refuse(Fwp::INVALID_ENUMERATOR);
    case ANONYMOUS: break;
  }
  return out;
}

template <class M>
void give_method(Arena& arena, const policy::AuthMethod& from, M& out) {
  out.authenticationMethodType = static_cast<IKEEXT_AUTHENTICATION_METHOD_TYPE>(from.type);
  using enum policy::AuthMethodType;
  const bool ssl = from.type == SSL || from.type == SSL_ECDSA_P256 || from.type == SSL_ECDSA_P384;
  if (const auto* psk = std::get_if<policy::PresharedKeyAuth>(&from.detail)) {
    out.presharedKeyAuthentication.presharedKey = give(arena, psk->key.view());
    if constexpr (requires { out.presharedKeyAuthentication.flags; }) out.presharedKeyAuthentication.flags = psk->flags;
  } else if (const auto* certificate = std::get_if<policy::CertificateAuth>(&from.detail)) {
    give_certificate(arena, *certificate, ssl ? out.sslAuthentication : out.certificateAuthentication);
  } else if (const auto* kerberos = std::get_if<policy::KerberosAuth>(&from.detail)) {
    out.kerberosAuthentication.flags = kerberos->flags;
    if constexpr (requires { out.kerberosAuthentication.proxyServer; })
      out.kerberosAuthentication.proxyServer = give(arena, std::string_view(kerberos->proxy_server));
  } else if (const auto* cga = std::get_if<policy::CgaAuth>(&from.detail)) {
    give(arena, *cga, out.cgaAuthentication);
  } else if (const auto* flags = std::get_if<policy::FlagsAuth>(&from.detail)) {
    if (from.type == NTLM_V2) out.ntlmV2Authentication.flags = flags->flags;
    if constexpr (requires { out.eapAuthentication; })
      if (from.type == EAP) out.eapAuthentication.flags = flags->flags;
    if constexpr (requires { out.reservedAuthentication; })
      if (from.type == RESERVED) out.reservedAuthentication.flags = flags->flags;
  }
}

template <class M>
Outcome<std::vector<policy::AuthMethod>> take_methods(const M* methods, uint32_t count) {
  SP_CHECK(check_array(methods, count));
  std::vector<policy::AuthMethod> out;
  for (uint32_t i = 0; i < count; ++i) {
    auto method = take_method(methods[i]);
    if (!method) return refuse(method.error().code, i);
    out.push_back(std::move(*method));
  }
  return out;
}
template <class M>
M* give_methods(Arena& arena, const std::vector<policy::AuthMethod>& from) {
  if (from.empty()) return nullptr;
  M* out = arena.make<M>(from.size());
  for (size_t i = 0; i < from.size(); ++i) give_method(arena, from[i], out[i]);
  return out;
}

// ---- policies ----

template <class P>
Outcome<policy::IkePolicy> take_main_mode(const P& p) {
  policy::IkePolicy out;
  out.soft_expiration_time = p.softExpirationTime;
  SP_TRY(out.methods, take_methods(p.authenticationMethods, p.numAuthenticationMethods));
  SP_TRY(out.initiator_impersonation, take_enum<policy::Impersonation>(p.initiatorImpersonationType, 2));
  SP_TRY(out.proposals, take(p.ikeProposals, p.numIkeProposals));
  out.flags = p.flags;
  out.max_dynamic_filters = p.maxDynamicFilters;
  if constexpr (requires { p.retransmitDurationSecs; }) out.retransmit_duration_seconds = p.retransmitDurationSecs;
  return out;
}
template <class P>
void give_main_mode(Arena& arena, const policy::IkePolicy& from, P& out) {
  out.softExpirationTime = from.soft_expiration_time;
  out.numAuthenticationMethods = static_cast<uint32_t>(from.methods.size());
  out.authenticationMethods =
      give_methods<std::remove_pointer_t<decltype(out.authenticationMethods)>>(arena, from.methods);
  out.initiatorImpersonationType = static_cast<IKEEXT_AUTHENTICATION_IMPERSONATION_TYPE>(from.initiator_impersonation);
  out.numIkeProposals = static_cast<uint32_t>(from.proposals.size());
  out.ikeProposals = give(arena, from.proposals);
  out.flags = from.flags;
  out.maxDynamicFilters = from.max_dynamic_filters;
  if constexpr (requires { out.retransmitDurationSecs; }) out.retransmitDurationSecs = from.retransmit_duration_seconds;
}

template <class E>
Outcome<std::optional<policy::EmPolicy>> take_extended_mode(const E* e) {
  if (!e) return std::optional<policy::EmPolicy>{};
  policy::EmPolicy out;
  SP_TRY(out.methods, take_methods(e->authenticationMethods, e->numAuthenticationMethods));
  SP_TRY(out.initiator_impersonation, take_enum<policy::Impersonation>(e->initiatorImpersonationType, 2));
  return std::optional(std::move(out));
}
template <class E>
E* give_extended_mode(Arena& arena, const std::optional<policy::EmPolicy>& from) {
  if (!from) return nullptr;
  E* out = arena.make<E>();
  out->numAuthenticationMethods = static_cast<uint32_t>(from->methods.size());
  out->authenticationMethods =
      give_methods<std::remove_pointer_t<decltype(out->authenticationMethods)>>(arena, from->methods);
  out->initiatorImpersonationType =
      static_cast<IKEEXT_AUTHENTICATION_IMPERSONATION_TYPE>(from->initiator_impersonation);
  return out;
}

template <class P>
Outcome<policy::TransportPolicy> take_transport(const P& p) {
  policy::TransportPolicy out;
  SP_TRY(out.proposals, take(p.ipsecProposals, p.numIpsecProposals));
  out.flags = p.flags;
  out.nd_allow_clear_timeout_seconds = p.ndAllowClearTimeoutSeconds;
  out.idle = {p.saIdleTimeout.idleTimeoutSeconds, p.saIdleTimeout.idleTimeoutSecondsFailOver};
  SP_TRY(out.em, take_extended_mode(p.emPolicy));
  return out;
}
template <class P>
void give_transport(Arena& arena, const policy::TransportPolicy& from, P& out) {
  out.numIpsecProposals = static_cast<uint32_t>(from.proposals.size());
  out.ipsecProposals = give(arena, from.proposals);
  out.flags = from.flags;
  out.ndAllowClearTimeoutSeconds = from.nd_allow_clear_timeout_seconds;
  out.saIdleTimeout = {from.idle.seconds, from.idle.seconds_fail_over};
  out.emPolicy = give_extended_mode<std::remove_pointer_t<decltype(out.emPolicy)>>(arena, from.em);
}

template <class E>
Outcome<policy::TunnelEndpoints> take_endpoints(const E& e) {
  policy::TunnelEndpoints out;
  SP_TRY(out.local, take_address(e.ipVersion, e.localV4Address, e.localV6Address));
  SP_TRY(out.remote, take_address(e.ipVersion, e.remoteV4Address, e.remoteV6Address));
  if constexpr (requires { e.localIfLuid; }) out.local_if_luid = e.localIfLuid;
  if constexpr (requires { e.remoteFqdn; }) {
    SP_TRY(out.remote_fqdn, take(e.remoteFqdn));
    SP_CHECK(check_array(e.remoteAddresses, e.numAddresses));
    for (uint32_t i = 0; i < e.numAddresses; ++i) {
      const IPSEC_TUNNEL_ENDPOINT0& each = e.remoteAddresses[i];
      SP_TRY(const IpAddr address, take_address(each.ipVersion, each.v4Address, each.v6Address));
      out.remote_addresses.push_back(address);
    }
  }
  return out;
}
template <class E>
void give_endpoints(Arena& arena, const policy::TunnelEndpoints& from, E& out) {
  out.ipVersion = version_of(from.local);
  give_address(from.local, out.localV4Address, out.localV6Address);
  give_address(from.remote, out.remoteV4Address, out.remoteV6Address);
  if constexpr (requires { out.localIfLuid; }) out.localIfLuid = from.local_if_luid;
  if constexpr (requires { out.remoteFqdn; }) {
    out.remoteFqdn = give(arena, std::string_view(from.remote_fqdn));
    out.numAddresses = static_cast<uint32_t>(from.remote_addresses.size());
    if (out.numAddresses) out.remoteAddresses = arena.make<IPSEC_TUNNEL_ENDPOINT0>(from.remote_addresses.size());
    for (size_t i = 0; i < from.remote_addresses.size(); ++i) {
      out.remoteAddresses[i].ipVersion = version_of(from.remote_addresses[i]);
      give_address(from.remote_addresses[i], out.remoteAddresses[i].v4Address, out.remoteAddresses[i].v6Address);
    }
  }
}

template <class P>
Outcome<policy::TunnelPolicy> take_tunnel(const P& p) {
  policy::TunnelPolicy out;
  out.flags = p.flags;
  SP_TRY(out.proposals, take(p.ipsecProposals, p.numIpsecProposals));
  SP_TRY(out.endpoints, take_endpoints(p.tunnelEndpoints));
  out.idle = {p.saIdleTimeout.idleTimeoutSeconds, p.saIdleTimeout.idleTimeoutSecondsFailOver};
  SP_TRY(out.em, take_extended_mode(p.emPolicy));
  if constexpr (requires { p.fwdPathSaLifetime; }) out.fwd_path_sa_lifetime = p.fwdPathSaLifetime;
  if constexpr (requires { p.trafficSelectorPolicies; }) {
    out.compartment_id = p.compartmentId;
    SP_TRY(out.selector_policies, take(p.trafficSelectorPolicies, p.numTrafficSelectorPolicy));
  }
  return out;
}
template <class P>
void give_tunnel(Arena& arena, const policy::TunnelPolicy& from, P& out) {
  out.flags = from.flags;
  out.numIpsecProposals = static_cast<uint32_t>(from.proposals.size());
  out.ipsecProposals = give(arena, from.proposals);
  give_endpoints(arena, from.endpoints, out.tunnelEndpoints);
  out.saIdleTimeout = {from.idle.seconds, from.idle.seconds_fail_over};
  out.emPolicy = give_extended_mode<std::remove_pointer_t<decltype(out.emPolicy)>>(arena, from.em);
  if constexpr (requires { out.fwdPathSaLifetime; }) out.fwdPathSaLifetime = from.fwd_path_sa_lifetime;
  if constexpr (requires { out.trafficSelectorPolicies; }) {
    out.compartmentId = from.compartment_id;
    out.numTrafficSelectorPolicy = static_cast<uint32_t>(from.selector_policies.size());
    out.trafficSelectorPolicies = give(arena, from.selector_policies);
  }
}

template <class P>
Outcome<policy::KeyingPolicy> take_keying(const P& p) {
  policy::KeyingPolicy out;
  SP_CHECK(check_array(p.keyModKeys, p.numKeyMods));
  for (uint32_t i = 0; i < p.numKeyMods; ++i) out.modules.push_back(take(p.keyModKeys[i]));
  if constexpr (requires { p.flags; }) out.flags = p.flags;
  return out;
}
template <class P>
void give_keying(Arena& arena, const policy::KeyingPolicy& from, P& out) {
  out.numKeyMods = static_cast<uint32_t>(from.modules.size());
  if (out.numKeyMods) out.keyModKeys = arena.make<GUID>(from.modules.size());
  for (size_t i = 0; i < from.modules.size(); ++i) out.keyModKeys[i] = give(from.modules[i]);
  if constexpr (requires { out.flags; }) out.flags = from.flags;
}

}  // namespace sallyport::api::windows
