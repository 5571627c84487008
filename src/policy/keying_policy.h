// What provider contexts carry: main, quick and extended mode policy of all keying modules, keying sets, classify
// options and DoS protection settings, whole, as plain values of the newest form (IKEEXT_POLICY2, IPSEC_TUNNEL_POLICY3,
// …). Addresses are IpAddr; times are seconds; bits of `flags` are the documented ones. Values.
#pragma once
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ip_addr.h"
#include "base/secret.h"
#include "policy/guid.h"
#include "policy/value.h"

namespace sallyport::policy {

enum class KeyModule : uint32_t { IKE = 0, AUTHIP = 1, IKEV2 = 2 };
std::string_view to_string(KeyModule module);

enum class AuthMethodType : uint32_t {
  PRESHARED_KEY = 0,
  CERTIFICATE = 1,
  KERBEROS = 2,
  ANONYMOUS = 3,
  SSL = 4,
  NTLM_V2 = 5,
  IPV6_CGA = 6,
  CERTIFICATE_ECDSA_P256 = 7,
  CERTIFICATE_ECDSA_P384 = 8,
  SSL_ECDSA_P256 = 9,
  SSL_ECDSA_P384 = 10,
  EAP = 11,
  RESERVED = 12,
};
inline constexpr uint32_t kAuthMethodTypes = 13;
std::string_view to_string(AuthMethodType type);

enum class Impersonation : uint32_t { NONE = 0, SOCKET_PRINCIPAL = 1 };

enum class CertNameType : uint32_t { DNS = 0, UPN = 1, RFC822 = 2, CN = 3, OU = 4, O = 5, DC = 6 };
struct CertName {
  CertNameType type = CertNameType::DNS;
  std::string name;
  bool operator==(const CertName&) const = default;
};
struct CertCriteria {
  Bytes cert_data;  // DER of the root's subject name; empty for the stores
  Bytes cert_hash;  // SHA-1, 20 octets, or empty
  std::vector<std::string> ekus;
  std::optional<CertName> name;
  uint32_t flags = 0;
  bool operator==(const CertCriteria&) const = default;
};
enum class CertConfigType : uint32_t {
  EXPLICIT_TRUST_LIST = 0,
  ENTERPRISE_STORE = 1,
  TRUSTED_ROOT_STORE = 2,
  UNSPECIFIED = 3
};
struct CertConfig {
  CertConfigType type = CertConfigType::UNSPECIFIED;
  std::vector<CertCriteria> criteria;
  bool operator==(const CertConfig&) const = default;
};

// A secret that many snapshots share: wiped with the last of them, compared in constant time.
class SharedSecret {
 public:
  SharedSecret() = default;
  explicit SharedSecret(ByteView copy_of) : held_(std::make_shared<const SecretBytes>(copy_of)) {}
  ByteView view() const { return held_ ? held_->view() : ByteView{}; }
  friend bool operator==(const SharedSecret& a, const SharedSecret& b) {
    return constant_time_equal(a.view(), b.view());
  }

