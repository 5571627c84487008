// Security associations as programs see them: IPSEC_SA_CONTEXT1 with all it holds, IKEEXT_SA_DETAILS2, and the
// templates that enumerate them. The numbers are the interface's own, not checked: what cannot be said with them (an
// algorithm, a group) is the enumeration's _MAX. Times in seconds, addresses as IpAddr. Values.
#pragma once
#include "policy/call.h"
#include "policy/net_event_call.h"  // TrafficType

namespace sallyport::policy {

// IPSEC_TRAFFIC1. Transport: the two hosts and the transport layer filter. Tunnel: the endpoints and the quick mode
// provider context.
struct SaTraffic {
  IpAddr local, remote;
  TrafficType type = TrafficType::TRANSPORT;
  uint64_t policy_id = 0;                    // ipsecFilterId or tunnelPolicyId
  uint16_t remote_port = 0, local_port = 0;  // 0: any
  uint8_t protocol = 0;                      // 0: any
  uint64_t local_if_luid = 0;
  uint32_t real_if_profile_id = 0;
  bool operator==(const SaTraffic&) const = default;
};

struct UdpEncapsulation {
  uint16_t local_port = 0, remote_port = 0;
  bool operator==(const UdpEncapsulation&) const = default;
};

// IPSEC_AUTH_TRANSFORM_ID0, IPSEC_CIPHER_TRANSFORM_ID0.
struct TransformId {
  uint32_t type = 0;
  uint8_t config = 0;
  std::optional<Guid> crypto_module;
  bool operator==(const TransformId&) const = default;
};
inline constexpr uint32_t kNoSuchTransform = 6;  // IPSEC_AUTH_MAX and IPSEC_CIPHER_TYPE_MAX

// IPSEC_SA0. Keys are there on their way in; none comes out but to a key manager (KeysNotice).
struct SaMaterial {
  uint32_t spi = 0;
  TransformKind kind = TransformKind::ESP_AUTH_AND_CIPHER;
  std::optional<TransformId> auth, cipher;
  SharedSecret auth_key, cipher_key;
  bool operator==(const SaMaterial&) const = default;
};

struct SaToken {  // IPSEC_TOKEN0
  uint32_t type = 0, principal = 0, mode = 0;
  uint64_t token = 0;
  bool operator==(const SaToken&) const = default;
};
struct SaIdentity {  // IPSEC_ID0
  std::string main_mode_target, extended_mode_target;
  std::vector<SaToken> tokens;
  uint64_t explicit_credentials = 0, logon_id = 0;
  bool operator==(const SaIdentity&) const = default;
};
struct KeyModuleState {
  Guid module;
  Bytes state;
  bool operator==(const KeyModuleState&) const = default;
};

namespace bundle_flag {  // IPSEC_SA_BUNDLE_FLAG_*
inline constexpr uint32_t kNdSecure = 0x1;
inline constexpr uint32_t kNdBoundary = 0x2;
inline constexpr uint32_t kGuaranteeEncryption = 0x8;
inline constexpr uint32_t kClearDfOnTunnel = 0x400;
inline constexpr uint32_t kAssumeUdpOutbound = 0x800;
inline constexpr uint32_t kKnown = 0x7fffff & ~0x100u;
}  // namespace bundle_flag

struct SaBundle {  // IPSEC_SA_BUNDLE1
  uint32_t flags = 0;
  SaLifetime lifetime;  // 0: no such limit; packets 0: no replay protection either
  uint32_t idle_timeout_seconds = 0;
  uint32_t nd_allow_clear_timeout_seconds = 0;
  std::optional<SaIdentity> identity;
  uint32_t nap_context = 0;
  uint32_t qm_sa_id = 0;        // the same at both ends, in both directions
  std::vector<SaMaterial> sas;  // one, or ESP and then AH
  std::optional<KeyModuleState> key_module_state;
  uint32_t ip_version = 0;  // of the next: 0 IPv4
  uint32_t peer_v4_private_address = 0;
  uint64_t mm_sa_id = 0;
  uint32_t pfs_group = 0;
  Guid lookup_context;
  uint64_t qm_filter_id = 0;
  bool operator==(const SaBundle&) const = default;
};

struct SaDetails {  // IPSEC_SA_DETAILS1
  uint8_t inbound = 0;
  SaTraffic traffic;
  SaBundle bundle;
  std::optional<UdpEncapsulation> udp;  // IPv4
  std::optional<call::Found<Filter>> filter;
  uint64_t virtual_if_tunnel_id = 0, traffic_selector_id = 0;
};
struct SaContext {  // IPSEC_SA_CONTEXT1
  uint64_t id = 0;
  std::optional<SaDetails> inbound, outbound;
};

// EMPTY, UINT32, BYTE_ARRAY16, V4_ADDR_MASK or V6_ADDR_MASK.
struct SubNets {
  ConditionValue local, remote;
  bool operator==(const SubNets&) const = default;
};
Outcome<> check_subnets(const SubNets& subnets);  // TYPE_MISMATCH, INVALID_NET_MASK
bool within(const SubNets& subnets, const IpAddr& local, const IpAddr& remote);

// ---- IKE ----

struct IkeCredential {
  AuthMethodType type = AuthMethodType::PRESHARED_KEY;
  uint32_t impersonation = 0;
  Bytes subject;      // DER of the name; empty for a pre-shared key, as all of the following
  Bytes hash;         // SHA-1 of the certificate
  Bytes certificate;  // DER
  uint32_t flags = 0;
};
struct IkeCredentialPair {
  IkeCredential local, peer;
};
struct IkeSaProposal {  // IKEEXT_PROPOSAL0 as numbers
  uint32_t cipher = 0, key_bits = 0, integrity = 0, lifetime_seconds = 0, group = 0;
};
inline constexpr uint32_t kNoSuchIkeCipher = 7, kNoSuchIkeIntegrity = 4, kNoSuchGroup = 7;  // the _MAX of each

struct IkeSaDetails {  // IKEEXT_SA_DETAILS2
  uint64_t id = 0;
  uint32_t key_module = 2;              // KeyModule
  std::optional<UdpEncapsulation> udp;  // IPv4
  IpAddr local, remote;
  uint64_t authip_filter = 0;
  IkeSaProposal proposal;
  uint64_t cookie_initiator = 0, cookie_responder = 0;
  std::vector<IkeCredentialPair> credentials;  // main mode first
  Guid policy_key;                             // of the main mode context; zero: a connection of the configuration
  uint64_t virtual_if_tunnel_id = 0;
  Bytes correlation_key;
};
struct IkeSaTemplate {
  SubNets subnets;
  Bytes local_certificate_hash;  // empty: any
};

// clang-format off
template <class A> void describe(A& a, SaTraffic& v) { walk_all(a, v.local, v.remote, v.type, v.policy_id, v.remote_port, v.local_port, v.protocol, v.local_if_luid, v.real_if_profile_id); }
template <class A> void describe(A& a, UdpEncapsulation& v) { walk_all(a, v.local_port, v.remote_port); }
template <class A> void describe(A& a, TransformId& v) { walk_all(a, v.type, v.config, v.crypto_module); }
template <class A> void describe(A& a, SaMaterial& v) { walk_all(a, v.spi, v.kind, v.auth, v.cipher, v.auth_key, v.cipher_key); }
template <class A> void describe(A& a, SaToken& v) { walk_all(a, v.type, v.principal, v.mode, v.token); }
template <class A> void describe(A& a, SaIdentity& v) { walk_all(a, v.main_mode_target, v.extended_mode_target, v.tokens, v.explicit_credentials, v.logon_id); }
template <class A> void describe(A& a, KeyModuleState& v) { walk_all(a, v.module, v.state); }
template <class A> void describe(A& a, SaBundle& v) {
  walk_all(a, v.flags, v.lifetime, v.idle_timeout_seconds, v.nd_allow_clear_timeout_seconds, v.identity, v.nap_context, v.qm_sa_id, v.sas, v.key_module_state,
           v.ip_version, v.peer_v4_private_address, v.mm_sa_id, v.pfs_group, v.lookup_context, v.qm_filter_id);
}
template <class A> void describe(A& a, SaDetails& v) { walk_all(a, v.inbound, v.traffic, v.bundle, v.udp, v.filter, v.virtual_if_tunnel_id, v.traffic_selector_id); }
template <class A> void describe(A& a, SaContext& v) { walk_all(a, v.id, v.inbound, v.outbound); }
template <class A> void describe(A& a, SubNets& v) { walk_all(a, v.local, v.remote); }
template <class A> void describe(A& a, IkeCredential& v) { walk_all(a, v.type, v.impersonation, v.subject, v.hash, v.certificate, v.flags); }
template <class A> void describe(A& a, IkeCredentialPair& v) { walk_all(a, v.local, v.peer); }
template <class A> void describe(A& a, IkeSaProposal& v) { walk_all(a, v.cipher, v.key_bits, v.integrity, v.lifetime_seconds, v.group); }
template <class A> void describe(A& a, IkeSaDetails& v) {
  walk_all(a, v.id, v.key_module, v.udp, v.local, v.remote, v.authip_filter, v.proposal, v.cookie_initiator, v.cookie_responder, v.credentials, v.policy_key,
           v.virtual_if_tunnel_id, v.correlation_key);
}
template <class A> void describe(A& a, IkeSaTemplate& v) { walk_all(a, v.subnets, v.local_certificate_hash); }
// clang-format on

}  // namespace sallyport::policy
