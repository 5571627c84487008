// See direct_sas.h.
#include "stack/direct_sas.h"

#include <algorithm>

#include "policy/enumerate.h"
#include "policy/translate.h"
#include "stack/direct_bundle.h"
#include "stack/filter_flows.h"
#include "stack/sa_filters.h"
#include "stack/sa_transforms.h"

namespace sallyport::stack {
namespace {

using policy::Filter;
using policy::Fwp;
using policy::Outcome;
using policy::refuse;
using policy::SaBundle;
using policy::SaTraffic;
using policy::TrafficType;

struct Covered {
  const Filter* filter = nullptr;
  model::Selectors local, remote;
};

const Filter* filter_by_id(const policy::Snapshot& policy, uint64_t id) {
  const auto* found = policy.filters_by_id.find(id);
  return found ? found->get() : nullptr;
}

// Of this direction: the filter whose SAs the context holds.
Outcome<const Filter*> transport_filter(const policy::Snapshot& policy, const SaTraffic& traffic, bool outbound) {
  const Filter* filter = filter_by_id(policy, traffic.policy_id);
  if (!filter) return refuse(Fwp::FILTER_NOT_FOUND);
  const Point point = outbound ? Point::outbound_transport : Point::inbound_transport;
  if (filter->layer != layer_of(point, traffic.local.family()) || !is_ipsec_callout(*filter, outbound, false))
    return refuse(Fwp::INCOMPATIBLE_LAYER);
  return filter;
}

Outcome<const Filter*> tunnel_filter(const policy::Snapshot& policy, const SaTraffic& traffic) {
  const auto* context = policy.contexts_by_id.find(traffic.policy_id);
  if (!context) return refuse(Fwp::PROVIDER_CONTEXT_NOT_FOUND);
  const auto* tunnel = std::get_if<policy::TunnelPolicy>(&(*context)->policy);
  if (!tunnel) return refuse(Fwp::PROVIDER_CONTEXT_MISMATCH);
  if (tunnel->endpoints.local != traffic.local || tunnel->endpoints.remote != traffic.remote)
    return refuse(Fwp::TRAFFIC_MISMATCH);
  for (const Family family : {Family::v4, Family::v6}) {
    policy::FilterTemplate wanted;
    wanted.layer = layer_of(Point::outbound_transport, family);
    wanted.flags = policy::FilterTemplate::kSorted;
    SP_TRY(const policy::Filters filters, policy::enumerate_filters(policy, &wanted));
    for (const auto& each : filters) {
      if (is_ipsec_callout(*each, true, true) && each->provider_context == (*context)->head.key)
        return filter_by_id(policy, each->id);
    }
  }
  return refuse(Fwp::FILTER_NOT_FOUND);
}

model::Selector one_host(const IpAddr& address, uint8_t protocol, uint16_t port) {
  model::Selector out = model::Selector::any(address.family());
  out.first = out.last = address;
  out.protocol = protocol;
  if (port != 0) out.port_first = out.port_last = port;
  return out;
}

Outcome<Covered> cover(const policy::Snapshot& policy, const SaTraffic& traffic) {
  if (traffic.local.family() != traffic.remote.family()) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  Covered out;
  const bool tunnel = traffic.type == TrafficType::TUNNEL;
  SP_TRY(out.filter, tunnel ? tunnel_filter(policy, traffic) : transport_filter(policy, traffic, true));
  auto said = policy::filter_traffic(*out.filter);
  if (!said) return refuse(Fwp::NOT_SUPPORTED);
  out.local = std::move(said->local);
  out.remote = std::move(said->remote);
  if (!tunnel) {
    out.local = model::intersect(out.local, {one_host(traffic.local, traffic.protocol, traffic.local_port)});
    out.remote = model::intersect(out.remote, {one_host(traffic.remote, traffic.protocol, traffic.remote_port)});
  }
  if (out.local.empty() || out.remote.empty()) return refuse(Fwp::TRAFFIC_MISMATCH);
  return out;
}

bool same_traffic(const SaTraffic& a, const SaTraffic& b) {
  return a.local == b.local && a.remote == b.remote && a.type == b.type && a.remote_port == b.remote_port &&
         a.local_port == b.local_port && a.protocol == b.protocol;
}

model::Lifetime hard_lifetime(const SaBundle& bundle) {
  const policy::SaLifetime& from = bundle.lifetime;
  model::Lifetime out;
  if (from.seconds != 0) out.time = seconds(from.seconds);
  if (from.kilobytes != 0) out.bytes = uint64_t{from.kilobytes} * 1024;
  if (from.packets != 0) out.packets = from.packets;
  if (bundle.idle_timeout_seconds != 0) out.idle = seconds(bundle.idle_timeout_seconds);
  return out;
}

SaBundle without_keys(SaBundle bundle) {
  for (policy::SaMaterial& each : bundle.sas) each.auth_key = each.cipher_key = {};
  return bundle;
}

// Of the outbound one: algorithms like the inbound one's, and an SPI that no rule reserves.
Outcome<model::DirectionKeys> outbound_keys(const policy::SaMaterial& material, const policy::SaMaterial& inbound) {
  constexpr uint32_t kReserved = 255;  // RFC 4303 2.1
  if (material.spi <= kReserved) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  SP_TRY(const DirectAlgorithms algorithms, algorithms_of(material));
  if (algorithms != algorithms_of(inbound).value_or(DirectAlgorithms{})) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  return keys_of(algorithms, material);
}

SecretBytes random_key(Rng& rng, size_t octets) {
  SecretBytes out(octets);
  rng.fill(out.writable());
  return out;
}

}  // namespace

Outcome<DirectSas::Context*> DirectSas::at(Id id, State state) {
  const auto found = contexts_.find(id);
  if (found == contexts_.end()) return refuse(Fwp::NOT_FOUND);
  if (found->second.state != state) return refuse(Fwp::INCOMPATIBLE_SA_STATE);
  return &found->second;
}

Outcome<DirectSas::Created> DirectSas::create(const policy::Snapshot& policy, const SaTraffic& outbound,
                                              uint64_t virtual_if_tunnel, uint64_t traffic_selector) {
  if (contexts_.size() >= kMostContexts) return refuse(Fwp::NO_SYSTEM_RESOURCES);
  SP_TRY(const Covered covered, cover(policy, outbound));
  Context made;
  made.outbound = outbound;
  made.filter = covered.filter->id;
  made.virtual_if_tunnel = virtual_if_tunnel;
  made.traffic_selector = traffic_selector;
  made.told.ts_local = covered.local;
  made.told.ts_remote = covered.remote;
  HostFlow flow;
  flow.local = covered.local.front().first;
  flow.remote = covered.remote.front().first;
  flow.protocol = outbound.protocol;
  flow.local_port = outbound.local_port;
  flow.remote_port = outbound.remote_port;
  flow.ports_known = true;
  const Filter* inbound = inbound_filter_of(policy, flow);
  const Id id = ++last_;
  contexts_.emplace(id, std::move(made));
  return Created{id, inbound ? inbound->id : 0};
}

Outcome<uint32_t> DirectSas::set_spi(const policy::Snapshot& policy, Id id, const Wanted& wanted) {
  const auto found = contexts_.find(id);
  if (found == contexts_.end()) return refuse(Fwp::NOT_FOUND);
  Context& context = found->second;
  if (context.state != State::created && context.state != State::spi_known) return refuse(Fwp::INCOMPATIBLE_SA_STATE);
  if (!same_traffic(wanted.inbound, context.outbound)) return refuse(Fwp::TRAFFIC_MISMATCH);
  if (wanted.inbound.type == TrafficType::TRANSPORT) {
    SP_CHECK(transport_filter(policy, wanted.inbound, false));
  } else if (wanted.inbound.policy_id != context.outbound.policy_id) {
    return refuse(Fwp::TRAFFIC_MISMATCH);
  }
  if (wanted.udp && (wanted.inbound.local.is_v6() || wanted.udp->local_port != natt_port_))
    return refuse(Fwp::NOT_SUPPORTED);
  if (context.state == State::spi_known) {
    if (wanted.inbound.policy_id != context.inbound.policy_id || wanted.udp != context.udp)
      return refuse(Fwp::TRAFFIC_MISMATCH);
    if (wanted.spi != 0 && wanted.spi != context.spi) return refuse(Fwp::INCOMPATIBLE_SA_STATE);
    return context.spi;
  }
  constexpr uint32_t kReserved = 255;  // RFC 4303 2.1
  if (wanted.spi != 0 && wanted.spi <= kReserved) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  if (wanted.spi != 0 && !spis_.take_spi(wanted.spi)) return refuse(Fwp::ALREADY_EXISTS);
  context.spi = wanted.spi != 0 ? wanted.spi : spis_.take_spi();
  context.inbound = wanted.inbound;
  context.udp = wanted.udp;
  context.state = State::spi_known;
  return context.spi;
}

// The data plane takes SAs in pairs: until the other one is there its half has a key that nobody knows, and is not
// used.
Outcome<> DirectSas::add_inbound(const policy::Snapshot& policy, Id id, SaBundle bundle) {
  SP_TRY(Context * context, at(id, State::spi_known));
  SP_CHECK(check_bundle(bundle));
  if (bundle.sas.front().spi != context->spi) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  SP_TRY(const DirectAlgorithms algorithms, algorithms_of(bundle.sas.front()));
  InstallSa install;
  model::SaSpec& sa = install.sa;
  SP_TRY(sa.in, keys_of(algorithms, bundle.sas.front()));
  sa.out.encr = random_key(rng_, sa.in.encr.size());
  sa.out.integ = random_key(rng_, sa.in.integ.size());
  const bool tunnel = context->outbound.type == TrafficType::TUNNEL;
  const Filter* filter = filter_by_id(policy, context->filter);
  if (!filter) return refuse(Fwp::FILTER_NOT_FOUND);
  sa.child_id = id;
  sa.connection = "direct";
  sa.child = filter->head.display.name;
  sa.protocol = algorithms.protocol;
  sa.mode = tunnel ? model::Mode::tunnel : model::Mode::transport;
  sa.spi_in = sa.spi_out = context->spi;
  sa.local.addr = context->outbound.local;
  sa.remote.addr = context->outbound.remote;
  if (context->udp) {
    if (sa.protocol == model::Protocol::AH) return refuse(Fwp::INVALID_TRANSFORM_COMBINATION);
    sa.udp_encap = true;
    sa.local.port = context->udp->local_port;
    sa.remote.port = context->udp->remote_port;
  }
  sa.encr = algorithms.encr;
  sa.key_bits = algorithms.key_bits;
  sa.integ = algorithms.integ;
  sa.replay_window = bundle.lifetime.packets == 0 ? 0 : sa.replay_window;
  sa.shape.clamp_mss = true;
  if (bundle.flags & policy::bundle_flag::kClearDfOnTunnel) sa.shape.df = model::PacketShape::Df::clear;
  sa.ts_local = context->told.ts_local;
  sa.ts_remote = context->told.ts_remote;
  sa.hard = hard_lifetime(bundle);
  sa.outbound_ready = false;
  sa.reqid = tunnel ? reqid_of_tunnel(context->outbound.policy_id)
                    : reqid_of_filter(context->filter, sa.local.addr, sa.remote.addr, encrypts(sa));
  if (bundle.sas.size() == 2) SP_CHECK(add_around(*context, bundle.sas[1], sa));
  context->told = {id, 0, sa.reqid, std::nullopt, sa.ts_local, sa.ts_remote, true, 0, sa.protocol, false};
  commands_.emplace_back(std::move(install));
  context->inbound_bundle = without_keys(std::move(bundle));
  context->state = State::inbound_added;
  ++totals_.added;
  note(id, *context, true);
  return {};
}

// Installed before what it goes around.
Outcome<> DirectSas::add_around(Context& context, const policy::SaMaterial& ah, model::SaSpec& inside) {
  SP_TRY(InstallSa around, sa_around(inside, ah));
  constexpr uint32_t kReserved = 255;
  if (ah.spi <= kReserved) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  if (!spis_.take_spi(ah.spi)) return refuse(Fwp::ALREADY_EXISTS);
  context.ah_spi = ah.spi;
  model::SaSpec& sa = around.sa;
  sa.out.integ = random_key(rng_, sa.in.integ.size());
  inside.outer_reqid = sa.reqid;
  context.told_ah = {sa.child_id, 0, sa.reqid, std::nullopt, sa.ts_local, sa.ts_remote, true, 0, sa.protocol, false};
  commands_.emplace_back(std::move(around));
  return {};
}

Outcome<> DirectSas::add_outbound(Id id, SaBundle bundle) {
  SP_TRY(Context * context, at(id, State::inbound_added));
  SP_CHECK(check_bundle(bundle));
  const std::vector<policy::SaMaterial>& inbound = context->inbound_bundle->sas;
  if (bundle.sas.size() != inbound.size()) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  // One number for the pair, which programs find it by.
  if (bundle.qm_sa_id != context->inbound_bundle->qm_sa_id) return refuse(Fwp::WIN32_INVALID_PARAMETER);
  CompleteSa complete, around;
  SP_TRY(complete.out, outbound_keys(bundle.sas.front(), inbound.front()));
  if (inbound.size() == 2) {
    SP_TRY(around.out, outbound_keys(bundle.sas[1], inbound[1]));
    context->told_ah.spi_out = bundle.sas[1].spi;
    around.sa = context->told_ah;
    around.spi_in = context->ah_spi;
    commands_.emplace_back(std::move(around));
  }
  context->told.spi_out = bundle.sas.front().spi;
  complete.sa = context->told;
  complete.spi_in = context->spi;
  complete.hard = hard_lifetime(bundle);
  commands_.emplace_back(std::move(complete));
  context->outbound_bundle = without_keys(std::move(bundle));
  context->state = State::complete;
  return {};
}

Outcome<> DirectSas::update(Id id, uint64_t flags, const policy::SaContext& to) {
  constexpr uint64_t kTraffic = 0x1, kUdp = 0x2, kFlags = 0x4, kNap = 0x8, kModuleState = 0x10, kPeerPrivate = 0x20,
                     kMmSa = 0x40, kKnown = 0x7f;
  SP_TRY(Context * context, at(id, State::complete));
  if (flags & ~kKnown) return refuse(Fwp::INVALID_FLAGS);
  if (!to.inbound || !to.outbound) return refuse(Fwp::NULL_POINTER);
  const SaTraffic& traffic = to.outbound->traffic;
  MoveSa move{{id}, {context->outbound.local, 0}, {context->outbound.remote, 0}};
  if (flags & kTraffic) {
    // A host is what its transport mode SA is for; only a tunnel goes with its endpoints.
    const bool moves = traffic.local != context->outbound.local || traffic.remote != context->outbound.remote;
    // AH in the bundle is for what these two addresses send each other.
    if (moves && context->ah_spi != 0) return refuse(Fwp::NOT_SUPPORTED);
    if (moves && context->outbound.type == TrafficType::TRANSPORT) return refuse(Fwp::TRAFFIC_MISMATCH);
    if (traffic.local.family() != context->outbound.local.family() ||
        traffic.remote.family() != context->outbound.remote.family())
      return refuse(Fwp::TRAFFIC_MISMATCH);
    move.local.addr = traffic.local;
    move.remote.addr = traffic.remote;
  }
  auto udp = context->udp;
  if (flags & kUdp) {
    udp = to.outbound->udp;
    if (udp.has_value() != context->udp.has_value() || (udp && udp->local_port != natt_port_))
      return refuse(Fwp::NOT_SUPPORTED);
  }
  if (udp) {
    move.local.port = udp->local_port;
    move.remote.port = udp->remote_port;
  }
  if (flags & (kTraffic | kUdp)) {
    context->udp = udp;
    context->outbound.local = context->inbound.local = move.local.addr;
    context->outbound.remote = context->inbound.remote = move.remote.addr;
    commands_.emplace_back(std::move(move));
  }
  const auto take = [&](SaBundle& into, const SaBundle& from) {
    if (flags & kFlags) into.flags = from.flags & policy::bundle_flag::kKnown;
    if (flags & kNap) into.nap_context = from.nap_context;
    if (flags & kModuleState) into.key_module_state = from.key_module_state;
    if (flags & kPeerPrivate) into.peer_v4_private_address = from.peer_v4_private_address;
    if (flags & kMmSa) into.mm_sa_id = from.mm_sa_id;
  };
  take(*context->inbound_bundle, to.inbound->bundle);
  take(*context->outbound_bundle, to.outbound->bundle);
  return {};
}

void DirectSas::note(Id id, const Context& context, bool added) {
  if (changes_.size() >= kMostSaChanges) changes_.pop_front();
  changes_.push_back({id, added, context.outbound.local, context.outbound.remote});
}

void DirectSas::remove_sas(Id id, const Context& context, Duration linger) {
  commands_.emplace_back(RemoveSa{id, linger});
  if (context.ah_spi != 0) commands_.emplace_back(RemoveSa{id | kAroundBit, linger});
}

void DirectSas::end(std::map<Id, Context>::iterator context, Duration linger) {
  if (context->second.inbound_bundle) {
    remove_sas(context->first, context->second, linger);
    ++totals_.deleted;
    note(context->first, context->second, false);
  }
  for (const model::Spi spi : {context->second.spi, context->second.ah_spi})
    if (spi != 0) spis_.release_spi(spi);
  contexts_.erase(context);
}

Outcome<> DirectSas::expire(TimePoint now, Id id) {
  SP_TRY(Context * context, at(id, State::complete));
  context->state = State::expired;
  context->outbound_bundle.reset();
  context->gone_at = now + kAfterExpiry;
  remove_sas(id, *context, kAfterExpiry);
  return {};
}

Outcome<> DirectSas::remove(Id id) {
  const auto found = contexts_.find(id);
  if (found == contexts_.end()) return refuse(Fwp::NOT_FOUND);
  end(found, Duration::zero());
  return {};
}

std::optional<policy::SaContext> DirectSas::get(Id id) const {
  const auto found = contexts_.find(id);
  if (found == contexts_.end()) return std::nullopt;
  const Context& context = found->second;
  const auto details = [&](bool inbound, const SaTraffic& traffic, const std::optional<SaBundle>& bundle) {
    std::optional<policy::SaDetails> out;
    if (!bundle) return out;
    out.emplace();
    out->inbound = inbound;
    out->traffic = traffic;
    out->bundle = *bundle;
    out->udp = context.udp;
    out->virtual_if_tunnel_id = context.virtual_if_tunnel;
    out->traffic_selector_id = context.traffic_selector;
    return out;
  };
  return policy::SaContext{id, details(true, context.inbound, context.inbound_bundle),
                           details(false, context.outbound, context.outbound_bundle)};
}

std::optional<std::pair<IpAddr, IpAddr>> DirectSas::addresses(Id id) const {
  const auto found = contexts_.find(id);
  if (found == contexts_.end() || !found->second.inbound_bundle) return std::nullopt;
  return std::pair(found->second.outbound.local, found->second.outbound.remote);
}

// A tunnel's inbound filter is nobody's choice; what the context was told of is its policy.
uint64_t DirectSas::filter_of(Id id, bool inbound) const {
  const auto found = contexts_.find(id);
  if (found == contexts_.end()) return 0;
  const Context& context = found->second;
  const bool named = inbound && context.inbound.type == TrafficType::TRANSPORT;
  return named ? context.inbound.policy_id : context.filter;
}

std::vector<DirectSas::Id> DirectSas::ids() const {
  std::vector<Id> out;
  for (const auto& [id, context] : contexts_) {
    if (context.inbound_bundle) out.push_back(id);
  }
  return out;
}

bool DirectSas::serves(uint64_t filter) const {
  return std::any_of(contexts_.begin(), contexts_.end(),
                     [&](const auto& each) { return each.second.filter == filter; });
}

bool DirectSas::carries(model::ChildId sa) const { return contexts_.contains(sa & ~kAroundBit); }

void DirectSas::lifetime_reached(model::ChildId sa) {
  if (const auto found = contexts_.find(sa & ~kAroundBit); found != contexts_.end()) end(found, Duration::zero());
}

// What an SA protected is no longer the policy's when its filter is gone.
void DirectSas::filters_changed(const policy::Snapshot& policy) {
  for (auto each = contexts_.begin(); each != contexts_.end();) {
    const auto here = each++;
    const Context& context = here->second;
    const bool inbound = context.inbound.type == TrafficType::TRANSPORT && context.inbound.policy_id != 0;
    if (!filter_by_id(policy, context.filter) || (inbound && !filter_by_id(policy, context.inbound.policy_id)))
      end(here, Duration::zero());
  }
}

void DirectSas::handle_deadline(TimePoint now) {
  for (auto each = contexts_.begin(); each != contexts_.end();) {
    const auto here = each++;
    if (here->second.state == State::expired && here->second.gone_at <= now) end(here, Duration::zero());
  }
}

std::optional<TimePoint> DirectSas::next_deadline() const {
  std::optional<TimePoint> first;
  for (const auto& [id, context] : contexts_) {
    if (context.state == State::expired && (!first || context.gone_at < *first)) first = context.gone_at;
  }
  return first;
}

std::optional<DataplaneCommand> DirectSas::poll() {
  if (commands_.empty()) return std::nullopt;
  std::optional<DataplaneCommand> out(std::move(commands_.front()));
  commands_.pop_front();
  return out;
}

}  // namespace sallyport::stack
