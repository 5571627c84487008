// The tables of words, and the assembly. Proposals are put together in the words of the configuration, so that there is
// one parser of them.
#include "policy/translate.h"

#include <algorithm>

#include "policy/callout.h"
#include "policy/match.h"

namespace sallyport::policy {
namespace {

using model::Protocol;

// In the order of their enumerations; empty: not offered.
constexpr std::string_view kIkeCiphers[] = {"", "3des", "aes128", "aes192", "aes256", "aes128gcm16", "aes256gcm16"};
constexpr std::string_view kIkeIntegrity[] = {"", "sha1", "sha256", "sha384"};
constexpr std::string_view kGroups[] = {"", "", "", "modp2048", "ecp256", "ecp384", ""};
constexpr std::string_view kAuth[] = {"md5", "sha1", "sha256", "aes128gmac", "aes192gmac", "aes256gmac"};
constexpr std::string_view kCbc[] = {"", "", "3des", "aes128", "aes192", "aes256"};
constexpr std::string_view kGcm[] = {"", "", "", "aes128gcm16", "aes192gcm16", "aes256gcm16"};
constexpr std::string_view kGaps[] = {"needs IKEv1, which is not spoken here",
                                      "needs AuthIP, which is not spoken here",
                                      "no authentication method that IKEv2 can use here",
                                      "needs a second authentication",
                                      "no main mode proposal that can be offered",
                                      "no quick mode transform that can be offered",
                                      "needs assignment of addresses",
                                      "the provider context is of another role",
                                      "a condition that traffic selectors cannot express"};

template <class E, size_t N>
std::string_view word(const std::string_view (&table)[N], E value) {
  const auto n = static_cast<size_t>(value);
  return n < N ? table[n] : std::string_view{};
}

DhGroup pfs_group(PfsGroup pfs, DhGroup main_mode) {
  constexpr DhGroup kAs[] = {DhGroup::NONE,    DhGroup::GROUP_1, DhGroup::GROUP_2, DhGroup::GROUP_14,
                             DhGroup::ECP_256, DhGroup::ECP_384, DhGroup::NONE,    DhGroup::GROUP_24};
  return pfs == PfsGroup::MM ? main_mode : kAs[static_cast<size_t>(pfs)];
}

struct Words {
  Protocol protocol = Protocol::ESP;
  std::string text;
};

// Nothing where one part has no word.
std::optional<Words> transform_words(const SaTransform& transform) {
  const std::string_view auth = transform.auth ? word(kAuth, transform.auth->type) : std::string_view{};
  const bool gmac = transform.auth && transform.auth->type >= AuthAlgorithm::AES_128;
  switch (transform.kind) {
    case TransformKind::AH: return Words{Protocol::AH, std::string(auth)};
    case TransformKind::ESP_AUTH: return Words{Protocol::ESP, gmac ? std::string(auth) : "null-" + std::string(auth)};
    case TransformKind::ESP_AUTH_AND_CIPHER: {
      const auto& cipher = *transform.cipher;
      const std::string_view name = cipher.is_gcm() ? word(kGcm, cipher.type) : word(kCbc, cipher.type);
      if (name.empty()) return {};
      return Words{Protocol::ESP, cipher.is_gcm() ? std::string(name) : std::string(name) + "-" + std::string(auth)};
    }
    case TransformKind::ESP_CIPHER:   // RFC 8221 4: never encryption without authentication
    case TransformKind::ESP_AUTH_FW:  // only IKEv1 and AuthIP can say it
      return {};
  }
  return {};
}

Translated<DhGroup> main_mode_group(const IkePolicy& policy) {
  for (const IkeProposal& proposal : policy.proposals)
    if (!word(kGroups, proposal.dh_group).empty()) return proposal.dh_group;
  return tl::unexpected(KeyingRefusal{KeyingGap::proposal});
}

IpAddr address_of(Family family, U128 v) {
  uint8_t octets[16];
  store_be64(octets, v.high);
  store_be64(octets + 8, v.low);
  return family == Family::v4 ? IpAddr::v4(static_cast<uint32_t>(v.low)) : IpAddr::v6(octets);
}

using Spans = std::vector<std::pair<U128, U128>>;

// The ranges asked of one field; `whole` when it is not asked.
Translated<Spans> spans_of(const std::vector<Test>& tests, std::initializer_list<Field> fields,
                           std::pair<U128, U128> whole) {
  Spans out;
  for (const Test& test : tests) {
    if (std::find(fields.begin(), fields.end(), test.field) == fields.end()) continue;
    if (test.kind != Test::Kind::in_range) return tl::unexpected(KeyingRefusal{KeyingGap::selector});
    out.push_back({test.low, test.high});
  }
  if (out.empty()) out.push_back(whole);
  return out;
}

void put_selectors(Family family, const Spans& protocols, const Spans& addresses, const Spans& ports,
                   model::Selectors& out) {
  for (const auto& protocol : protocols)
    for (const auto& address : addresses)
      for (const auto& port : ports) {
        model::Selector s;
        s.protocol = static_cast<uint8_t>(protocol.first.low);
        s.first = address_of(family, address.first);
        s.last = address_of(family, address.second);
        s.port_first = static_cast<uint16_t>(port.first.low);
        s.port_last = static_cast<uint16_t>(port.second.low);
        out.push_back(s);
      }
}

bool is_traffic_field(Field field) {
  constexpr Field kFields[] = {Field::IP_LOCAL_ADDRESS,
                               Field::IP_REMOTE_ADDRESS,
                               Field::IP_SOURCE_ADDRESS,
                               Field::IP_DESTINATION_ADDRESS,
                               Field::IP_LOCAL_PORT,
                               Field::IP_REMOTE_PORT,
                               Field::IP_PROTOCOL,
                               Field::IP_LOCAL_ADDRESS_TYPE,
                               Field::IP_DESTINATION_ADDRESS_TYPE};
  return std::find(std::begin(kFields), std::end(kFields), field) != std::end(kFields);
}

void set_lifetime(const std::vector<IpsecProposal>& proposals, model::ChildPolicy& child) {
  uint64_t time = ~uint64_t{0}, kilobytes = time, packets = time;
  for (const IpsecProposal& proposal : proposals) {
    time = std::min<uint64_t>(time, proposal.lifetime.seconds);
    kilobytes = std::min<uint64_t>(kilobytes, proposal.lifetime.kilobytes);
    packets = std::min<uint64_t>(packets, proposal.lifetime.packets);
  }
  child.hard = {seconds(time), kilobytes * 1024, packets};
  child.rekey = {seconds(time - time / 10), (kilobytes - kilobytes / 10) * 1024,
                 packets - packets / 10};  // nine tenths
}

struct QuickMode {
  const std::vector<IpsecProposal>* proposals;
  uint32_t idle_seconds;  // 0: an SA that is not used stays
  uint32_t flags;
  const EmPolicy* em;  // nullptr: users are not asked for
  const TunnelPolicy* tunnel;
};

Translated<QuickMode> quick_mode_of(const ProviderContext& context) {
  if (const auto* transport = std::get_if<TransportPolicy>(&context.policy))
    return QuickMode{&transport->proposals, transport->idle.seconds, transport->flags,
                     transport->em ? &*transport->em : nullptr, nullptr};
  if (const auto* tunnel = std::get_if<TunnelPolicy>(&context.policy))
    return QuickMode{&tunnel->proposals, tunnel->idle.seconds, tunnel->flags, tunnel->em ? &*tunnel->em : nullptr,
                     tunnel};
  return tl::unexpected(KeyingRefusal{KeyingGap::context_role});
}

bool is_certificate(AuthMethodType type) {
  return type == AuthMethodType::CERTIFICATE || type == AuthMethodType::CERTIFICATE_ECDSA_P256 ||
         type == AuthMethodType::CERTIFICATE_ECDSA_P384;
}

// One method of IKEv2, and the directions that it is for.
struct UsableMethod {
  model::AuthPolicy policy;
  bool proves = false, asks = false;
};

// Nothing where it is none of ours, or cannot be done in a direction that it is for.
std::optional<UsableMethod> usable_method(const AuthMethod& method, const Guid& context, size_t index,
                                          const NameCertificates& names) {
  using Kind = model::AuthPolicy::Kind;
  if (method.type == AuthMethodType::PRESHARED_KEY) {
    const auto* psk = std::get_if<PresharedKeyAuth>(&method.detail);
    const uint32_t flags = psk != nullptr ? psk->flags : 0;
    return UsableMethod{{Kind::psk, credential_name(context, index), {}},
                        !(flags & PresharedKeyAuth::kRemoteAuthOnly),
                        !(flags & PresharedKeyAuth::kLocalAuthOnly)};
  }
  const auto* certificate = std::get_if<CertificateAuth>(&method.detail);
  if (!is_certificate(method.type) || certificate == nullptr) return std::nullopt;
  const bool proves = certificate->outbound.type != CertConfigType::UNSPECIFIED;
  const bool asks = certificate->inbound.type != CertConfigType::UNSPECIFIED;
  const MethodNames found = names(context, index, method);
  if ((proves && found.credential.empty()) || (asks && found.trust.empty())) return std::nullopt;
  return UsableMethod{{Kind::cert, found.credential, found.trust}, proves, asks};
}

// RFC 4739: the first method by certificate. What is unspecified for a direction is not done in it.
Translated<bool> add_users(const EmPolicy& em, const Guid& context, const NameCertificates& names,
                           model::ConnectionPolicy& out) {
  for (size_t i = 0; i < em.methods.size(); ++i) {
    const auto* certificate = std::get_if<CertificateAuth>(&em.methods[i].detail);
    if (!is_certificate(em.methods[i].type) || certificate == nullptr) continue;
    const bool asks = certificate->inbound.type != CertConfigType::UNSPECIFIED;
    const MethodNames found = names(context, i, em.methods[i]);
    if (asks && found.trust.empty()) continue;
    if (asks) out.remote_user = model::RemoteUser{std::nullopt, found.trust, true};
    if (certificate->outbound.type != CertConfigType::UNSPECIFIED) {
      out.local_user = model::LocalUser{{}, credential_name(context, i)};  // of whom has none of his own
      out.users_of_accounts = true;
    }
    if (out.remote_user || out.local_user) return true;
  }
  return tl::unexpected(KeyingRefusal{KeyingGap::second_authentication});
}

Translated<bool> check_module(const ProviderContext& context) {
  const auto module = key_module_of(context.type);
  if (!module) return tl::unexpected(KeyingRefusal{KeyingGap::context_role});
  if (*module == KeyModule::IKEV2) return true;
  return tl::unexpected(KeyingRefusal{*module == KeyModule::IKE ? KeyingGap::needs_ike : KeyingGap::needs_authip});
}

Translated<model::ChildPolicy> child_policy(const QuickMode& quick, const IkePolicy& main_mode, const Filter& filter,
                                            const Negotiation& negotiation) {
  model::ChildPolicy child;
  child.name = negotiation.name;
  child.reqid = negotiation.reqid;
  child.mode = quick.tunnel ? model::Mode::tunnel : model::Mode::transport;
  child.start = model::ChildPolicy::Start::route;
  SP_TRY(const DhGroup group, main_mode_group(main_mode));
  SP_TRY(child.proposals, child_proposals(*quick.proposals, group));
  child.protocol = child.proposals.front().protocol;
  set_lifetime(*quick.proposals, child);
  if (quick.idle_seconds != 0) child.hard.idle = seconds(quick.idle_seconds);
  child.boundary = (quick.flags & policy_flag::kNdBoundary) != 0;
  if (quick.flags & policy_flag::kClearDfOnTunnel) child.shape.df = model::PacketShape::Df::clear;
  SP_TRY(FilterTraffic traffic, filter_traffic(filter));
  child.local = std::move(traffic.local);
  child.remote = std::move(traffic.remote);
  return child;
}

}  // namespace

std::string_view describe(KeyingGap gap) { return kGaps[static_cast<size_t>(gap)]; }

std::string credential_name(const Guid& context, size_t method) {
  return context.to_string() + "/" + std::to_string(method);
}

Translated<model::Proposals> ike_proposals(const IkePolicy& policy) {
  model::Proposals out;
  for (const IkeProposal& proposal : policy.proposals) {
    const auto cipher = word(kIkeCiphers, proposal.cipher), integrity = word(kIkeIntegrity, proposal.integrity),
               group = word(kGroups, proposal.dh_group);
    if (cipher.empty() || integrity.empty() || group.empty()) continue;
    const bool gcm = proposal.cipher >= IkeCipher::AES_GCM_128_16ICV;
    auto parsed = model::parse_proposal(
        Protocol::IKE, std::string(cipher) + (gcm ? "-prf" : "-") + std::string(integrity) + "-" + std::string(group));
    if (!parsed) continue;
    parsed->number = static_cast<uint8_t>(out.size() + 1);
    out.push_back(std::move(*parsed));
  }
  if (out.empty()) return tl::unexpected(KeyingRefusal{KeyingGap::proposal});
  return out;
}

Translated<model::Proposals> child_proposals(const std::vector<IpsecProposal>& proposals, DhGroup main_mode_group) {
  model::Proposals out;
  for (const IpsecProposal& proposal : proposals) {
    // ESP inside AH is two SAs; there is no such pair in one negotiation of IKEv2.
    if (proposal.transforms.size() != 1) continue;
    const auto words = transform_words(proposal.transforms[0]);
    if (!words || (!out.empty() && out[0].protocol != words->protocol)) continue;
    std::string text = words->text;
    if (proposal.pfs != PfsGroup::NONE) {
      const std::string_view group = word(kGroups, pfs_group(proposal.pfs, main_mode_group));
      if (group.empty()) continue;
      text += "-" + std::string(group);
    }
    auto parsed = model::parse_proposal(words->protocol, text);
    if (!parsed) continue;
    parsed->number = static_cast<uint8_t>(out.size() + 1);
    out.push_back(std::move(*parsed));
  }
  if (out.empty()) return tl::unexpected(KeyingRefusal{KeyingGap::transform});
  return out;
}

MethodNames names_of_method(const Guid& context, size_t method, const AuthMethod&) {
  const std::string name = credential_name(context, method);
  return {name, name};
}

Translated<AuthPolicies> auth_policies(const IkePolicy& policy, const Guid& context, const NameCertificates& names) {
  std::optional<model::AuthPolicy> local, remote;
  for (size_t i = 0; i < policy.methods.size(); ++i) {
    const auto usable = usable_method(policy.methods[i], context, i, names);
    if (!usable) continue;
    if (usable->proves && !local) local = usable->policy;
    if (usable->asks && !remote) remote = usable->policy;
  }
  if (!local || !remote) return tl::unexpected(KeyingRefusal{KeyingGap::auth_method});
  return AuthPolicies{*local, *remote};
}

Translated<FilterTraffic> filter_traffic(const Filter& filter) {
  const LayerInfo& layer = *find_layer(filter.layer);
  for (size_t i = 0; i < filter.conditions.size(); ++i)
    if (!is_traffic_field(filter.conditions[i].field))
      return tl::unexpected(KeyingRefusal{KeyingGap::selector, static_cast<uint32_t>(i)});
  const std::vector<Test> tests = make_tests(layer, filter.conditions);
  const Family family = layer.family.value_or(Family::v4);
  const std::pair<U128, U128> every_address{{}, low_bits(family == Family::v4 ? 32 : 128)},
      every_port{{}, low_bits(16)}, every_protocol{};
  SP_TRY(Spans protocols, spans_of(tests, {Field::IP_PROTOCOL}, every_protocol));
  for (const auto& protocol : protocols)
    if (!(protocol.first == protocol.second)) return tl::unexpected(KeyingRefusal{KeyingGap::selector});
  SP_TRY(const Spans local, spans_of(tests, {Field::IP_LOCAL_ADDRESS, Field::IP_SOURCE_ADDRESS}, every_address));
  SP_TRY(const Spans remote, spans_of(tests, {Field::IP_REMOTE_ADDRESS, Field::IP_DESTINATION_ADDRESS}, every_address));
  SP_TRY(const Spans local_ports, spans_of(tests, {Field::IP_LOCAL_PORT}, every_port));
  SP_TRY(const Spans remote_ports, spans_of(tests, {Field::IP_REMOTE_PORT}, every_port));
  FilterTraffic out;
  put_selectors(family, protocols, local, local_ports, out.local);
  put_selectors(family, protocols, remote, remote_ports, out.remote);
  return out;
}

Translated<model::SpdEntry> spd_entry(const Filter& filter, uint32_t reqid, uint32_t priority) {
  SP_TRY(FilterTraffic traffic, filter_traffic(filter));
  model::SpdEntry out;
  out.local = std::move(traffic.local);
  out.remote = std::move(traffic.remote);
  out.priority = priority;
  if (filter.action.type == ActionType::PERMIT) {
    out.action = model::Action::BYPASS;
  } else if (is_callout(filter.action.type) && context_of_builtin(filter.action.callout) != CalloutContext::any) {
    out.action = model::Action::PROTECT;
    out.reqid = reqid;
  }
  return out;  // anything else stays DISCARD
}

Translated<model::ConnectionPolicy> connection_policy(const ProviderContext& main_mode,
                                                      const ProviderContext& quick_mode, const Filter& filter,
                                                      const Negotiation& negotiation) {
  SP_CHECK(check_module(main_mode));
  SP_CHECK(check_module(quick_mode));
  const auto* policy = std::get_if<IkePolicy>(&main_mode.policy);
  if (!policy) return tl::unexpected(KeyingRefusal{KeyingGap::context_role});
  SP_TRY(const QuickMode quick, quick_mode_of(quick_mode));
  // Between gateways there are no users.
  if (quick.em && quick.tunnel) return tl::unexpected(KeyingRefusal{KeyingGap::second_authentication});
  if (quick.flags & policy_flag::kEnableServerAddrAssignment)
    return tl::unexpected(KeyingRefusal{KeyingGap::address_assignment});
  model::ConnectionPolicy out;
  out.name = negotiation.name;
  out.local_addrs = {negotiation.local.to_string()};
  out.remote_addrs = {negotiation.remote.to_string()};
  out.local_id = {negotiation.local.is_v4() ? model::IdType::ID_IPV4_ADDR : model::IdType::ID_IPV6_ADDR,
                  to_bytes(negotiation.local.bytes()), false};
  SP_TRY(AuthPolicies auth, auth_policies(*policy, main_mode.head.key, negotiation.certificates));
  out.local_auth = std::move(auth.local);
  out.remote_auth = std::move(auth.remote);
  if (quick.em) SP_CHECK(add_users(*quick.em, quick_mode.head.key, negotiation.certificates, out));
  SP_TRY(out.ike_proposals, ike_proposals(*policy));
  uint32_t lifetime = ~uint32_t{0};
  for (const IkeProposal& proposal : policy->proposals) lifetime = std::min(lifetime, proposal.max_lifetime_seconds);
  out.over_time = seconds(lifetime / 10);
  out.rekey_time = seconds(lifetime - lifetime / 10);
  SP_TRY(model::ChildPolicy child, child_policy(quick, *policy, filter, negotiation));
  out.children.push_back(std::move(child));
  return out;
}

}  // namespace sallyport::policy
