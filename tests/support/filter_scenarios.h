// Isolation policies as objects of the filter engine, between the nodes of a StackPair that protect their own
// addresses.
#pragma once
#include "support/policy_samples.h"
#include "support/stack_pair.h"

namespace sallyport::test {

struct FilterScenario {
  uint64_t inbound_context = 0;   // of the callout at INBOUND_TRANSPORT
  uint64_t outbound_context = 0;  // at OUTBOUND_TRANSPORT
  bool accept_secured_only = false;
  bool authenticate_only = false;  // the quick mode proposal does not encrypt
  policy::ContextType main_mode = policy::ContextType::IPSEC_IKEV2_MM;
  std::vector<policy::Filter> more = {};
  uint32_t clear_timeout_seconds = 0;
  uint32_t idle_seconds = 0;
  uint32_t quick_mode_flags = 0;                      // IPSEC_POLICY_FLAG_*
  std::optional<policy::EmPolicy> em = std::nullopt;  // of the quick mode policy
  std::vector<model::AccountUser> users = {};
};

// Users by certificate: which directions are asked for.
inline policy::EmPolicy extended_mode(bool proves, bool demands) {
  using policy::CertConfigType;
  policy::CertificateAuth certificate;
  certificate.outbound.type = proves ? CertConfigType::ENTERPRISE_STORE : CertConfigType::UNSPECIFIED;
  certificate.inbound.type = demands ? CertConfigType::ENTERPRISE_STORE : CertConfigType::UNSPECIFIED;
  policy::EmPolicy out;
  out.methods = {{policy::AuthMethodType::CERTIFICATE, certificate}};
  return out;
}

// Everything of IPv4 in one transaction. The secret's credential goes to the node's keys and to its configuration.
inline policy::SessionId install(StackNode& node, TimePoint now, const FilterScenario& scenario) {
  using namespace policy;
  namespace s = sallyport::support;
  const Guid mm_key = s::guid(1), qm_key = s::guid(2);
  auto configuration = std::make_shared<model::IkePolicySet>();
  node.keys.secrets[mm_key.to_string() + "/0"] = "a long enough secret";
  configuration->credentials = {{mm_key.to_string() + "/0", model::AuthPolicy::Kind::psk, {}, model::KeyType::none}};
  if (scenario.em) configuration->trust = {{qm_key.to_string() + "/0", {}, {}}};
  configuration->users = scenario.users;
  for (const model::AccountUser& each : scenario.users)
    configuration->credentials.push_back(
        {each.user.credential, model::AuthPolicy::Kind::cert, {Bytes(300, 0x30)}, model::KeyType::ecdsa_p256});
  node.control.handle_command(now, stack::ReloadCommand{0, configuration});
  Engine& engine = node.control.filter_engine();
  const SessionId session = *engine.open(s::trusted());
  (void)*engine.begin(now, session, TxnMode::read_write);
  IkePolicy main_mode = s::ike_policy();
  main_mode.proposals[0].dh_group = DhGroup::ECP_256;
  (void)engine.add(session, s::context(scenario.main_mode, main_mode, mm_key)).value();
  TransportPolicy quick = s::transport_policy();
  quick.nd_allow_clear_timeout_seconds = scenario.clear_timeout_seconds;
  quick.idle.seconds = scenario.idle_seconds;
  quick.flags |= scenario.quick_mode_flags;
  quick.em = scenario.em;
  if (scenario.authenticate_only)
    quick.proposals[0].transforms = {{TransformKind::ESP_AUTH, AuthTransform{AuthAlgorithm::SHA_256, 2, {}}, {}}};
  (void)engine.add(session, s::context(ContextType::IPSEC_IKEV2_QM_TRANSPORT, quick, qm_key)).value();
  const auto refer = [&](Layer layer, const Guid& key) {
    Filter filter = s::filter(layer, ActionType::PERMIT);
    filter.head.flags = Filter::kHasProviderContext;
    filter.provider_context = key;
    (void)engine.add(session, filter).value();
  };
  refer(Layer::IKEEXT_V4, mm_key);
  refer(Layer::IPSEC_V4, qm_key);
  const Conditions unicast = {s::equal(Field::IP_LOCAL_ADDRESS_TYPE, Value(uint8_t{1}))};
  (void)engine
      .add(session, s::callout_filter(Layer::INBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
                                      known::callout::IPSEC_INBOUND_TRANSPORT_V4, unicast, scenario.inbound_context))
      .value();
  (void)engine
      .add(session, s::callout_filter(Layer::OUTBOUND_TRANSPORT_V4, ActionType::CALLOUT_TERMINATING,
                                      known::callout::IPSEC_OUTBOUND_TRANSPORT_V4, unicast, scenario.outbound_context))
      .value();
  if (scenario.accept_secured_only)
    (void)engine
        .add(session, s::callout_filter(Layer::ALE_AUTH_RECV_ACCEPT_V4, ActionType::CALLOUT_TERMINATING,
                                        known::callout::IPSEC_INBOUND_INITIATE_SECURE_V4, unicast))
        .value();
  for (const Filter& filter : scenario.more) (void)engine.add(session, filter).value();
  (void)engine.commit(now, session);
  node.drain(now);
  return session;
}

// What the engine of a node has recorded, of one kind.
template <class What>
std::vector<std::pair<policy::NetEvent, What>> events(StackNode& node) {
  policy::Engine& engine = node.control.filter_engine();
  const auto session = *engine.open(support::trusted());
  std::vector<std::pair<policy::NetEvent, What>> out;
  const auto all = engine.net_events(session, {});
  for (const auto& event : *all)
    if (const auto* what = std::get_if<What>(&event->what)) out.emplace_back(*event, *what);
  return out;
}

// The last filter of a layer that is not built in.
inline uint64_t filter_at(const StackNode& node, policy::Layer layer) {
  uint64_t out = 0;
  node.control.filters()->filters.for_each([&](const auto& f) {
    if (f->layer == layer && f->head.lifetime != policy::Lifetime::builtin) out = f->id;
  });
  return out;
}

// Both nodes answer for their outer addresses.
struct FilterPair : StackPair {
  FilterPair() {
    east.restart("192.0.2.1");
    west.restart("192.0.2.2");
  }
  bool ping(uint64_t token) {
    const auto sent = east.dataplane.ping(now, token, west.address, static_cast<uint16_t>(token), 56);
    run(seconds(3));
    std::optional<stack::InnerHost::Pong> pong;
    while (auto next = east.dataplane.poll_pong()) pong = next;
    return sent && pong && pong->token == token;
  }
};

}  // namespace sallyport::test
