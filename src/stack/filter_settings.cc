// See filter_settings.h.
#include "stack/filter_settings.h"

#include <algorithm>
#include <map>
#include <set>

#include "policy/app_id.h"
#include "policy/provider_context.h"
#include "stack/connection_objects.h"
#include "stack/peer_sid.h"
#include "stack/setting_objects.h"
#include "stack/socket_owner.h"

namespace sallyport::stack {
namespace {

using config::FilterSettings;
using policy::Condition;
using policy::ContextType;
using policy::Field;
using policy::Filter;
using policy::Guid;
using policy::MatchType;
using policy::ProviderContext;
using policy::Value;

constexpr std::string_view kKmDemux = "IPSEC_KM_DEMUX";
constexpr std::string_view kKmAuthorization = "KM_AUTHORIZATION";  // one layer for both families

Guid guid_of(std::string_view text) { return policy::Guid::parse(text).value_or(Guid{}); }

// The one transform of that type; a zero one where there is none.
model::Transform transform(const model::Proposal& proposal, model::TransformType type) {
  for (const model::Transform& t : proposal.transforms)
    if (t.type == type) return t;
  return {};
}

policy::DhGroup group_of(const model::Proposal& proposal) {
  const auto group = static_cast<model::GroupId>(transform(proposal, model::TransformType::KE).id);
  if (group == model::GroupId::MODP_2048) return policy::DhGroup::GROUP_14;
  if (group == model::GroupId::ECP_256) return policy::DhGroup::ECP_256;
  return group == model::GroupId::ECP_384 ? policy::DhGroup::ECP_384 : policy::DhGroup::NONE;
}

policy::IkeProposal ike_proposal(const model::Proposal& from, uint32_t lifetime) {
  using policy::IkeCipher;
  using policy::IkeIntegrity;
  policy::IkeProposal out;
  const model::Transform encr = transform(from, model::TransformType::ENCR);
  const auto id = static_cast<model::EncrId>(encr.id);
  if (id == model::EncrId::DES3) {
    out.cipher = IkeCipher::TRIPLE_DES;
  } else if (id == model::EncrId::AES_GCM_16) {
    out.cipher = encr.key_bits == 128 ? IkeCipher::AES_GCM_128_16ICV : IkeCipher::AES_GCM_256_16ICV;
  } else {
    out.cipher = encr.key_bits == 128   ? IkeCipher::AES_128
                 : encr.key_bits == 192 ? IkeCipher::AES_192
                                        : IkeCipher::AES_256;
  }
  const auto prf = static_cast<model::PrfId>(transform(from, model::TransformType::PRF).id);
  out.integrity = prf == model::PrfId::HMAC_SHA1       ? IkeIntegrity::SHA1
                  : prf == model::PrfId::HMAC_SHA2_384 ? IkeIntegrity::SHA_384
                                                       : IkeIntegrity::SHA_256;
  out.dh_group = group_of(from);
  out.max_lifetime_seconds = lifetime;
  return out;
}

policy::SaTransform sa_transform(const model::Proposal& from) {
  using policy::AuthAlgorithm;
  using policy::AuthTransform;
  using policy::CipherAlgorithm;
  using policy::CipherTransform;
  using policy::TransformKind;
  policy::SaTransform out;
  const auto integ = static_cast<model::IntegId>(transform(from, model::TransformType::INTEG).id);
  const AuthAlgorithm auth = integ == model::IntegId::HMAC_SHA1_96 ? AuthAlgorithm::SHA_1 : AuthAlgorithm::SHA_256;
  out.auth = AuthTransform{auth, static_cast<uint8_t>(auth), {}};
  if (from.protocol == model::Protocol::AH) {
    out.kind = TransformKind::AH;
    return out;
  }
  const model::Transform encr = transform(from, model::TransformType::ENCR);
  const auto id = static_cast<model::EncrId>(encr.id);
  if (id == model::EncrId::NULL_ENCR) {
    out.kind = TransformKind::ESP_AUTH;
    return out;
  }
  out.kind = TransformKind::ESP_AUTH_AND_CIPHER;
  const CipherAlgorithm cipher = id == model::EncrId::DES3 ? CipherAlgorithm::TRIPLE_DES
                                 : encr.key_bits == 128    ? CipherAlgorithm::AES_128
                                 : encr.key_bits == 192    ? CipherAlgorithm::AES_192
                                                           : CipherAlgorithm::AES_256;
  out.cipher = CipherTransform{cipher, static_cast<uint8_t>(cipher), {}};
  if (id == model::EncrId::AES_GCM_16) {
    // The GCM of both halves has one key size.
    const auto both = static_cast<AuthAlgorithm>(cipher);
    out.auth = AuthTransform{both, static_cast<uint8_t>(both), {}};
    out.cipher->config = static_cast<uint8_t>(static_cast<uint8_t>(cipher) + 3);
  }
  return out;
}

policy::PfsGroup pfs_of(const model::Proposal& proposal) {
  const policy::DhGroup group = group_of(proposal);
  if (group == policy::DhGroup::GROUP_14) return policy::PfsGroup::GROUP_2048;
  if (group == policy::DhGroup::ECP_256) return policy::PfsGroup::ECP_256;
  return group == policy::DhGroup::ECP_384 ? policy::PfsGroup::ECP_384 : policy::PfsGroup::NONE;
}

ProviderContext main_mode(const config::MainModeSettings& from) {
  ProviderContext out = configured_context(from.key, from.name, ContextType::IPSEC_IKEV2_MM);
  policy::IkePolicy policy;
  policy::AuthMethod method;
  if (from.auth == model::AuthPolicy::Kind::psk) {
    // Not the secret: who lists the policy sees where it is.
    method = {policy::AuthMethodType::PRESHARED_KEY,
              policy::PresharedKeyAuth{policy::SharedSecret(as_bytes("file:" + from.secret_file)), 0}};
  } else {
    policy::CertificateAuth certificate;
    certificate.inbound.type = certificate.outbound.type = policy::CertConfigType::ENTERPRISE_STORE;
    method = {policy::AuthMethodType::CERTIFICATE, certificate};
  }
  policy.methods = {method};
  policy.proposals = main_mode_proposals(from.proposals, from.lifetime_seconds);
  out.policy = std::move(policy);
  return out;
}

policy::EmPolicy extended_mode(const config::UserSettings& from) {
  using policy::CertConfigType;
  const auto store = [](bool used) { return used ? CertConfigType::ENTERPRISE_STORE : CertConfigType::UNSPECIFIED; };
  policy::CertificateAuth certificate;
  certificate.outbound.type = store(from.proves);
  certificate.inbound.type = store(from.demands);
  policy::EmPolicy out;
  out.methods = {{policy::AuthMethodType::CERTIFICATE, certificate}};
  return out;
}

ProviderContext quick_mode(const config::QuickModeSettings& from) {
  ProviderContext out = configured_context(from.key, from.name, ContextType::IPSEC_IKEV2_QM_TRANSPORT);
  policy::TransportPolicy policy;
  policy.flags = from.flags;
  policy.nd_allow_clear_timeout_seconds = from.clear_timeout_seconds;
  policy.idle.seconds = from.idle_timeout_seconds;
  policy.proposals = quick_mode_proposals(from.proposals, from.lifetime_seconds);
  if (from.user) policy.em = extended_mode(*from.user);
  out.policy = std::move(policy);
  return out;
}

Value address_value(const IpAddr& address) {
  const ByteView b = address.bytes();
  if (address.is_v4()) return Value(load_be32(b.data()));
  policy::ByteArray16 octets;
  std::copy(b.begin(), b.end(), octets.begin());
  return Value(octets);
}

// A prefix where it is one, so that the engine finds it by a look-up.
Condition address_condition(Field field, const config::AddressRange& range) {
  unsigned length = range.first.bits();
  while (length > 0 && range.first.prefix_first(length - 1) == range.first &&
         !(range.last < range.first.prefix_last(length - 1)))
    --length;
  if (range.first.prefix_last(length) != range.last)
    return {field, MatchType::RANGE, policy::Range{address_value(range.first), address_value(range.last)}};
  if (range.first.is_v4()) {
    const uint32_t mask = length == 0 ? 0 : ~uint32_t{0} << (32 - length);
    return {field, MatchType::EQUAL, policy::V4AddrMask{load_be32(range.first.bytes().data()), mask}};
  }
  policy::V6AddrMask mask;
  mask.addr = *address_value(range.first).as<policy::ByteArray16>();
  mask.prefix_length = static_cast<uint8_t>(length);
  return {field, MatchType::EQUAL, mask};
}

Condition port_condition(Field field, const config::PortRange& range) {
  if (range.first == range.last) return {field, MatchType::EQUAL, Value(range.first)};
  return {field, MatchType::RANGE, policy::Range{Value(range.first), Value(range.last)}};
}

// The names of layers, callouts and sublayers, by which the configuration was checked.
policy::Layer layer_named(const std::string& text) {
#define SP_FWP_LAYER(name, number, guid, family, fields, kernel) \
  if (text == #name) return policy::Layer::name;
#include "proto/wfp.def"
  return policy::Layer::IPSEC_V4;
}
Guid callout_named(const std::string& text) {
#define SP_FWP_CALLOUT(name, guid, layer, context) \
  if (text == #name) return policy::known::callout::name;
#include "proto/wfp.def"
  return {};
}
Guid sublayer_named(const std::string& text) {
#define SP_FWP_SUBLAYER(name, guid, weight) \
  if (text == #name) return policy::known::sublayer::name;
#include "proto/wfp.def"
  return {};
}

Guid key_module_named(const std::string& text) {
#define SP_FWP_KEYING_MODULE(name, guid) \
  if (text == #name) return policy::known::keying_module::name;
#include "proto/wfp.def"
  return {};
}

// The context of a filter at IPSEC_KM_DEMUX: its own, and of its name.
std::string keying_key(const FilterSettings& from) {
  const std::string suffix = from.v4 && from.v6 ? "" : from.v4 ? "_V4" : "_V6";
  return config::key_of_name("key_modules" + suffix + "/" + from.name);
}

ProviderContext keying(const FilterSettings& from) {
  ProviderContext out = configured_context(keying_key(from), from.name, ContextType::IPSEC_KEYING);
  policy::KeyingPolicy policy;
  for (const std::string& name : from.key_modules) policy.modules.push_back(key_module_named(name));
  if (from.terminating_match) policy.flags = policy::KeyingPolicy::kTerminatingMatch;
  out.policy = std::move(policy);
  return out;
}

Filter filter_of(const FilterSettings& from, const config::FilterPolicy& all, Family family) {
  Filter out;
  const std::string suffix = from.layer == kKmAuthorization ? "" : family == Family::v4 ? "_V4" : "_V6";
  out.head.key = guid_of(config::key_of_name("filter/" + from.layer + suffix + "/" + from.name));
  out.head.display = {from.name, "of the configuration"};
  out.head.provider = configuration_provider();
  out.layer = layer_named(from.layer + suffix);
  out.sublayer = sublayer_named(from.sublayer);
  if (from.weight_range) out.weight = Value(*from.weight_range);
  out.conditions = conditions_of(from, family);
  out.raw_context = from.raw_context;
  if (from.hard) out.head.flags |= Filter::kClearActionRight;
  if (from.action == "PERMIT") {
    out.action.type = policy::ActionType::PERMIT;
  } else if (from.action == "BLOCK") {
    out.action.type = policy::ActionType::BLOCK;
  } else {
    out.action.type = policy::ActionType::CALLOUT_TERMINATING;
    out.action.callout = callout_named(from.action + suffix);
  }
  if (from.layer == kKmDemux) {
    out.head.flags |= Filter::kHasProviderContext;
    out.provider_context = guid_of(keying_key(from));
    return out;
  }
  if (from.context.empty()) return out;
  out.head.flags |= Filter::kHasProviderContext;
  for (const auto& each : all.main_modes)
    if (from.layer == "IKEEXT" && each.name == from.context) out.provider_context = guid_of(each.key);
  for (const auto& each : all.quick_modes)
    if (from.layer == "IPSEC" && each.name == from.context) out.provider_context = guid_of(each.key);
  return out;
}

// Equal but for what the engine sets.
bool same(const Filter& there, const Filter& wanted) {
  Filter as_wanted = there;
  as_wanted.id = wanted.id;
  as_wanted.effective_weight = wanted.effective_weight;
  as_wanted.head.lifetime = wanted.head.lifetime;
  as_wanted.head.owner = wanted.head.owner;
  as_wanted.head.flags &= ~(Filter::kIndexed | Filter::kDisabled);
  return as_wanted == wanted;
}
bool same(const ProviderContext& there, const ProviderContext& wanted) {
  ProviderContext as_wanted = there;
  as_wanted.id = wanted.id;
  as_wanted.head.lifetime = wanted.head.lifetime;
  as_wanted.head.owner = wanted.head.owner;
  return as_wanted == wanted;
}

template <class Object>
std::map<Guid, const Object*> by_key(const std::vector<Object>& objects) {
  std::map<Guid, const Object*> out;
  for (const Object& each : objects) out.emplace(each.head.key, &each);
  return out;
}

bool ours(const policy::ObjectHead& head) { return head.provider == configuration_provider(); }

}  // namespace

Guid configuration_provider() {
  static constexpr Guid kKey = Guid::literal("5a11f0a7-0000-8000-8000-636f6e666967");
  return kKey;
}

ProviderContext configured_context(const std::string& key, const std::string& name, ContextType type) {
  ProviderContext out;
  out.head.key = guid_of(key);
  out.head.display = {name, "of the configuration"};
  out.head.provider = configuration_provider();
  out.type = type;
  return out;
}

std::vector<policy::IkeProposal> main_mode_proposals(const model::Proposals& from, uint32_t lifetime_seconds) {
  std::vector<policy::IkeProposal> out;
  for (const auto& proposal : from) out.push_back(ike_proposal(proposal, lifetime_seconds));
  return out;
}

std::vector<policy::IpsecProposal> quick_mode_proposals(const model::Proposals& from, uint32_t lifetime_seconds) {
  std::vector<policy::IpsecProposal> out;
  for (const auto& proposal : from) {
    policy::IpsecProposal made;
    made.lifetime = {lifetime_seconds, 0x7fffffff, 0x7fffffff};
    made.transforms = {sa_transform(proposal)};
    made.pfs = pfs_of(proposal);
    out.push_back(std::move(made));
  }
  return out;
}

static void add_identities(const std::vector<std::string>& identities, Field field, policy::Conditions& out) {
  if (identities.empty()) return;
  policy::SecurityDescriptor descriptor;
  descriptor.dacl.emplace();
  for (const auto& identity : identities)
    descriptor.dacl->push_back({policy::Ace::Kind::allow, policy::kActrlMatchFilter, sid_of_identity(identity)});
  out.push_back({field, MatchType::EQUAL, Value(policy::DescriptorValue{policy::write_descriptor(descriptor)})});
}

policy::Conditions conditions_of(const FilterSettings& from, Family family) {
  policy::Conditions out;
  for (const auto& range : from.local)
    if (range.first.family() == family) out.push_back(address_condition(Field::IP_LOCAL_ADDRESS, range));
  for (const auto& range : from.remote)
    if (range.first.family() == family) out.push_back(address_condition(Field::IP_REMOTE_ADDRESS, range));
  for (const auto& range : from.local_ports) out.push_back(port_condition(Field::IP_LOCAL_PORT, range));
  for (const auto& range : from.remote_ports) out.push_back(port_condition(Field::IP_REMOTE_PORT, range));
  for (const uint8_t protocol : from.protocols) out.push_back({Field::IP_PROTOCOL, MatchType::EQUAL, Value(protocol)});
  if (from.icmp)
    out.push_back({Field::IP_PROTOCOL, MatchType::EQUAL, Value(static_cast<uint8_t>(family == Family::v4 ? 1 : 58))});
  if (from.unicast) out.push_back({Field::IP_LOCAL_ADDRESS_TYPE, MatchType::EQUAL, Value(uint8_t{1})});
  if (from.authentication) {
    const bool psk = *from.authentication == model::AuthPolicy::Kind::psk;
    const auto type = psk ? policy::AuthMethodType::PRESHARED_KEY : policy::AuthMethodType::CERTIFICATE;
    out.push_back({Field::AUTHENTICATION_TYPE, MatchType::EQUAL, Value(static_cast<uint32_t>(type))});
  }
  const bool of_keying = from.layer == kKmAuthorization;
  add_identities(from.remote_machines, of_keying ? Field::REMOTE_ID : Field::ALE_REMOTE_MACHINE_ID, out);
  add_identities(from.remote_users, Field::ALE_REMOTE_USER_ID, out);
  for (const auto& path : from.programs)
    out.push_back({Field::ALE_APP_ID, MatchType::EQUAL,
                   Value(policy::Octets<policy::DataType::BYTE_BLOB>{policy::app_id_of(path)})});
  if (!from.uids.empty()) {
    policy::SecurityDescriptor descriptor;
    descriptor.dacl.emplace();
    for (const uint32_t uid : from.uids)
      descriptor.dacl->push_back({policy::Ace::Kind::allow, policy::kActrlMatchFilter, sid_of_account(uid)});
    out.push_back(
        {Field::ALE_USER_ID, MatchType::EQUAL, Value(policy::DescriptorValue{policy::write_descriptor(descriptor)})});
  }
  return out;
}

FilterObjects objects_of(const config::FilterPolicy& settings) {
  FilterObjects out;
  for (const auto& each : settings.main_modes) out.contexts.push_back(main_mode(each));
  for (const auto& each : settings.quick_modes) out.contexts.push_back(quick_mode(each));
  for (const auto& each : settings.filters) {
    if (each.layer == kKmDemux) out.contexts.push_back(keying(each));
    if (each.v4) out.filters.push_back(filter_of(each, settings, Family::v4));
    if (each.v6 && each.layer != kKmAuthorization) out.filters.push_back(filter_of(each, settings, Family::v6));
  }
  add_tunnels(settings, out);
  return out;
}

FilterObjects configured_objects(const config::FilterPolicy& settings,
                                 const std::vector<model::ConnectionPolicy>& connections) {
  FilterObjects out = objects_of(settings);
  FilterObjects more = connection_objects(connections);
  const auto move_all = [](auto& from, auto& to) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  move_all(more.contexts, out.contexts);
  move_all(more.filters, out.filters);
  return out;
}

policy::Outcome<> reconcile(policy::Engine& engine, policy::SessionId session, const FilterObjects& objects) {
  SP_TRY(const auto view, engine.view(session));
  const auto contexts = by_key(objects.contexts);
  const auto filters = by_key(objects.filters);
  std::set<Guid> changed_contexts, kept;
  std::vector<Guid> filters_away, contexts_away;
  view->contexts.for_each([&](const auto& there) {
    if (!ours(there->head)) return;
    const auto wanted = contexts.find(there->head.key);
    if (wanted != contexts.end() && same(*there, *wanted->second)) {
      kept.insert(there->head.key);
    } else {
      changed_contexts.insert(there->head.key);
      contexts_away.push_back(there->head.key);
    }
  });
  view->filters.for_each([&](const auto& there) {
    if (!ours(there->head)) return;
    const auto wanted = filters.find(there->head.key);
    const bool stays = wanted != filters.end() && same(*there, *wanted->second) &&
                       !(there->has_provider_context() && changed_contexts.count(there->provider_context) != 0);
    if (stays) {
      kept.insert(there->head.key);
    } else {
      filters_away.push_back(there->head.key);
    }
  });
  for (const Guid& key : filters_away) SP_CHECK(engine.remove(session, policy::ObjectKind::filter, key));
  for (const Guid& key : contexts_away) SP_CHECK(engine.remove(session, policy::ObjectKind::provider_context, key));
  const bool provider_there = view->providers.find(configuration_provider()) != nullptr;
  if (!objects.empty() && !provider_there) {
    policy::Provider provider;
    provider.head.key = configuration_provider();
    provider.head.display = {"configuration", "what the daemon's configuration file says"};
    if (auto added = engine.add(session, provider); !added) return tl::unexpected(added.error());
  }
  for (const auto& each : objects.contexts) {
    if (kept.count(each.head.key) != 0) continue;
    if (auto added = engine.add(session, each); !added) return tl::unexpected(added.error());
  }
  for (const auto& each : objects.filters) {
    if (kept.count(each.head.key) != 0) continue;
    if (auto added = engine.add(session, each); !added) return tl::unexpected(added.error());
  }
  if (objects.empty() && provider_there)
    SP_CHECK(engine.remove(session, policy::ObjectKind::provider, configuration_provider()));
  return {};
}

tl::expected<HostFilters, std::string> host_filters_of(const config::FilterPolicy& settings,
                                                       const std::vector<model::ConnectionPolicy>& connections,
                                                       Rng& rng) {
  if (settings.empty()) return HostFilters{};
  policy::Engine engine(rng);
  policy::SessionRequest request;
  request.trusted = true;
  const TimePoint never{};
  const auto session = engine.open(request);
  auto done = session ? policy::Outcome<>{} : policy::Outcome<>(tl::unexpected(session.error()));
  if (done && !engine.begin(never, *session, policy::TxnMode::read_write)) done = policy::refuse(policy::Fwp::TIMEOUT);
  if (done) done = reconcile(engine, *session, configured_objects(settings, connections));
  if (done) done = engine.commit(never, *session);
  if (!done)
    return tl::unexpected<std::string>("the filters are refused: " + std::string(policy::describe(done.error().code)));
  HostFilters out = host_filters(*engine.snapshot());
  if (!out.unsaid.empty())
    return tl::unexpected<std::string>("a filter has conditions that the packet filter cannot express");
  return out;
}

}  // namespace sallyport::stack
