// The parts of a tunnel, in the order they are added; they go in the opposite one.
#include "policy/tunnel.h"

#include <algorithm>

namespace sallyport::policy {
namespace {

// Which part of the tunnel a derived key belongs to. Numbers of earlier stores stay what they are.
enum class Part : uint8_t {
  main_mode_filter = 1,
  quick_mode_filter,
  outbound,
  inbound,
  forward_outbound,
  forward_inbound,
  ale_accept,
  ale_connect,
  keying_context,
  keying_filter,
};
constexpr Part kFilters[] = {Part::main_mode_filter, Part::quick_mode_filter, Part::outbound,
                             Part::inbound,          Part::forward_outbound,  Part::forward_inbound,
                             Part::ale_accept,       Part::ale_connect,       Part::keying_filter};

Guid part_key(const Guid& tunnel, Part part) {
  uint64_t high = load_be64(tunnel.octets.data()), low = load_be64(tunnel.octets.data() + 8);
  const auto n = static_cast<uint64_t>(part);
  Guid out;
  store_be64(out.octets.data(), mix64(high ^ mix64(low + n)));
  store_be64(out.octets.data() + 8, mix64(low ^ mix64(high + (n << 32))));
  out.octets[6] = static_cast<uint8_t>((out.octets[6] & 0x0f) | 0x80);  // RFC 9562 5.8: version 8, of our own making
  out.octets[8] = static_cast<uint8_t>((out.octets[8] & 0x3f) | 0x80);
  return out;
}

// The family of an address in a condition; nothing for what is no address.
std::optional<Family> family_of(const ConditionValue& value) {
  const auto of = [](const Value& v) -> std::optional<Family> {
    if (v.as<uint32_t>()) return Family::v4;
    if (v.as<ByteArray16>()) return Family::v6;
    return {};
  };
  if (const auto* one = std::get_if<Value>(&value.held)) return of(*one);
  if (const auto* range = std::get_if<Range>(&value.held)) return of(range->low);
  return std::holds_alternative<V4AddrMask>(value.held) ? Family::v4 : Family::v6;
}

// Of the packets inside: what the conditions on addresses say, otherwise that of the endpoints.
Outcome<Family> inner_family(const Tunnel& tunnel, Family outer) {
  std::optional<Family> out;
  for (size_t i = 0; i < tunnel.inner.size(); ++i) {
    const Condition& each = tunnel.inner[i];
    const bool address = each.field == Field::IP_LOCAL_ADDRESS || each.field == Field::IP_REMOTE_ADDRESS;
    if (!address && !(tunnel.flags & Tunnel::kPointToPoint)) return refuse(Fwp::INVALID_PARAMETER, i);
    if (!address) continue;
    const auto family = family_of(each.value);
    if (!family) return refuse(Fwp::TYPE_MISMATCH, i);
    if (out && *out != *family) return refuse(Fwp::INVALID_PARAMETER, i);
    out = family;
  }
  const Family inner = out.value_or(outer);
  const uint32_t flags = std::get<TunnelPolicy>(tunnel.policy.policy).flags;
  if (inner == Family::v6 && outer == Family::v4 && !(flags & policy_flag::kEnableV6InV4Tunneling))
    return refuse(Fwp::INVALID_TUNNEL_ENDPOINT);
  return inner;
}

Value address_value(const IpAddr& address) {
  const ByteView octets = address.bytes();
  if (address.is_v4()) return Value(load_be32(octets.data()));
  ByteArray16 out{};
  std::copy(octets.begin(), octets.end(), out.begin());
  return Value(out);
}

struct Layers {
  Layer ikeext, ipsec, km_demux, outbound, inbound, forward, accept, connect;
};
constexpr Layers kV4{Layer::IKEEXT_V4,
                     Layer::IPSEC_V4,
                     Layer::IPSEC_KM_DEMUX_V4,
                     Layer::OUTBOUND_TRANSPORT_V4,
                     Layer::INBOUND_TRANSPORT_V4,
                     Layer::IPFORWARD_V4,
                     Layer::ALE_AUTH_RECV_ACCEPT_V4,
                     Layer::ALE_AUTH_CONNECT_V4};
constexpr Layers kV6{Layer::IKEEXT_V6,
                     Layer::IPSEC_V6,
                     Layer::IPSEC_KM_DEMUX_V6,
                     Layer::OUTBOUND_TRANSPORT_V6,
                     Layer::INBOUND_TRANSPORT_V6,
                     Layer::IPFORWARD_V6,
                     Layer::ALE_AUTH_RECV_ACCEPT_V6,
                     Layer::ALE_AUTH_CONNECT_V6};
const Layers& layers_of(Family family) { return family == Family::v4 ? kV4 : kV6; }

Guid callout_of(Family family, const Guid& v4, const Guid& v6) { return family == Family::v4 ? v4 : v6; }

// For packets that are forwarded: local becomes source or destination.
Conditions forwarded(const Conditions& inner, bool leaving) {
  Conditions out;
  for (Condition each : inner) {
    const bool local = each.field == Field::IP_LOCAL_ADDRESS;
    each.field = local == leaving ? Field::IP_SOURCE_ADDRESS : Field::IP_DESTINATION_ADDRESS;
    out.push_back(std::move(each));
  }
  return out;
}

// What is added, so that a refusal half-way takes it away again: also in a transaction of the caller's.
class Undo {
 public:
  Undo(Engine& engine, SessionId session) : engine_(engine), session_(session) {}
  ~Undo() {
    for (auto at = added_.rbegin(); at != added_.rend(); ++at) (void)engine_.remove(session_, at->kind, at->key);
  }
  template <class Object>
  Outcome<Added> add(ObjectKind kind, Object object) {
    auto added = engine_.add(session_, std::move(object));
    if (added) added_.push_back({kind, added->key});
    return added;
  }
  void keep() { added_.clear(); }

