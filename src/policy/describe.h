// How each stored structure is laid out: its members in order, once, for writer and reader. A change here is a new
// kStoreVersion.
#pragma once
#include <bit>

#include "policy/archive.h"
#include "policy/provider_context.h"
#include "policy/snapshot.h"

namespace sallyport::policy {

// The number of values of an enumeration that is dense from zero; one past the highest for the others.
template <class E>
inline constexpr uint32_t kEnumLimit = 0;
template <>
inline constexpr uint32_t kEnumLimit<MatchType> = kMatchTypeCount;
template <>
inline constexpr uint32_t kEnumLimit<Layer> = 0x10000;
template <>
inline constexpr uint32_t kEnumLimit<ActionType> = 0x10000;
template <>
inline constexpr uint32_t kEnumLimit<ContextType> = kContextTypes;
template <>
inline constexpr uint32_t kEnumLimit<AuthMethodType> = kAuthMethodTypes;
template <>
inline constexpr uint32_t kEnumLimit<Impersonation> = 2;
template <>
inline constexpr uint32_t kEnumLimit<CertNameType> = 7;
template <>
inline constexpr uint32_t kEnumLimit<CertConfigType> = 4;
template <>
inline constexpr uint32_t kEnumLimit<IkeCipher> = 7;
template <>
inline constexpr uint32_t kEnumLimit<IkeIntegrity> = 4;
template <>
inline constexpr uint32_t kEnumLimit<DhGroup> = 7;
template <>
inline constexpr uint32_t kEnumLimit<TransformKind> = 6;
template <>
inline constexpr uint32_t kEnumLimit<AuthAlgorithm> = 6;
template <>
inline constexpr uint32_t kEnumLimit<CipherAlgorithm> = 6;
template <>
inline constexpr uint32_t kEnumLimit<PfsGroup> = 8;

// clang-format off
template <class A> void describe(A&, std::monostate&) {}
template <class A> void describe(A& a, DisplayData& v) { walk_all(a, v.name, v.description); }
template <class A> void describe(A& a, Sid& v) { walk_all(a, v.authority, v.parts); }
template <class A> void describe(A& a, Token::Entry& v) { walk_all(a, v.sid, v.attributes); }
template <class A> void describe(A& a, TokenValue& v) { walk_all(a, v.token.sids, v.token.restricted); }
template <class A, DataType kType> void describe(A& a, Octets<kType>& v) { walk(a, v.bytes); }
template <class A> void describe(A& a, BitmapIndex& v) { walk(a, v.index); }
template <class A> void describe(A& a, BitmapArray64& v) { walk(a, v.octets); }
template <class A> void describe(A& a, Value& v) { walk(a, v.held); }
template <class A> void describe(A& a, V4AddrMask& v) { walk_all(a, v.addr, v.mask); }
template <class A> void describe(A& a, V6AddrMask& v) { walk_all(a, v.addr, v.prefix_length); }
template <class A> void describe(A& a, Range& v) { walk_all(a, v.low, v.high); }
template <class A> void describe(A& a, ConditionValue& v) { walk(a, v.held); }
template <class A> void describe(A& a, Action& v) { walk_all(a, v.type, v.callout); }
template <class A> void describe(A& a, Provider& v) { walk_all(a, v.head, v.service_name); }
template <class A> void describe(A& a, SubLayer& v) { walk_all(a, v.head, v.weight); }
template <class A> void describe(A& a, Callout& v) { walk_all(a, v.head, v.layer); }
template <class A> void describe(A& a, ProviderContext& v) { walk_all(a, v.head, v.type, v.policy); }
template <class A> void describe(A& a, CertName& v) { walk_all(a, v.type, v.name); }
template <class A> void describe(A& a, CertCriteria& v) { walk_all(a, v.cert_data, v.cert_hash, v.ekus, v.name, v.flags); }
template <class A> void describe(A& a, CertConfig& v) { walk_all(a, v.type, v.criteria); }
template <class A> void describe(A& a, PresharedKeyAuth& v) { walk_all(a, v.key, v.flags); }
template <class A> void describe(A& a, CertificateAuth& v) { walk_all(a, v.inbound, v.outbound, v.flags, v.local_cert_location_url); }
template <class A> void describe(A& a, KerberosAuth& v) { walk_all(a, v.flags, v.proxy_server); }
template <class A> void describe(A& a, FlagsAuth& v) { walk(a, v.flags); }
template <class A> void describe(A& a, CgaAuth& v) { walk_all(a, v.key_container, v.csp_name, v.csp_type, v.modifier, v.collision_count); }
template <class A> void describe(A& a, AuthMethod& v) { walk_all(a, v.type, v.detail); }
template <class A> void describe(A& a, IkeProposal& v) { walk_all(a, v.cipher, v.key_len, v.rounds, v.integrity, v.max_lifetime_seconds, v.dh_group, v.quick_mode_limit); }
template <class A> void describe(A& a, IkePolicy& v) { walk_all(a, v.soft_expiration_time, v.methods, v.initiator_impersonation, v.proposals, v.flags, v.max_dynamic_filters, v.retransmit_duration_seconds); }
template <class A> void describe(A& a, EmPolicy& v) { walk_all(a, v.methods, v.initiator_impersonation); }
template <class A> void describe(A& a, SaLifetime& v) { walk_all(a, v.seconds, v.kilobytes, v.packets); }
template <class A> void describe(A& a, AuthTransform& v) { walk_all(a, v.type, v.config, v.crypto_module); }
template <class A> void describe(A& a, CipherTransform& v) { walk_all(a, v.type, v.config, v.crypto_module); }
template <class A> void describe(A& a, SaTransform& v) { walk_all(a, v.kind, v.auth, v.cipher); }
template <class A> void describe(A& a, IpsecProposal& v) { walk_all(a, v.lifetime, v.transforms, v.pfs); }
template <class A> void describe(A& a, IdleTimeout& v) { walk_all(a, v.seconds, v.seconds_fail_over); }
template <class A> void describe(A& a, TransportPolicy& v) { walk_all(a, v.proposals, v.flags, v.nd_allow_clear_timeout_seconds, v.idle, v.em); }
template <class A> void describe(A& a, TunnelEndpoints& v) { walk_all(a, v.local, v.remote, v.local_if_luid, v.remote_fqdn, v.remote_addresses); }
template <class A> void describe(A& a, TrafficSelector& v) { walk_all(a, v.protocol, v.port_first, v.port_last, v.first, v.last); }
template <class A> void describe(A& a, TrafficSelectorPolicy& v) { walk_all(a, v.flags, v.local, v.remote); }
template <class A> void describe(A& a, TunnelPolicy& v) { walk_all(a, v.flags, v.proposals, v.endpoints, v.idle, v.em, v.fwd_path_sa_lifetime, v.compartment_id, v.selector_policies); }
template <class A> void describe(A& a, KeyingPolicy& v) { walk_all(a, v.modules, v.flags); }
template <class A> void describe(A& a, ClassifyOption& v) { walk_all(a, v.type, v.value); }
template <class A> void describe(A& a, ClassifyOptions& v) { walk(a, v.options); }
template <class A> void describe(A& a, GeneralContext& v) { walk(a, v.data); }
template <class A> void describe(A& a, DospRate& v) { walk_all(a, v.dscp, v.bytes_per_second); }
template <class A> void describe(A& a, DospOptions& v) {
  walk_all(a, v.state_idle_timeout_seconds, v.rate_limit_queue_idle_timeout_seconds, v.ipsec_unauth, v.ipsec_unauth_per_ip_bytes_per_second, v.ipsec_auth, v.icmpv6, v.filter_exempt,
           v.default_block_exempt, v.max_state_entries, v.max_per_ip_queues, v.flags, v.public_interfaces, v.internal_interfaces, v.public_mask, v.internal_mask);
}
// clang-format on

// Fields go by their keys: the dense numbers of the enumeration are this program's own.
template <class A>
void describe(A& a, Condition& v) {
  Guid key = info(v.field).key;
  walk(a, key);
  if constexpr (A::kReading) {
    const FieldInfo* field = find_field(key);
    if (!field) return a.fail(Errc::not_found);
    v.field = field->id;
  }
  walk_all(a, v.match, v.value);
}

template <class A>
void describe(A& a, Filter& v) {
  walk_all(a, v.head, v.layer, v.sublayer, v.weight, v.conditions, v.action, v.raw_context, v.provider_context);
}

template <class A>
void describe(A& a, ObjectHead& v) {
  walk_all(a, v.key, v.display, v.flags, v.provider, v.provider_data);
  std::optional<Bytes> protection;
  if constexpr (!A::kReading) {
    if (v.protection) protection = write_descriptor(*v.protection);
  }
  walk(a, protection);
  if constexpr (A::kReading) {
    if (!protection || a.failed()) return;
    auto parsed = parse_descriptor(*protection);
    if (!parsed) return a.fail(Errc::bad_value);
    v.protection = std::make_shared<const SecurityDescriptor>(std::move(*parsed));
  }
}

template <class A, class T>
void walk(A& a, T& v) {
  if constexpr (Number<T>) {
    a.number(v);
  } else if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    auto bits = std::bit_cast<std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>(v);
    a.number(bits);
    v = std::bit_cast<T>(bits);
  } else if constexpr (std::is_enum_v<T>) {
    static_assert(kEnumLimit<T> != 0);
    a.enumeration(v, kEnumLimit<T>);
  } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, Bytes>) {
    if constexpr (A::kReading) {
      const ByteView octets = a.octets();
      v.assign(octets.begin(), octets.end());
    } else {
      a.octets({reinterpret_cast<const uint8_t*>(v.data()), v.size()});
    }
  } else if constexpr (std::is_same_v<T, SharedSecret>) {
    if constexpr (A::kReading) {
      v = SharedSecret(a.octets());
    } else {
      a.octets(v.view());
    }
  } else if constexpr (std::is_same_v<T, Guid>) {
    a.fixed(v.octets);
  } else if constexpr (std::is_same_v<T, IpAddr>) {
    archive::walk_address(a, v);
  } else if constexpr (std::is_same_v<T, ByteArray16> || std::is_same_v<T, ByteArray6> ||
                       std::is_same_v<T, std::array<uint8_t, 8>>) {
    a.fixed(v);
  } else if constexpr (archive::IsVector<T>::value) {
    archive::walk_vector(a, v);
  } else if constexpr (archive::IsOptional<T>::value) {
    archive::walk_optional(a, v);
  } else if constexpr (archive::IsVariant<T>::value) {
    archive::walk_variant(a, v, std::make_index_sequence<std::variant_size_v<T>>{});
  } else {
    describe(a, v);
  }
}

}  // namespace sallyport::policy