 private:
  std::shared_ptr<const SecretBytes> held_;
};

struct PresharedKeyAuth {
  static constexpr uint32_t kLocalAuthOnly = 1;
  static constexpr uint32_t kRemoteAuthOnly = 2;
  SharedSecret key;
  uint32_t flags = 0;
  bool operator==(const PresharedKeyAuth&) const = default;
};
struct CertificateAuth {
  static constexpr uint32_t kSslOneWay = 1;
  CertConfig inbound, outbound;
  uint32_t flags = 0;
  Bytes local_cert_location_url;
  bool operator==(const CertificateAuth&) const = default;
};
struct KerberosAuth {
  uint32_t flags = 0;
  std::string proxy_server;
  bool operator==(const KerberosAuth&) const = default;
};
struct FlagsAuth {  // NTLM_V2, EAP, RESERVED; nothing but flags
  uint32_t flags = 0;
  bool operator==(const FlagsAuth&) const = default;
};
struct CgaAuth {
  std::string key_container, csp_name;
  uint32_t csp_type = 0;
  ByteArray16 modifier{};
  uint8_t collision_count = 0;
  bool operator==(const CgaAuth&) const = default;
};

struct AuthMethod {
  AuthMethodType type = AuthMethodType::PRESHARED_KEY;
  std::variant<std::monostate, PresharedKeyAuth, CertificateAuth, KerberosAuth, FlagsAuth, CgaAuth>
      detail;  // ANONYMOUS: none
  bool operator==(const AuthMethod&) const = default;
};

enum class IkeCipher : uint32_t {
  DES = 0,
  TRIPLE_DES = 1,
  AES_128 = 2,
  AES_192 = 3,
  AES_256 = 4,
  AES_GCM_128_16ICV = 5,
  AES_GCM_256_16ICV = 6
};
enum class IkeIntegrity : uint32_t { MD5 = 0, SHA1 = 1, SHA_256 = 2, SHA_384 = 3 };
enum class DhGroup : uint32_t {
  NONE = 0,
  GROUP_1 = 1,
  GROUP_2 = 2,
  GROUP_14 = 3,
  ECP_256 = 4,
  ECP_384 = 5,
  GROUP_24 = 6
};

struct IkeProposal {
  IkeCipher cipher = IkeCipher::AES_128;
  uint32_t key_len = 0, rounds = 0;  // carried only
  IkeIntegrity integrity = IkeIntegrity::SHA1;
  uint32_t max_lifetime_seconds = 0;
  DhGroup dh_group = DhGroup::NONE;
  uint32_t quick_mode_limit = 0;  // 0: no limit
  bool operator==(const IkeProposal&) const = default;
};

// Main mode: IKEEXT_POLICY2.
struct IkePolicy {
  static constexpr uint32_t kDisableDiagnostics = 0x1;
  static constexpr uint32_t kMobikeNotSupported = 0x10;
  static constexpr uint32_t kSiteToSite = 0x20;
  static constexpr uint32_t kKnownFlags = 0x3f;
  uint32_t soft_expiration_time = 0;  // must be 0
  std::vector<AuthMethod> methods;
  Impersonation initiator_impersonation = Impersonation::NONE;
  std::vector<IkeProposal> proposals;
  uint32_t flags = 0;
  uint32_t max_dynamic_filters = 0;
  uint32_t retransmit_duration_seconds = 0;  // IKEv2; 0: its default, otherwise at least 120
  bool operator==(const IkePolicy&) const = default;
};

// Extended mode: hangs off a quick mode policy.
struct EmPolicy {
  std::vector<AuthMethod> methods;
  Impersonation initiator_impersonation = Impersonation::NONE;
  bool operator==(const EmPolicy&) const = default;
};

struct SaLifetime {
  uint32_t seconds = 0, kilobytes = 0, packets = 0;
  bool operator==(const SaLifetime&) const = default;
};
enum class TransformKind : uint32_t { AH = 1, ESP_AUTH = 2, ESP_CIPHER = 3, ESP_AUTH_AND_CIPHER = 4, ESP_AUTH_FW = 5 };
enum class AuthAlgorithm : uint32_t { MD5 = 0, SHA_1 = 1, SHA_256 = 2, AES_128 = 3, AES_192 = 4, AES_256 = 5 };
enum class CipherAlgorithm : uint32_t { DES = 1, TRIPLE_DES = 2, AES_128 = 3, AES_192 = 4, AES_256 = 5 };
struct AuthTransform {
  AuthAlgorithm type = AuthAlgorithm::SHA_1;
  uint8_t config = 1;  // belongs to the type: equal to it
  std::optional<Guid> crypto_module;
  bool operator==(const AuthTransform&) const = default;
};
struct CipherTransform {
  CipherAlgorithm type = CipherAlgorithm::AES_128;
  uint8_t config = 3;  // CBC: equal to the type; GCM: the type's plus 3, AES only
  std::optional<Guid> crypto_module;
  bool operator==(const CipherTransform&) const = default;
  bool is_gcm() const { return config >= 6; }
};
struct SaTransform {
  TransformKind kind = TransformKind::ESP_AUTH_AND_CIPHER;
  std::optional<AuthTransform> auth;      // all but ESP_CIPHER
  std::optional<CipherTransform> cipher;  // ESP_CIPHER and ESP_AUTH_AND_CIPHER
  bool operator==(const SaTransform&) const = default;
};
enum class PfsGroup : uint32_t {
  NONE = 0,
  GROUP_1 = 1,
  GROUP_2 = 2,
  GROUP_2048 = 3,
  ECP_256 = 4,
  ECP_384 = 5,
  MM = 6,
  GROUP_24 = 7
};
struct IpsecProposal {
  SaLifetime lifetime;
  std::vector<SaTransform> transforms;  // one, or ESP then AH
  PfsGroup pfs = PfsGroup::NONE;
  bool operator==(const IpsecProposal&) const = default;
};

namespace policy_flag {
inline constexpr uint32_t kNdSecure = 0x2;
inline constexpr uint32_t kNdBoundary = 0x4;
inline constexpr uint32_t kClearDfOnTunnel = 0x8;
inline constexpr uint32_t kDontNegotiateByteLifetime = 0x80;
inline constexpr uint32_t kEnableV6InV4Tunneling = 0x100;
inline constexpr uint32_t kEnableServerAddrAssignment = 0x200;
inline constexpr uint32_t kTunnelAllowOutboundClear = 0x400;   // …_CONNECTION: until a flow came by the tunnel
inline constexpr uint32_t kTunnelBypassAlreadySecure = 0x800;  // …_CONNECTION: ESP and IKE are not tunnelled again
inline constexpr uint32_t kTunnelBypassIcmpv6 = 0x1000;
inline constexpr uint32_t kKeyManagerAllowDictateKey = 0x2000;
inline constexpr uint32_t kKeyManagerAllowNotifyKey = 0x4000;
inline constexpr uint32_t kSiteToSiteTunnel = 0x10000;
inline constexpr uint32_t kKnown = 0x1fffe;
}  // namespace policy_flag

struct IdleTimeout {
  uint32_t seconds = 0, seconds_fail_over = 0;
  bool operator==(const IdleTimeout&) const = default;
};

struct TransportPolicy {
  std::vector<IpsecProposal> proposals;
  uint32_t flags = 0;
  uint32_t nd_allow_clear_timeout_seconds = 0;
  IdleTimeout idle;
  std::optional<EmPolicy> em;
  bool operator==(const TransportPolicy&) const = default;
};

struct TunnelEndpoints {
  IpAddr local, remote;  // of one family
  uint64_t local_if_luid = 0;
  std::string remote_fqdn;
  std::vector<IpAddr> remote_addresses;  // instead of `remote` where given
  bool operator==(const TunnelEndpoints&) const = default;
};
struct TrafficSelector {
  uint8_t protocol = 0;
  uint16_t port_first = 0, port_last = 65535;
  IpAddr first, last;
  bool operator==(const TrafficSelector&) const = default;
};
struct TrafficSelectorPolicy {
  uint32_t flags = 0;
  std::vector<TrafficSelector> local, remote;
  bool operator==(const TrafficSelectorPolicy&) const = default;
};
struct TunnelPolicy {
  uint32_t flags = 0;
  std::vector<IpsecProposal> proposals;
  TunnelEndpoints endpoints;
  IdleTimeout idle;
  std::optional<EmPolicy> em;
  uint32_t fwd_path_sa_lifetime = 0;
  uint32_t compartment_id = 0;
  std::vector<TrafficSelectorPolicy> selector_policies;
  bool operator==(const TunnelPolicy&) const = default;
};

struct KeyingPolicy {
  static constexpr uint32_t kTerminatingMatch = 1;
  std::vector<Guid> modules;
  uint32_t flags = 0;
  bool operator==(const KeyingPolicy&) const = default;
};

struct ClassifyOption {
  uint32_t type = 0;  // FWP_CLASSIFY_OPTION_TYPE 0..7
  Value value;
  bool operator==(const ClassifyOption&) const = default;
};
struct ClassifyOptions {
  std::vector<ClassifyOption> options;
  bool operator==(const ClassifyOptions&) const = default;
};
struct GeneralContext {
  Bytes data;
  bool operator==(const GeneralContext&) const = default;
};

struct DospRate {
  uint8_t dscp = 0xff;            // 0..63; 0xff: not looked at
  uint32_t bytes_per_second = 0;  // 0: no limit
  bool operator==(const DospRate&) const = default;
};
struct DospOptions {
  uint32_t state_idle_timeout_seconds = 0, rate_limit_queue_idle_timeout_seconds = 0;
  DospRate ipsec_unauth;
  uint32_t ipsec_unauth_per_ip_bytes_per_second = 0;
  DospRate ipsec_auth, icmpv6, filter_exempt, default_block_exempt;
  uint32_t max_state_entries = 0, max_per_ip_queues = 0;
  uint32_t flags = 0;
  std::vector<uint64_t> public_interfaces, internal_interfaces;
  V6AddrMask public_mask, internal_mask;
  bool operator==(const DospOptions&) const = default;
};

}  // namespace sallyport::policy