 private:
  Engine& engine_;
  SessionId session_;
  std::vector<ObjectRef> added_;
};

struct Parts {
  const Tunnel& tunnel;
  Guid key;  // of the tunnel's policy
  std::optional<Guid> main_mode;
  Family inner, outer;

  Filter filter(Part part, Layer layer, Conditions conditions) const {
    Filter out;
    out.head.key = part_key(key, part);
    out.head.display = {tunnel.policy.head.display.name, "part of an IPsec tunnel"};
    out.head.provider = tunnel.policy.head.provider;
    out.head.protection = tunnel.policy.head.protection;
    if (tunnel.policy.head.flags & ProviderContext::kPersistent) out.head.flags |= Filter::kPersistent;
    out.layer = layer;
    out.conditions = std::move(conditions);
    out.action.type = ActionType::PERMIT;
    return out;
  }
  Filter with_context(Filter out, const Guid& context) const {
    out.head.flags |= Filter::kHasProviderContext;
    out.provider_context = context;
    return out;
  }
  Filter asking(Filter out, const Guid& callout, const Guid& sublayer) const {
    out.action = {ActionType::CALLOUT_TERMINATING, callout};
    out.sublayer = sublayer;
    return out;
  }
  Conditions endpoints() const {
    const TunnelEndpoints& ends = std::get<TunnelPolicy>(tunnel.policy.policy).endpoints;
    Conditions out{{Field::IP_LOCAL_ADDRESS, MatchType::EQUAL, address_value(ends.local)}};
    if (ends.remote_addresses.empty()) {
      out.push_back({Field::IP_REMOTE_ADDRESS, MatchType::EQUAL, address_value(ends.remote)});
    } else {
      for (const IpAddr& each : ends.remote_addresses)
        out.push_back({Field::IP_REMOTE_ADDRESS, MatchType::EQUAL, address_value(each)});
    }
    return out;
  }
  Conditions carried() const {
    Conditions out = endpoints();
    const uint8_t protocol = inner == Family::v4 ? 4 : 41;
    out.push_back({Field::IP_PROTOCOL, MatchType::EQUAL, Value(protocol)});
    return out;
  }

  std::vector<Filter> all() const {
    const Layers& in = layers_of(inner);
    const Layers& out = layers_of(outer);
    std::vector<Filter> made;
    if (main_mode) made.push_back(with_context(filter(Part::main_mode_filter, out.ikeext, endpoints()), *main_mode));
    made.push_back(with_context(filter(Part::quick_mode_filter, in.ipsec, tunnel.inner), key));
    const auto add = [&](Part part, Layer layer, Conditions conditions, const Guid& callout, const Guid& sublayer) {
      made.push_back(with_context(asking(filter(part, layer, std::move(conditions)), callout, sublayer), key));
    };
    add(Part::outbound, in.outbound, tunnel.inner,
        callout_of(inner, known::callout::IPSEC_OUTBOUND_TUNNEL_V4, known::callout::IPSEC_OUTBOUND_TUNNEL_V6),
        known::sublayer::IPSEC_TUNNEL);
    add(Part::inbound, in.inbound, tunnel.inner,
        callout_of(inner, known::callout::IPSEC_INBOUND_TUNNEL_V4, known::callout::IPSEC_INBOUND_TUNNEL_V6),
        known::sublayer::IPSEC_TUNNEL);
    if (!(tunnel.flags & Tunnel::kPointToPoint)) {
      add(Part::forward_outbound, in.forward, forwarded(tunnel.inner, true),
          callout_of(inner, known::callout::IPSEC_FORWARD_OUTBOUND_TUNNEL_V4,
                     known::callout::IPSEC_FORWARD_OUTBOUND_TUNNEL_V6),
          known::sublayer::IPSEC_FORWARD_OUTBOUND_TUNNEL);
      add(Part::forward_inbound, in.forward, forwarded(tunnel.inner, false),
          callout_of(inner, known::callout::IPSEC_FORWARD_INBOUND_TUNNEL_V4,
                     known::callout::IPSEC_FORWARD_INBOUND_TUNNEL_V6),
          known::sublayer::IPSEC_TUNNEL);
    }
    add(Part::ale_accept, out.accept, carried(),
        callout_of(outer, known::callout::IPSEC_INBOUND_TUNNEL_ALE_ACCEPT_V4,
                   known::callout::IPSEC_INBOUND_TUNNEL_ALE_ACCEPT_V6),
        known::sublayer::UNIVERSAL);
    made.push_back(asking(filter(Part::ale_connect, out.connect, carried()),
                          callout_of(outer, known::callout::IPSEC_ALE_CONNECT_V4, known::callout::IPSEC_ALE_CONNECT_V6),
                          known::sublayer::UNIVERSAL));
    if (tunnel.key_module)
      made.push_back(
          with_context(filter(Part::keying_filter, out.km_demux, endpoints()), part_key(key, Part::keying_context)));
    return made;
  }
};

std::optional<KeyModule> module_of(const Guid& key) {
  if (key == known::keying_module::IKE) return KeyModule::IKE;
  if (key == known::keying_module::AUTHIP) return KeyModule::AUTHIP;
  if (key == known::keying_module::IKEV2) return KeyModule::IKEV2;
  return {};
}

Outcome<> check_tunnel(const Tunnel& tunnel) {
  if (tunnel.flags & ~Tunnel::kKnownFlags) return refuse(Fwp::INVALID_FLAGS);
  if (role_of(tunnel.policy.type) != ContextRole::qm_tunnel ||
      !std::holds_alternative<TunnelPolicy>(tunnel.policy.policy))
    return refuse(Fwp::INVALID_PARAMETER);
  const auto module = key_module_of(tunnel.policy.type);
  if (tunnel.main_mode &&
      (role_of(tunnel.main_mode->type) != ContextRole::mm || key_module_of(tunnel.main_mode->type) != module))
    return refuse(Fwp::INVALID_PARAMETER);
  if (tunnel.key_module && module_of(*tunnel.key_module) != module) return refuse(Fwp::INVALID_PARAMETER);
  return {};
}

// The session's transaction, or one of its own for the length of `work`.
template <class Work>
auto in_transaction(Engine& engine, TimePoint now, SessionId session, Work work) -> decltype(work()) {
  const auto began = engine.begin(now, session, TxnMode::read_write);
  if (!began && began.error().code != Fwp::TXN_IN_PROGRESS) return tl::unexpected(began.error());
  auto done = work();
  if (!began) return done;
  if (!done) {
    (void)engine.abort(now, session);
    return done;
  }
  SP_CHECK(engine.commit(now, session));
  return done;
}

}  // namespace

Outcome<std::vector<Filter>> tunnel_filters(const Tunnel& tunnel, const Guid& key,
                                            const std::optional<Guid>& main_mode) {
  SP_CHECK(check_tunnel(tunnel));
  const Family outer = std::get<TunnelPolicy>(tunnel.policy.policy).endpoints.local.family();
  SP_TRY(const Family inner, inner_family(tunnel, outer));
  return Parts{tunnel, key, main_mode, inner, outer}.all();
}

Outcome<Added> add_tunnel(Engine& engine, TimePoint now, SessionId session, Tunnel tunnel) {
  SP_CHECK(check_tunnel(tunnel));
  const Family outer = std::get<TunnelPolicy>(tunnel.policy.policy).endpoints.local.family();
  SP_CHECK(inner_family(tunnel, outer));
  if (!engine.may_write(session)) return refuse(Fwp::TIMEOUT);
  return in_transaction(engine, now, session, [&]() -> Outcome<Added> {
    Undo undo(engine, session);
    std::optional<Guid> main_mode;
    if (tunnel.main_mode) {
      SP_TRY(const Added added, undo.add(ObjectKind::provider_context, *tunnel.main_mode));
      main_mode = added.key;
    }
    SP_TRY(const Added added, undo.add(ObjectKind::provider_context, tunnel.policy));
    if (tunnel.key_module) {
      ProviderContext keying;
      keying.head.key = part_key(added.key, Part::keying_context);
      keying.head.display = tunnel.policy.head.display;
      keying.head.provider = tunnel.policy.head.provider;
      keying.head.flags = tunnel.policy.head.flags & ProviderContext::kPersistent;
      keying.type = ContextType::IPSEC_KEYING;
      keying.policy = KeyingPolicy{{*tunnel.key_module}, 0};
      SP_CHECK(undo.add(ObjectKind::provider_context, std::move(keying)));
    }
    SP_TRY(std::vector<Filter> filters, tunnel_filters(tunnel, added.key, main_mode));
    for (Filter& each : filters) SP_CHECK(undo.add(ObjectKind::filter, std::move(each)));
    undo.keep();
    return added;
  });
}

Outcome<> remove_tunnel(Engine& engine, TimePoint now, SessionId session, const Guid& key) {
  if (!engine.may_write(session)) return refuse(Fwp::TIMEOUT);
  SP_TRY(const std::shared_ptr<const Snapshot> before, engine.view(session));
  const auto* policy = before->contexts.find(key);
  if (!policy || role_of((*policy)->type) != ContextRole::qm_tunnel) return refuse(Fwp::PROVIDER_CONTEXT_NOT_FOUND);
  std::optional<Guid> main_mode;
  if (const auto* filter = before->filters.find(part_key(key, Part::main_mode_filter)))
    main_mode = (*filter)->provider_context;
  const auto remove_all = [&]() -> Outcome<> {
    for (const Part part : kFilters) {
      const Guid each = part_key(key, part);
      if (before->filters.find(each)) SP_CHECK(engine.remove(session, ObjectKind::filter, each));
    }
    const Guid keying = part_key(key, Part::keying_context);
    if (before->contexts.find(keying)) SP_CHECK(engine.remove(session, ObjectKind::provider_context, keying));
    SP_CHECK(engine.remove(session, ObjectKind::provider_context, key));
    if (!main_mode) return {};
    const auto gone = engine.remove(session, ObjectKind::provider_context, *main_mode);
    return gone || gone.error().code == Fwp::IN_USE || gone.error().code == Fwp::PROVIDER_CONTEXT_NOT_FOUND
               ? Outcome<>{}
               : gone;
  };
  // In a transaction of the caller's a refusal half-way cannot be taken back by an abort; what could refuse is the
  // protection of a part, and the parts are protected alike.
  return in_transaction(engine, now, session, remove_all);
}

}  // namespace sallyport::policy
